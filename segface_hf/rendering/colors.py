"""Colours of things that people choose: any hue, dark ones more often than bright ones."""

from __future__ import annotations

import colorsys

import numpy as np

from segface_hf.rendering.body.mesh import RGB


def any_color(
    random: np.random.Generator, *, saturation: tuple[float, float] = (0.0, 0.9),
    value: tuple[float, float] = (0.02, 0.85),
) -> RGB:  # fmt: skip
    """A linear colour of any hue."""
    low, high = value
    bright = low + (high - low) * random.random() ** 1.5
    return colorsys.hsv_to_rgb(random.random(), random.uniform(*saturation), bright)
