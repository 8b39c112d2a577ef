"""Shapes of other tools, as the pixels whose centers are inside them.

Coordinates are pixels from the photo's top left corner: a whole photo reaches from 0 to its width.
Neighbors that share an edge leave no gap and don't overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotate.errors import ExchangeError

Point = tuple[float, float]

MAX_COORDINATE = 1e7
# A polygon of 100,000 corners whose edges each cross 100 rows; an outline by pixels crosses one.
MAX_CROSSINGS = 10_000_000


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of a photo, cropped to a rectangle around them.

    Attributes:
        top: First row of the rectangle.
        left: First column of the rectangle.
        inside: bool (h, w), the pixels of the rectangle that belong to the region.
    """

    top: int
    left: int
    inside: np.ndarray


def polygon(corners: Sequence[Point], shape: tuple[int, int]) -> Region:
    """Returns the region of a polygon, by the even-odd rule.

    Args:
        corners: `(x, y)` each.
        shape: Height and width of the photo.

    Raises:
        ExchangeError: Fewer than three corners, a coordinate that is not a number, or edges that
            cross more than `MAX_CROSSINGS` rows.
    """
    if len(corners) < 3:
        raise ExchangeError(
            f"a polygon has {len(corners)} corners, expected at least three: draw it again, or "
            "delete it"
        )
    points = _checked(corners)
    top, left, bottom, right = _rectangle(points.min(axis=0), points.max(axis=0), shape)
    rows, columns = _crossings(points, top, bottom)
    crossed = np.zeros((bottom - top, right - left + 1), bool)
    places = (rows - top) * crossed.shape[1] + (columns.clip(left, right) - left)
    # Two crossings at one place cancel each other.
    found, counts = np.unique(places, return_counts=True)
    crossed.flat[found[counts % 2 == 1]] = True
    return Region(top, left, np.logical_xor.accumulate(crossed, axis=1)[:, :-1])


def _crossings(points: np.ndarray, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns where the edges of a polygon cross the center lines of rows.

    Args:
        points: float64 (N, 2), corners `(x, y)`.
        top: First row.
        bottom: Row after the last.

    Returns:
        Row and column of each crossing: the first pixel whose center is right of the edge.
    """
    previous = np.roll(points, 1, axis=0)
    # From above, whichever way it was drawn: a shared edge crosses at exactly the same places.
    downward = (previous[:, 1] <= points[:, 1])[:, None]
    start, end = np.where(downward, previous, points), np.where(downward, points, previous)
    first, last = (np.ceil(side[:, 1] - 0.5).clip(top, bottom).astype(int) for side in (start, end))
    counts = last - first
    if counts.sum() > MAX_CROSSINGS:
        raise ExchangeError(
            f"the edges of a polygon with {len(points):,} corners cross {counts.sum():,} rows, "
            f"expected at most {MAX_CROSSINGS:,}: simplify it, or split it"
        )
    edge = np.repeat(np.arange(len(points)), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    rows = first[edge] + np.arange(len(edge)) - before
    (x, y), (end_x, end_y) = start[edge].T, end[edge].T
    at = x + (rows + 0.5 - y) * ((end_x - x) / (end_y - y))
    return rows, np.ceil(at - 0.5).astype(int)


def box(
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    degrees: float,
    about: Point,
    shape: tuple[int, int],
) -> Region:
    """Returns the region of a box that is rotated clockwise about a point."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    cosine, sine = _rotation(degrees)
    steps = [(x - about[0], y - about[1]) for x, y in corners]
    rotated = [
        (about[0] + x * cosine - y * sine, about[1] + x * sine + y * cosine) for x, y in steps
    ]
    return polygon(rotated, shape)


def ellipse(center: Point, radii: Point, *, degrees: float, shape: tuple[int, int]) -> Region:
    """Returns the region of an ellipse that is rotated clockwise about its center."""
    middle, (along, across) = _checked((center, radii))
    cosine, sine = _rotation(degrees)
    reach = np.hypot((along * cosine, along * sine), (across * sine, across * cosine))
    top, left, bottom, right = _rectangle(middle - reach, middle + reach, shape)
    y, x = np.ogrid[top:bottom, left:right]
    x, y = x + 0.5 - middle[0], y + 0.5 - middle[1]
    major, minor = x * cosine + y * sine, y * cosine - x * sine
    inside = (major * across) ** 2 + (minor * along) ** 2 < (along * across) ** 2
    return Region(top, left, np.asarray(inside))


def _rotation(degrees: float) -> tuple[float, float]:
    if not math.isfinite(degrees):
        raise ExchangeError(f"a shape is rotated by {degrees} degrees: draw it again, or delete it")
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def _rectangle(
    lowest: np.ndarray, highest: np.ndarray, shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Returns top, left, bottom, right of the pixels between two points, within the photo."""
    size = np.array(shape[::-1])
    left, top = np.floor(lowest).clip(0, size).astype(int).tolist()
    right, bottom = np.ceil(highest).clip(0, size).astype(int).tolist()
    return top, left, bottom, right


def _checked(points: Sequence[Point]) -> np.ndarray:
    """Returns float64 (N, 2)."""
    found = np.asarray(points, np.float64)
    if not (np.abs(found) <= MAX_COORDINATE).all():
        wrong = found[~(np.abs(found) <= MAX_COORDINATE)][0]
        raise ExchangeError(
            f"a shape has the coordinate {wrong:g}, expected a number of pixels: draw it again, or "
            "delete it"
        )
    return found
