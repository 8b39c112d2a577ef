"""Headscarves: a cloth over the head that frames the face and hangs down to the shoulders."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.hair import Limit
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import Look, MeshPart, directions, sheet, step
from segface_hf.rendering.random_looks import any_color, noise

_DOME, _HANGING, _COLUMNS = 20, 26, 96
_LINING = 0.03
_NEAR = 0.1
# How fast cloth that hangs may come nearer to the neck: in for down.
_SLOPE = 0.45
_ROUND = 2.3
_FOLDS = 0.07


def headscarf(head: Head) -> tuple[MeshPart, Limit]:
    """A scarf around a head, and how far hair may reach below it."""
    random = head.plan.stream("scarf")
    room = random.uniform(0.05, 0.1)
    rows = np.concatenate([_dome(head, room), _hanging(head, room)])
    points, faces = sheet(rows, around=True)
    shown = _framing(head, points, random)
    out = points - head.skull.center
    # Outwards only, because the hair is directly below.
    folds = noise(points * [1, 0.4, 1], random, scale=3, octaves=2)
    points = points + out * (folds * random.uniform(0.3, 1) * _FOLDS)[:, None]
    look = Look(
        "cloth",
        color=any_color(random),
        second=any_color(random),
        values={"stripes": random.uniform(1, 6) * (random.random() < 0.2), "warp": 1.5},
    )
    neck, chin = head.joint("neck")[1], _chin(head)
    turning = np.interp(points[:, 1], [neck - 0.3, chin], [0.2, 1.0])
    part = MeshPart(
        head.turned(points, turning), faces, CELEBAMASK_HQ.id_of("hat"), look, shown=shown
    )
    return part, lambda where: head.skull.radius(where - head.skull.center) + room - _LINING


def _around() -> np.ndarray:
    return np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False)


def _dome(head: Head, room: float) -> np.ndarray:
    """Rows (R, C, 3) from the top of the head to the level of the skull's center."""
    ways = directions(np.linspace(np.pi / 2 - 0.01, 0, _DOME), _around())
    reach = head.skull.radius(ways.reshape(-1, 3)).reshape(_DOME, _COLUMNS)
    return np.asarray(head.skull.center + ways * (reach + room)[..., None])


def _hanging(head: Head, room: float) -> np.ndarray:
    """Rows (R, C, 3) from there down to the shoulders: tight, but no tighter than cloth hangs."""
    center, neck = head.skull.center, head.joint("neck")
    heights = np.linspace(center[1], neck[1] - 0.45, _HANGING + 1)
    drop = heights[0] - heights[1]
    level = np.stack([center * [1, 0, 1], neck * [1, 0, 1]])
    ways = directions(np.zeros(1), _around())[0]
    far = head.skull.radius(ways) + room
    rows = []
    for height in heights[1:]:
        share = (heights[0] - height) / (heights[0] - heights[-1])
        axis = level[0] * (1 - share) + level[1] * share
        taut = _reach(head, axis, height) + room
        far = gaussian_filter1d(np.maximum(taut, far - _SLOPE * drop), 1.5, mode="wrap")
        rows.append(axis + [0, height, 0] + ways * far[:, None])
    return np.stack(rows)


def _reach(head: Head, axis: np.ndarray, height: float) -> np.ndarray:
    """How far (C,) the skin reaches from an upright axis at a height, without what has none."""
    x, y, z = (head.skin - axis).T
    level = np.abs(y - height) < _NEAR
    column = np.round(np.arctan2(x[level], z[level]) / (2 * np.pi) * _COLUMNS).astype(int)
    reach = np.zeros(_COLUMNS)
    np.maximum.at(reach, column % _COLUMNS, np.hypot(x[level], z[level]))
    return reach


def _chin(head: Head) -> float:
    """Height of the lower end of the chin."""
    x, y, z = head.skin.T
    front = (head.anatomy.fields["head"] > 0.9) & (np.abs(x) < 0.1) & (z > head.eye[2] - 0.3)
    return float(y[front].min())


def _framing(head: Head, points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A field (N,) above a half outside the opening for the face."""
    top = head.eye[1] + random.uniform(0.35, 0.62)
    bottom = _chin(head) + random.uniform(-0.03, 0.08)
    half = 2 * head.eye[0] * random.uniform(0.95, 1.15)
    across = np.abs(points[:, 0]) / half
    along = np.abs(points[:, 1] - (top + bottom) / 2) / (top - bottom) * 2
    outside = step(across**_ROUND + along**_ROUND, 1.0, 0.3)
    return np.where(points[:, 2] > head.skull.center[2], outside, 1.0)
