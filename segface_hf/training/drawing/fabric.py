"""Colors, prints, folds and shading of drawn cloth, relative to the photo's light."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

Print = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def enlarged(field: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resizes a field (h, w) bilinearly."""
    grown = F.interpolate(
        torch.from_numpy(np.ascontiguousarray(field, np.float32))[None, None],
        size=shape,
        mode="bilinear",
        align_corners=False,
    )
    return np.asarray(grown[0, 0].numpy())


def noise(shape: tuple[int, ...], cells: int, random: np.random.Generator) -> np.ndarray:
    """Returns smooth noise (h, w) around 0 of about unit deviation, with `cells` cells a side."""
    grid = torch.from_numpy(random.normal(size=(1, 1, cells, cells)).astype(np.float32))
    field = F.interpolate(grid, size=shape, mode="bicubic", align_corners=False)
    return np.asarray(field[0, 0].numpy())


def dye(random: np.random.Generator) -> np.ndarray:
    """Samples a color (3,); gray, black and white are most frequent, as in clothes."""
    value = float(np.exp(random.uniform(np.log(0.06), np.log(1.3))))
    strong = random.random() < 0.6
    saturation = random.uniform(0.25, 0.9) if strong else random.uniform(0, 0.15)
    return np.array(colorsys.hsv_to_rgb(random.random(), saturation, value), np.float32)


def _plain(across: np.ndarray, above: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.zeros_like(across)


def _stripes(across: np.ndarray, above: np.ndarray, random: np.random.Generator) -> np.ndarray:
    turn, width = random.uniform(0, np.pi), random.uniform(4, 30)
    wave = np.sin((across * np.cos(turn) + above * np.sin(turn)) * width)
    return (wave > random.uniform(-0.3, 0.8)).astype(np.float32)


def _blots(across: np.ndarray, above: np.ndarray, random: np.random.Generator) -> np.ndarray:
    level = random.uniform(0.3, 1.0)
    return (noise(across.shape, int(random.integers(15, 50)), random) > level).astype(np.float32)


def _checks(across: np.ndarray, above: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return (_stripes(across, above, random) + _stripes(above, across, random)) / 2


# Most cloth is plain.
_PRINTS: tuple[Print, ...] = (*[_plain] * 5, _stripes, _blots, _checks)


def dyed(across: np.ndarray, above: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Returns the colors (3, h, w) of a cloth, with or without a print.

    Args:
        across: (h, w) horizontal coordinates of its pixels, in units of a face.
        above: (h, w) vertical coordinates, upwards.
        random: Source of all randomness.
    """
    bent = random.uniform(0, 0.12)
    across, above = (field + bent * noise(field.shape, 7, random) for field in (across, above))
    ground, figure = dye(random)[:, None, None], dye(random)[:, None, None]
    chosen = _PRINTS[random.integers(len(_PRINTS))](across, above, random)
    grain = 1 + random.uniform(0, 0.08) * random.normal(size=across.shape).astype(np.float32)
    return (ground + (figure - ground) * chosen) * grain


def folds(along: np.ndarray, random: np.random.Generator, *, count: float) -> np.ndarray:
    """Returns a shading factor (h, w) of soft folds.

    Args:
        along: (h, w); folds run along its level lines.
        random: Source of all randomness.
        count: Approximate number of folds in one unit of `along`.
    """
    warped = along + random.uniform(0.02, 0.12) * noise(along.shape, 6, random)
    stations = np.linspace(float(warped.min()), float(warped.max()) + 1e-3, 256)
    knots = max(4, int(count * (stations[-1] - stations[0]) * 2))
    heights = np.interp(np.linspace(0, knots - 1, 256), np.arange(knots), random.normal(size=knots))
    strength = random.uniform(0.05, 0.28)
    uneven = 0.7 + 0.3 * np.tanh(noise(along.shape, 4, random))
    shade = np.exp(strength * np.interp(warped, stations, heights) * uneven)
    return np.asarray(shade, np.float32)


def rounded(cover: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Returns a shading factor that darkens towards the rim.

    Args:
        cover: (h, w) pixels of the object.
        depth: (h, w) a blurred `cover`: about 0.5 at the rim and 1 deep inside.
    """
    return np.asarray(
        np.where(cover > 0, 0.55 + 0.5 * np.clip(2 * depth - 0.9, 0, 1), 1), np.float32
    )
