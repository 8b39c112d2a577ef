"""Square, possibly turned frames in a photo: their geometry and their crops."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from segface_hf.faces import Box

PixelBox = tuple[int, int, int, int]  # (x0, y0, x1, y1) in whole pixels

# Color of a crop whose frame is entirely outside the photo.
EMPTY_COLOR = (124, 116, 104)


@dataclass(frozen=True)
class Frame:
    """A square in photo pixels, turned about its center.

    Attributes:
        center: x and y in photo pixels.
        side: Length of a side in photo pixels.
        angle: Degrees clockwise; the crop turns them back.
    """

    center: tuple[float, float]
    side: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not self.side > 0 or not np.isfinite([*self.center, self.side, self.angle]).all():
            raise ValueError(f"a frame has a finite center and a positive side, got {self}")

    @property
    def _axes(self) -> np.ndarray:
        """Columns are the frame's x and y axes in the photo, of length `side`."""
        turn = np.deg2rad(self.angle)
        cos, sin = np.cos(turn), np.sin(turn)
        return self.side * np.array([[cos, -sin], [sin, cos]])

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Maps (N, 2) points from the frame's unit square to photo pixels."""
        return (np.asarray(points, np.float64) - 0.5) @ self._axes.T + np.asarray(self.center)

    def to_unit(self, points: np.ndarray) -> np.ndarray:
        """Maps (N, 2) points from photo pixels to the frame's unit square."""
        offset = np.asarray(points, np.float64) - np.asarray(self.center)
        return offset @ self._axes / self.side**2 + 0.5

    def scaled(self, factor: float) -> Frame:
        """Returns a frame with the same center, `factor` times as large."""
        return replace(self, side=self.side * factor)

    @property
    def box(self) -> Box:
        """The upright box (x0, y0, x1, y1) around the frame, in photo pixels."""
        corners = self.to_photo(np.array([[0, 0], [1, 0], [1, 1], [0, 1]]))
        (x0, y0), (x1, y1) = corners.min(0), corners.max(0)
        return (float(x0), float(y0), float(x1), float(y1))

    def pixel_box(self, size: tuple[int, int]) -> PixelBox:
        """Returns the pixels (x0, y0, x1, y1) that it shares with a photo of (width, height)."""
        x0, y0, x1, y1 = self.box
        width, height = size
        left, top = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
        right, bottom = min(width, int(np.ceil(x1))), min(height, int(np.ceil(y1)))
        return (left, top, max(left, right), max(top, bottom))

    def crop(self, image: Image.Image, size: int) -> np.ndarray:
        """Cuts the frame out of an RGB photo, upright, at size x size: uint8 (size, size, 3).

        A frame larger than `size` is scaled down with antialiasing before it is turned. Beyond
        the photo its border pixels repeat, as in training.
        """
        x0, y0, x1, y1 = self.pixel_box(image.size)
        if x0 == x1 or y0 == y1:
            return np.full((size, size, 3), EMPTY_COLOR, np.uint8)
        if (x0, y0, x1 - x0, y1 - y0) == (0, 0, size, size) and self._is_whole(image.size):
            return np.asarray(image)
        shrink = max(1.0, self.side / size)
        part_size = (max(1, round((x1 - x0) / shrink)), max(1, round((y1 - y0) / shrink)))
        part = image.resize(
            part_size, Image.Resampling.BILINEAR, box=(x0, y0, x1, y1), reducing_gap=2.0
        )
        return self._turned_back(part, (x0, y0, x1, y1), size)

    def _turned_back(self, part: Image.Image, box: PixelBox, size: int) -> np.ndarray:
        """Samples the frame from the part of the photo within a box: uint8 (size, size, 3)."""
        (x0, y0, x1, y1), (low_x, low_y, high_x, high_y) = box, self.box
        scale = np.array(part.size) / (x1 - x0, y1 - y0)
        # A part that is one pixel wide needs no padding across: a line of a million pixels would
        # become a square.
        is_line = np.array(part.size) == 1
        before, after = (
            np.where(is_line, 0, np.ceil(np.maximum(0, beyond) * scale)).astype(int) + 1
            for beyond in ((x0 - low_x, y0 - low_y), (high_x - x1, high_y - y1))
        )
        origin = (self.to_photo(np.zeros((1, 2)))[0] - (x0, y0)) * scale + before
        matrix = self._axes * scale[:, None] / size
        origin[is_line], matrix[is_line] = 1.5, 0.0
        return np.asarray(_affine(_repeat_border(part, before, after), matrix, origin, size))

    def _is_whole(self, size: tuple[int, int]) -> bool:
        return self.angle == 0 and self.box == (0.0, 0.0, float(size[0]), float(size[1]))


def _repeat_border(part: Image.Image, before: np.ndarray, after: np.ndarray) -> Image.Image:
    """Adds (x, y) pixels before and after that repeat the nearest pixel of the border."""
    widths = ((before[1], after[1]), (before[0], after[0]), (0, 0))
    return Image.fromarray(np.pad(np.asarray(part), widths, mode="edge"))


def _affine(part: Image.Image, matrix: np.ndarray, origin: np.ndarray, size: int) -> Image.Image:
    """Samples `part` at origin + matrix @ (x, y) for every output pixel's place (x, y)."""
    coefficients = (*matrix[0], origin[0], *matrix[1], origin[1])
    return part.transform(
        (size, size),
        Image.Transform.AFFINE,
        tuple(float(c) for c in coefficients),
        resample=Image.Resampling.BILINEAR,
    )
