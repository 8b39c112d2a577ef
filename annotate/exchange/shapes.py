"""Shapes that other tools draw, as the pixels whose centres lie inside them.

Coordinates are pixels from the photo's top left corner, so that a whole photo reaches from 0 to its
width. Neighbours that share an edge leave no gap and don't overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from annotate.errors import ExchangeError

Point = tuple[float, float]


def polygon(corners: Sequence[Point], shape: tuple[int, int]) -> np.ndarray:
    """Returns the bool (H, W) region of a polygon, by the even-odd rule.

    Args:
        corners: `(x, y)` each.
        shape: Height and width.

    Raises:
        ExchangeError: Fewer than three corners, or one that is no number.
    """
    _check_numbers(corners)
    if len(corners) < 3:
        raise ExchangeError("a polygon has fewer than three corners: draw it again, or delete it")
    height, width = shape
    crossed = np.zeros((height, width + 1), bool)
    for number in range(len(corners)):
        # From above, whichever way it was drawn: a shared edge crosses at the very same places.
        (y, x), (end_y, end_x) = sorted(corners[number - k][::-1] for k in (0, 1))
        rows = np.arange(max(math.ceil(y - 0.5), 0), min(math.ceil(end_y - 0.5), height))
        if len(rows):
            at = x + (rows + 0.5 - y) * ((end_x - x) / (end_y - y))
            crossed[rows, np.ceil(at - 0.5).clip(0, width).astype(int)] ^= True
    return np.logical_xor.accumulate(crossed, axis=1)[:, :width]


def box(
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    degrees: float,
    about: Point,
    shape: tuple[int, int],
) -> np.ndarray:
    """Returns the region of a box that is turned clockwise about a point."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    steps = [(x - about[0], y - about[1]) for x, y in corners]
    turned = [
        (about[0] + x * cosine - y * sine, about[1] + x * sine + y * cosine) for x, y in steps
    ]
    return polygon(turned, shape)


def ellipse(
    centre: Point, radii: tuple[float, float], *, degrees: float, shape: tuple[int, int]
) -> np.ndarray:
    """Returns the region of an ellipse that is turned clockwise about its centre."""
    _check_numbers((centre, radii))
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    y, x = np.ogrid[: shape[0], : shape[1]]
    x, y = x + 0.5 - centre[0], y + 0.5 - centre[1]
    along, across = x * cosine + y * sine, y * cosine - x * sine
    inside = (along * radii[1]) ** 2 + (across * radii[0]) ** 2 < (radii[0] * radii[1]) ** 2
    return np.asarray(inside)


def _check_numbers(points: Sequence[Point]) -> None:
    if not np.isfinite(points).all():
        raise ExchangeError("a shape has a coordinate that is no number: export it again")
