"""The photo that a part is drawn on, the position of its face, and the drawn part."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from segface_hf.data.class_names import ids_named
from segface_hf.data.swapped import anchor_points
from segface_hf.labels import LabelSchema

_SKIN = ("skin", "neck", "nose")


@dataclass(frozen=True)
class PhotoCanvas:
    """A photo that a part is drawn on.

    Attributes:
        image: float32 (3, H, W) in 0 to 1.
        mask: uint8 (H, W) of class ids.
        schema: The classes.
        random: Source of all randomness.
    """

    image: np.ndarray
    mask: np.ndarray
    schema: LabelSchema
    random: np.random.Generator

    def pixels_of(self, *names: str) -> np.ndarray:
        """Returns bool (H, W): pixels of any class with one of these common names."""
        return np.isin(self.mask, ids_named(self.schema.names, names))

    def slope(self) -> tuple[float, float]:
        """Returns the relative change of the skin's brightness across the photo, in x and y."""
        rows, columns = np.nonzero(self.pixels_of(*_SKIN))
        if len(rows) < len(self.mask):
            return 0.0, 0.0
        picked = slice(None, None, max(1, len(rows) // 4000))
        rows, columns = rows[picked], columns[picked]
        light = self.image[:, rows, columns].mean(0)
        ones = np.ones(len(rows))
        planes = np.stack([columns, rows, ones], 1) / [*self.mask.shape[::-1], 1]
        x, y, _ = np.linalg.lstsq(planes, light / max(float(light.mean()), 1e-3), rcond=None)[0]
        return float(x), float(y)


@dataclass(frozen=True)
class DrawnFace:
    """Position and size of the face on a canvas.

    Attributes:
        eyes: (2, 2) centers of the image-left and the image-right eye, x and y in pixels.
        up: Unit vector from the mouth to the eyes.
        unit: Distance from the mouth to the eyes, in pixels; nearly independent of head yaw.
        middle: Middle of the face at the eyes' height, in units right of the eyes' middle.
        half: Half the width of the face there, in units.
    """

    eyes: np.ndarray
    up: np.ndarray
    unit: float
    middle: float
    half: float

    @cached_property
    def right(self) -> np.ndarray:
        """Unit vector from the image-left to the image-right side of the face."""
        return np.array([-self.up[1], self.up[0]])

    def coordinates(self, shape: tuple[int, int], *, step: int = 1) -> tuple[np.ndarray, ...]:
        """Returns the distance of pixels to the right of and above the eyes' middle, in units.

        Args:
            shape: Height and width in pixels.
            step: Stride in pixels.
        """
        y, x = np.mgrid[: shape[0] : step, : shape[1] : step].astype(np.float32)
        x, y = x - self.eyes[:, 0].mean(), y - self.eyes[:, 1].mean()
        return tuple((x * v[0] + y * v[1]) / self.unit for v in (self.right, self.up))


def find_face(canvas: PhotoCanvas) -> DrawnFace | None:
    """Finds the face by its mask; None if eyes, nose or mouth are not visible."""
    points = anchor_points(canvas.mask, canvas.schema)
    if points is None:
        return None
    eyes = points[np.argsort(points[:2, 0])]
    upward = eyes.mean(0) - points[3]
    unit = float(np.hypot(*upward))
    if unit < 0.04 * len(canvas.mask):
        return None
    face = DrawnFace(eyes, upward / unit, unit, 0.0, 1.0)
    across, above = face.coordinates(canvas.mask.shape)
    level = canvas.pixels_of("skin", "eyeglasses", "l_eye", "r_eye") & (np.abs(above) < 0.3)
    if not level.any():
        return None
    low, high = np.quantile(across[level], [0.005, 0.995])
    return DrawnFace(eyes, upward / unit, unit, float(low + high) / 2, float(high - low) / 2)


@dataclass(frozen=True)
class Drawing:
    """A drawn part and its position; all arrays have the size of `rows` and `columns`.

    Attributes:
        color: float32 (3, h, w), relative to the photo's light.
        cover: float32 (h, w), opacity from 0 to 1.
        label: bool (h, w): pixels that get the part's class.
        shade: float32 (h, w): a factor on the photo below, 1 outside the part's shadow.
        rows: Its rows in the photo.
        columns: Its columns in the photo.
    """

    color: np.ndarray
    cover: np.ndarray
    label: np.ndarray
    shade: np.ndarray
    rows: slice = field(default_factory=lambda: slice(None))
    columns: slice = field(default_factory=lambda: slice(None))
