"""Draws faces that never were: a photo-like picture and its exact 19-class map, for the tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from segface_hf.labels import CELEBAMASK_HQ as SCHEMA


@dataclass(frozen=True)
class SyntheticFace:
    """A picture, its mask, and a doubtful prediction of it; all (H, W)."""

    image: Image.Image
    mask: NDArray[np.uint8]
    prediction: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    runner_up: NDArray[np.uint8]


# Class, center x, center y, half width, half height, as shares of the short side; painted in order.
ELLIPSES = (
    ("hair", 0.50, 0.46, 0.34, 0.42),
    ("cloth", 0.50, 1.05, 0.46, 0.20),
    ("neck", 0.50, 0.84, 0.12, 0.16),
    ("r_ear", 0.26, 0.52, 0.05, 0.08),
    ("l_ear", 0.74, 0.52, 0.05, 0.08),
    ("skin", 0.50, 0.52, 0.23, 0.30),
    ("necklace", 0.50, 0.94, 0.11, 0.015),
    ("earring", 0.26, 0.63, 0.015, 0.03),
    ("r_brow", 0.40, 0.39, 0.07, 0.014),
    ("l_brow", 0.60, 0.39, 0.07, 0.014),
    ("r_eye", 0.40, 0.45, 0.045, 0.02),
    ("l_eye", 0.60, 0.45, 0.045, 0.02),
    ("nose", 0.50, 0.55, 0.05, 0.09),
    ("u_lip", 0.50, 0.675, 0.085, 0.022),
    ("l_lip", 0.50, 0.705, 0.08, 0.025),
    ("mouth", 0.50, 0.69, 0.055, 0.010),
    ("eyeglasses", 0.50, 0.45, 0.03, 0.007),
    ("hat", 0.50, 0.10, 0.26, 0.07),
)


def synthetic_face(width: int, height: int, *, seed: int = 0) -> SyntheticFace:
    """A face with every class of the 19 in it, however small the picture."""
    mask = _draw(width, height, grow=1.0)
    prediction = _draw(width, height, grow=1.06)
    prediction[prediction == SCHEMA.id_of("earring")] = SCHEMA.id_of("hair")
    wrong = mask != prediction
    confidence = np.where(wrong, 120, 250).astype(np.uint8)
    return SyntheticFace(
        image=_photo(mask, seed=seed),
        mask=mask,
        prediction=prediction,
        confidence=confidence,
        runner_up=np.where(wrong, mask, (prediction + 1) % 19).astype(np.uint8),
    )


def _draw(width: int, height: int, *, grow: float) -> NDArray[np.uint8]:
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for name, x, y, rx, ry in ELLIPSES:
        cx, cy = left + x * side, top + y * side
        dx, dy = max(1.0, rx * grow * side), max(1.0, ry * grow * side)
        draw.ellipse((cx - dx, cy - dy, cx + dx, cy + dy), fill=SCHEMA.id_of(name))
    return np.array(canvas, dtype=np.uint8)


TONES = {
    "background": (150, 170, 190),
    "hair": (70, 48, 35),
    "skin": (222, 180, 152),
    "cloth": (60, 90, 130),
    "hat": (130, 40, 50),
    "u_lip": (190, 90, 95),
    "l_lip": (200, 100, 105),
    "l_eye": (240, 240, 240),
    "r_eye": (240, 240, 240),
    "earring": (230, 200, 80),
    "necklace": (230, 205, 90),
    "eyeglasses": (20, 20, 20),
    "l_brow": (60, 40, 30),
    "r_brow": (60, 40, 30),
    "mouth": (110, 30, 40),
}


def _photo(mask: NDArray[np.uint8], *, seed: int) -> Image.Image:
    tones = [TONES.get(name, (210, 168, 142)) for name in SCHEMA.names]
    height, width = mask.shape
    rng = np.random.default_rng(seed)
    shade = np.linspace(1.08, 0.86, width)[None, :, None]
    noise = rng.normal(0, 5, (height, width, 1))
    pixels = np.array(tones, dtype=float)[mask] * shade + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
