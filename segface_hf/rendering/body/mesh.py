"""Shapes: what a part of a picture is made of, and the simple solids that accessories consist of.

Points are in decimetres: x to the subject's left, y up, z to the front.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """How a part throws light back.

    Attributes:
        kind: A name of `materials.MATERIALS`.
        color: Linear red, green and blue, 0 to 1.
        second: A second color, of a pattern or an iris.
        values: Numbers that the kind asks for.
    """

    kind: str
    color: RGB = (0.5, 0.5, 0.5)
    second: RGB = (0.5, 0.5, 0.5)
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MeshPart:
    """A surface with one look.

    Attributes:
        points: float (N, 3).
        faces: int (F, 4) of point numbers; a triangle repeats its last one.
        label: Class id in the mask; None for what the mask looks through.
        look: How it throws light back.
        layers: `(class id, float (N,))`: where a field is above a half, the mask has that class
            instead; a later one covers an earlier one.
        fields: Name -> float (N,): what the look varies by.
        shown: float (N,), or None for all: the part ends where this falls below a half, between
            points too, so that a hem is smooth.
    """

    points: np.ndarray
    faces: np.ndarray
    label: int | None
    look: Look
    layers: tuple[tuple[int, np.ndarray], ...] = ()
    fields: Mapping[str, np.ndarray] = field(default_factory=dict)
    shown: np.ndarray | None = None


@dataclass(frozen=True)
class Strands:
    """Hairs.

    Attributes:
        lines: float (N, K, 3), from root to tip.
        radius: Of a hair at its root.
        label: Class id in the mask; None for what the mask looks through.
        look: How they throw light back.
        filled: How much thicker they are in the mask, which so has no gaps between hairs.
    """

    lines: np.ndarray
    radius: float
    label: int | None
    look: Look
    filled: float = 1.6


Solid = tuple[np.ndarray, np.ndarray]
"""Points (N, 3) and faces (F, 4)."""


def rotation(axis: int, angle: np.ndarray | float) -> np.ndarray:
    """Returns matrices (..., 3, 3) that turn around x, y or z (0, 1, 2) by angles in radians."""
    angle = np.asarray(angle, float)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., axis, axis] = 1
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -np.sin(angle)
    return matrix


def directions(rise: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Unit vectors (R, C, 3) by elevation (R,) and by angle (C,) around y, 0 in front."""
    rise = rise[:, None]
    parts = (np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn))
    return np.stack(np.broadcast_arrays(*parts), -1)


def sheet(rows: np.ndarray, *, around: bool = False) -> Solid:
    """A surface through a grid of points (R, C, 3); `around` closes its rows to rings."""
    high, wide = rows.shape[:2]
    numbers = np.arange(high * wide).reshape(high, wide)
    if around:
        numbers = np.concatenate([numbers, numbers[:, :1]], 1)
    corners = [numbers[:-1, :-1], numbers[:-1, 1:], numbers[1:, 1:], numbers[1:, :-1]]
    return rows.reshape(-1, 3), np.stack([corner.ravel() for corner in corners], 1)


def tube(path: np.ndarray, radius: float, *, sides: int = 8, closed: bool = False) -> Solid:
    """A round wire along a path (M, 3)."""
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not closed:
        ahead[0], ahead[-1] = path[1] - path[0], path[-1] - path[-2]
    # A direction that no path of a face follows for long.
    across = np.cross(ahead, (0.03, 1.0, 0.02))
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    upward = np.cross(across, ahead)
    upward /= np.linalg.norm(upward, axis=1, keepdims=True) + 1e-9
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None, None]
    rings = path + radius * (np.cos(turn) * across + np.sin(turn) * upward)
    rings = rings.transpose(1, 0, 2)
    return sheet(np.concatenate([rings, rings[:1]]) if closed else rings, around=True)


def ball(
    center: Sequence[float] | np.ndarray,
    radius: float,
    *,
    stretch: Sequence[float] = (1, 1, 1),
    rows: int = 9,
    columns: int = 14,
) -> Solid:
    """A sphere or an ellipsoid; its poles are on the z axis."""
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    shape = (rows, columns)
    unit = np.stack(
        [
            np.sin(polar) * np.cos(turn),
            np.sin(polar) * np.sin(turn),
            np.broadcast_to(np.cos(polar), shape),
        ],
        -1,
    )
    return sheet(np.asarray(center) + radius * unit * np.asarray(stretch), around=True)


def joined(solids: Iterable[Solid]) -> Solid:
    """Several solids as one."""
    points, faces, count = [], [], 0
    for some, corners in solids:
        points.append(some)
        faces.append(corners + count)
        count += len(some)
    return np.concatenate(points), np.concatenate(faces)


def normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (N, 3) at the points of a surface; outward where faces turn anticlockwise."""
    a, b, c, d = (points[faces[:, k]] for k in range(4))
    flat = np.repeat(np.cross(c - a, d - b), 4, 0)
    summed = np.stack([np.bincount(faces.ravel(), flat[:, k], len(points)) for k in range(3)], 1)
    return np.asarray(summed / (np.linalg.norm(summed, axis=1, keepdims=True) + 1e-12))


def step(values: np.ndarray, edge: float, width: float) -> np.ndarray:
    """A smooth step from 0 to 1, a half at `edge`, over `width`."""
    x = np.clip((values - edge) / width + 0.5, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))
