"""The photo path: from bytes to an overlay, step by step, by photo size and number of faces."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from bench.memory import peak_elsewhere
from bench.models import Setup, rounded
from bench.timing import CLOCKS, Timing, interleaved, ratio
from segface_hf.config import SegFaceConfig
from segface_hf.files import find_photos
from segface_hf.images import load_image
from segface_hf.jobs.work import Job
from segface_hf.merge import CropParse
from segface_hf.overlay import blend
from segface_hf.parser import FaceParser
from segface_hf.photo import Engine

PORTRAIT = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
_JPEG_QUALITY = 90
_STEPS = ("decode", "parse", "blend", "encode")


def portrait(side: int) -> Image.Image:
    """The example portrait, square."""
    return load_image(PORTRAIT).resize((side, side), Image.Resampling.LANCZOS)


def crowd(width: int, height: int, faces: int) -> Image.Image:
    """A photo of so many portraits in a grid."""
    columns = int(np.ceil(np.sqrt(faces * width / height)))
    rows = int(np.ceil(faces / columns))
    side = min(width // columns, height // rows)
    photo, one = Image.new("RGB", (width, height), "white"), portrait(side)
    for index in range(faces):
        photo.paste(one, (index % columns * side, index // columns * side))
    return photo


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
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, doubt: bool
    ) -> list[CropParse]:
        """Runs the engine."""
        start = self._now()
        parsed = self._engine.run(crops, landmarks=landmarks, doubt=doubt)
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
    """A folder through `segface parse`, beside the parser alone on decoded photos."""
    parser, photo = FaceParser.from_pretrained(), portrait(1024)
    parser.parse(photo)
    rows = []
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as out:
        folder = Path(name)
        for index in range(count):
            (folder / f"{index:03}.jpg").write_bytes(encoded(photo))
        calls = {
            "parser alone": lambda: [parser.parse(photo) for _ in range(count)],
            "segface parse": lambda: list(Job(parser).to_files(find_photos([folder]), Path(out))),
        }
        times = interleaved(calls, repeats=max(1, setup.repeats // 2), clock=setup.clock)
    for called, timing in times.items():
        rows.append(
            {
                "photos": called, "per_second": round(count / timing.p50, 2),
                "share": round(ratio(times["parser alone"], timing), 2),
            }
        )  # fmt: skip
    return rows
