"""Drawn faces for tests: a label map made of ellipses, and an engine that reads its colors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from segface_hf.config import SegFaceConfig
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.pipeline.detect import Detection
from segface_hf.pipeline.merge import CropParse

# (class, x0, y0, x1, y1) in the unit square of a canonical frame, painted in this order.
PARTS = (
    ("hair", 0.18, 0.08, 0.82, 0.80),
    ("neck", 0.38, 0.70, 0.62, 1.00),
    ("cloth", 0.10, 0.92, 0.90, 1.30),
    ("skin", 0.26, 0.20, 0.74, 0.90),
    ("r_brow", 0.31, 0.405, 0.44, 0.435),
    ("l_brow", 0.56, 0.405, 0.69, 0.435),
    ("r_eye", 0.333, 0.457, 0.423, 0.499),
    ("l_eye", 0.577, 0.457, 0.667, 0.499),
    ("nose", 0.455, 0.50, 0.545, 0.66),
    ("u_lip", 0.40, 0.70, 0.60, 0.745),
    ("l_lip", 0.40, 0.74, 0.60, 0.79),
)
EYES = ((0.378, 0.478), (0.622, 0.478))


def face_mask(
    size: int = 256, *, without: Sequence[str] = (), extra: Sequence[tuple] = ()
) -> np.ndarray:
    """uint8 (size, size) of a drawn face in its canonical frame."""
    picture = Image.new("L", (size, size))
    draw = ImageDraw.Draw(picture)
    for name, *box in (*PARTS, *extra):
        if name not in without:
            draw.ellipse([value * size for value in box], fill=CELEBAMASK_HQ.id_of(name))
    return np.asarray(picture)


def painted(mask: np.ndarray) -> Image.Image:
    """A photo whose colors are the classes."""
    return Image.fromarray(np.asarray(CELEBAMASK_HQ.colors, np.uint8)[mask])


class PaletteEngine:
    """Reads each pixel's class off its color, and counts the crops it was given."""

    def __init__(self, resolution: int = 256) -> None:
        self.config = SegFaceConfig(resolution=resolution)
        self.crops = 0

    def run(self, crops, *, landmarks, confidence):
        self.crops += len(crops)
        palette = np.asarray(CELEBAMASK_HQ.colors, np.float32)
        parses = []
        for crop in crops:
            flat = crop.reshape(-1, 3).astype(np.float32)
            distances = ((palette**2).sum(1) - 2 * flat @ palette.T).argsort(1)
            labels, second = (
                distances[:, rank].reshape(crop.shape[:2]).astype(np.uint8) for rank in (0, 1)
            )
            sure = np.full(labels.shape, 200, np.uint8)
            parses.append(
                CropParse(
                    labels, None, sure if confidence else None, second if confidence else None
                )
            )
        return parses


class FixedDetector:
    """Returns the faces that it was given."""

    def __init__(self, *faces: Detection) -> None:
        self.faces = faces

    def detect(self, image):
        return list(self.faces)


def scene(
    *places: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[Image.Image, np.ndarray]:
    """A photo of drawn faces at (x, y, side, angle), and its true mask."""
    mask = np.zeros(size[::-1], np.uint8)
    for x, y, side, angle in places:
        face = Image.fromarray(face_mask(1024)).resize(
            (int(side), int(side)), Image.Resampling.NEAREST
        )
        turned = np.asarray(face.rotate(-angle, expand=True))
        top, left = int(y - turned.shape[0] / 2), int(x - turned.shape[1] / 2)
        part = mask[top : top + turned.shape[0], left : left + turned.shape[1]]
        np.copyto(part, turned, where=turned > 0)
    return painted(mask), mask
