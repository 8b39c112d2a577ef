"""The photo path: from bytes to an overlay, step by step, by photo size and number of faces."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bench.cases import Setup, crowd, rounded
from bench.memory import peak_elsewhere
from bench.pictures import portrait
from bench.timing import CLOCKS, Timing, interleaved, ratio
from segface_hf.config import SegFaceConfig
from segface_hf.images import load_image
from segface_hf.jobs.photos import find_photos
from segface_hf.jobs.shards import photo_shards
from segface_hf.jobs.storage import StoragePath
from segface_hf.jobs.work import Job, rows_of_shards
from segface_hf.overlay import blend
from segface_hf.parser import FaceParser
from segface_hf.pipeline.merge import CropParse
from segface_hf.pipeline.pipeline import Engine

_JPEG_QUALITY = 90
_STEPS = ("decode", "parse", "blend", "encode")


def encoded(image: Image.Image) -> bytes:
    """JPEG bytes, as a browser sends them."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()


class TimedEngine:
    """An engine that adds up the time of its runs.

    Args:
        engine: Does the work.
        clock: As in `interleaved`.
    """

    def __init__(self, engine: Engine, clock: str) -> None:
        self._engine, self._now = engine, CLOCKS[clock]
        self.seconds, self.crops = 0.0, 0

    @property
    def config(self) -> SegFaceConfig:
        """The engine's."""
        return self._engine.config

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, confidence: bool
    ) -> list[CropParse]:
        """Runs the engine."""
        start = self._now()
        parsed = self._engine.run(crops, landmarks=landmarks, confidence=confidence)
        self.seconds += self._now() - start
        self.crops += len(crops)
        return parsed


def profile(setup: Setup, *, side: int = 1024) -> list[dict]:
    """Where the time goes between the bytes of a portrait and its encoded overlay."""
    parser, now = FaceParser.from_pretrained(), CLOCKS[setup.clock]
    timed = TimedEngine(parser.engine, setup.clock)
    timed_parser = FaceParser(timed, detector=parser.detector)
    data = encoded(portrait(side))
    steps: dict[str, list[float]] = {name: [] for name in (*_STEPS, "model, in parse")}
    for _ in range(setup.repeats + 1):
        before, marks = timed.seconds, [now()]
        photo = load_image(data)
        marks.append(now())
        parse = timed_parser.parse(photo)
        marks.append(now())
        overlay = blend(photo, parse.mask, parse.schema)
        marks.append(now())
        encoded(overlay)
        marks.append(now())
        for name, start, stop in zip(_STEPS, marks, marks[1:], strict=False):
            steps[name].append(stop - start)
        steps["model, in parse"].append(timed.seconds - before)
    times = {name: Timing(tuple(values[1:])) for name, values in steps.items()}
    parts = (times[name].seconds for name in _STEPS)
    whole = Timing(tuple(map(sum, zip(*parts, strict=True))))
    return [
        {"step": name, **timing.to_dict()}
        for name, timing in {"bytes to overlay": whole, **times}.items()
    ]


def by_photo(setup: Setup) -> list[dict]:
    """Parsing by photo size and number of faces, with memory for the largest."""
    parser = FaceParser.from_pretrained()
    cases = [(512, 512, 1), (1024, 1024, 1), (2048, 2048, 1), (1024, 1024, 4), (2048, 2048, 9)]
    photos = {case: crowd(*case) for case in cases}
    rows = []
    for (width, height, faces), photo in photos.items():
        calls = {"parse": lambda photo=photo: parser.parse(photo)}
        timing = interleaved(calls, repeats=max(1, setup.repeats // 2), clock=setup.clock)["parse"]
        found = len(parser.parse(photo).faces)
        rows.append(
            {"photo": f"{width} x {height}", "faces": faces, "found": found, **timing.to_dict()}
        )
    return rows


def by_wish(setup: Setup) -> list[dict]:
    """What a photo costs where only some classes are wanted, or confidence as well."""
    parser, photo = FaceParser.from_pretrained(), portrait(1024)
    timed = TimedEngine(parser.engine, setup.clock)
    counting = FaceParser(timed, detector=parser.detector)
    wishes: dict[str, dict[str, Any]] = {
        "all classes": {},
        "eyeglasses and earring": {"classes": ("eyeglasses", "earring")},
        "hair": {"classes": ("hair",)},
        "all classes, confidence, runner-up": {"confidence": True},
    }
    calls = {name: partial(parser.parse, photo, **wish) for name, wish in wishes.items()}
    times = interleaved(calls, repeats=setup.repeats, clock=setup.clock)
    rows = []
    for name, timing in times.items():
        before = timed.crops
        counting.parse(photo, **wishes[name])
        rows.append(
            {
                "asked": name,
                **timing.to_dict(),
                "crops_parsed": timed.crops - before,
                "times": round(ratio(timing, times["all classes"]), 2),
            }
        )
    return rows


def largest() -> list[dict]:
    """Memory that thirty faces in 24 megapixels take, photo included."""
    return [
        {
            "photo": "4000 x 6000",
            "faces": 30,
            "peak_mb": rounded(peak_elsewhere("photo", 4000, 6000, 30)),
        }
    ]


def many(setup: Setup, *, count: int = 16) -> list[dict]:
    """Many photos, beside the parser alone, one after the other, on photos in memory.

    Crops of faces, taken whole, are beside the model alone: nothing is looked for in them.
    """
    parser = FaceParser.from_pretrained()
    side = parser.engine.config.resolution
    photo, crop = portrait(1024), portrait(side)
    pixels = np.asarray(crop)[None]

    def model_alone() -> None:
        for _ in range(count):
            parser.engine.run(pixels, landmarks=None, confidence=False)

    with tempfile.TemporaryDirectory() as name:
        photos, crops = (
            _written(Path(name) / kind, kind, one, count)
            for kind, one in (("photos", photo), ("crops", crop))
        )
        out = Path(name) / "out"
        calls = {
            "parser alone": lambda: [parser.parse(photo) for _ in range(count)],
            "segface parse, folder to files": lambda: _to_files(parser, photos, out),
            "segface parse, folder to parquet": lambda: _to_table(parser, photos, out),
            "model alone on crops": model_alone,
            "segface parse --whole-image, crops to parquet": lambda: _to_table(
                parser, crops, out, whole=True
            ),
        }
        threads = torch.get_num_threads()
        threaded = {name: partial(_threaded, call, threads) for name, call in calls.items()}
        times = interleaved(threaded, repeats=max(1, setup.repeats // 2), clock=setup.clock)
    rows, base = [], ""
    for called, timing in times.items():
        base = called if "alone" in called else base
        rows.append(
            {
                "photos": called,
                "per_second": round(count / timing.p50, 2),
                "share": round(ratio(times[base], timing), 2),
            }
        )
    return rows


def _threaded(call: Callable[[], object], threads: int) -> object:
    """Calls with so many threads; jobs leave one behind."""
    torch.set_num_threads(threads)
    return call()


def _written(folder: Path, name: str, image: Image.Image, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        (folder / f"{name}{index:03}.jpg").write_bytes(encoded(image))
    return folder


def _to_files(parser: FaceParser, folder: Path, out: Path) -> None:
    for _ in Job(parser).to_files(find_photos([folder]), out):
        pass


def _to_table(parser: FaceParser, folder: Path, out: Path, *, whole: bool = False) -> None:
    shards = photo_shards(find_photos([folder]), rows=100)
    job = Job(parser, whole_image=whole)
    for _ in job.to_table(rows_of_shards(shards, column="image"), StoragePath.of(out)):
        pass
