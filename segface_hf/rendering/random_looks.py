"""Random colors, and smooth random values at points, from a given generator."""

from __future__ import annotations

import colorsys

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from segface_hf.rendering.body.mesh import RGB


def any_color(
    random: np.random.Generator,
    *,
    saturation: tuple[float, float] = (0.0, 0.9),
    value: tuple[float, float] = (0.02, 0.85),
) -> RGB:
    """A linear color of any hue."""
    low, high = value
    bright = low + (high - low) * random.random() ** 1.5
    return colorsys.hsv_to_rgb(random.random(), random.uniform(*saturation), bright)


_SIDE = 32


def noise(
    points: np.ndarray, random: np.random.Generator, *, scale: float, octaves: int = 2
) -> np.ndarray:
    """Values (N,) around a half, nearly all of them from 0 to 1.

    Args:
        points: float (N, 3).
        random: Decides everything.
        scale: How many changes there are in a decimetre.
        octaves: How many layers, each twice as fine and half as strong.
    """
    block = gaussian_filter(random.normal(size=(_SIDE,) * 3), 1.0, mode="wrap")
    block /= block.std()
    total, strength = np.zeros(len(points)), 1.0
    for _ in range(octaves):
        at = points * scale + random.uniform(0, _SIDE, 3)
        total += strength * map_coordinates(block, at.T, order=1, mode="grid-wrap")
        scale, strength = scale * 2, strength / 2
    return np.asarray(np.clip(0.5 + 0.16 * total, 0, 1))
