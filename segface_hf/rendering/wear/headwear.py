"""Headwear: hats, caps and turbans that fit a skull and hold the hair down; scarves apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.hair import Limit
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import (
    Look,
    MeshPart,
    Solid,
    directions,
    joined,
    rotation,
    sheet,
)
from segface_hf.rendering.random_looks import any_color
from segface_hf.rendering.wear.headscarf import headscarf

_ROWS, _COLUMNS = 24, 96
_LINING = 0.035
_BELOW = 0.07


@dataclass(frozen=True)
class Fit:
    """How a hat sits.

    Attributes:
        random: Decides its shape.
        turn: (3, 3) from the hat's own axes, with its rim level, to the head's.
        rim: Elevation of its rim, seen from the skull's center, in radians.
        room: How far it stands off the skull at the rim, in decimetres.
    """

    random: np.random.Generator
    turn: np.ndarray
    rim: float
    room: float


def _crown(head: Head, fit: Fit, bulge: np.ndarray | float = 0.0) -> np.ndarray:
    """Rows (R, C, 3) of a shell around the skull, from the rim up; `bulge` widens each row."""
    rise = np.linspace(fit.rim, np.pi / 2 - 0.01, _ROWS)
    level = directions(rise, np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False))
    ways = level @ fit.turn.T
    reach = head.skull.radius(ways.reshape(-1, 3)).reshape(_ROWS, _COLUMNS)
    # A hat is round: it doesn't follow every bump.
    reach = 0.5 * reach + 0.5 * np.mean(reach, 1, keepdims=True)
    reach = np.maximum(reach, head.skull.radius(ways.reshape(-1, 3)).reshape(_ROWS, _COLUMNS))
    shape = reach + fit.room + bulge
    return head.skull.center + ways * shape[:, :, None]


def _beanie(head: Head, fit: Fit) -> Solid:
    """Knitted, with ribs and a fold at the rim, slack at the top."""
    high = np.linspace(0, 1, _ROWS)[:, None]
    ribs = 0.008 * np.sin(np.arange(_COLUMNS) * 2 * np.pi / 3)
    fold = 0.04 * (np.arange(_ROWS) < _ROWS * fit.random.uniform(0.12, 0.25))[:, None]
    slack = fit.random.uniform(0.0, 0.35) * high**2
    return sheet(_crown(head, fit, slack + ribs + fold), around=True)


def _cap(head: Head, fit: Fit) -> Solid:
    """Smooth, with a visor, now and then at the back or to a side."""
    crown = _crown(head, fit)
    away = 0.0 if fit.random.random() < 0.8 else fit.random.uniform(-np.pi, np.pi)
    turn = np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False)
    off = (turn - away + np.pi) % (2 * np.pi) - np.pi
    front = np.flatnonzero(np.abs(off) < 1.15)
    front = front[np.argsort(off[front])]
    across = off[front] / 1.15
    ahead = np.array([np.sin(away), 0, np.cos(away)]) @ fit.turn.T
    up = np.array([0.0, 1.0, 0.0]) @ fit.turn.T
    depth = fit.random.uniform(0.5, 0.8) * np.sqrt(np.clip(1 - across**2, 0, 1))
    droop = fit.random.uniform(0.08, 0.22)
    rows = [
        crown[0][front]
        + ahead * (share * depth)[:, None]
        - up * (droop * share**2 + 0.16 * share * across**2)[:, None]
        + up * thick
        for share, thick in [(s, 0.0) for s in np.linspace(0, 1, 7)]
        + [(s, 0.025) for s in np.linspace(1, 0, 7)]
    ]
    return joined([sheet(crown, around=True), sheet(np.stack(rows))])


def _brimmed(head: Head, fit: Fit) -> Solid:
    """A crown with a pinched top, and a brim all around."""
    high = np.linspace(0, 1, _ROWS)[:, None]
    tall = fit.random.uniform(0.1, 0.45)
    crown = _crown(head, fit, 0.06 * high)
    up = np.array([0.0, 1.0, 0.0]) @ fit.turn.T
    crown = crown + up * (tall * np.minimum(1, high * 1.8))[..., None]
    middle = crown[0].mean(0)
    wide, curl = fit.random.uniform(0.35, 0.9), fit.random.uniform(-0.15, 0.25)
    out = crown[0] - middle
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    sides = np.abs(out @ (np.array([1.0, 0, 0]) @ fit.turn.T))[:, None]
    rows = [
        crown[0] + out * wide * share + up * (curl * share**2 * (0.3 + sides) + thick)
        for share, thick in [(s, 0.0) for s in np.linspace(0, 1, 6)]
        + [(s, 0.025) for s in np.linspace(1, 0, 6)]
    ]
    return joined([sheet(crown, around=True), sheet(np.stack(rows), around=True)])


def _turban(head: Head, fit: Fit) -> Solid:
    """A cloth wound around the head in slanting folds, higher than the skull."""
    high = np.linspace(0, 1, _ROWS)[:, None]
    turn = np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False)
    # The folds rise to the front of each side, and meet over the forehead.
    winds = fit.random.uniform(3, 6) * high + fit.random.uniform(0.4, 1.2) * np.cos(turn)
    folds = 0.045 * np.abs(np.sin(np.pi * winds))
    swollen = fit.random.uniform(0.08, 0.35) * np.sin(np.pi * np.clip(high * 1.1, 0, 1)) ** 0.7
    crown = _crown(head, fit, folds + swollen)
    tall = fit.random.uniform(0.0, 0.4)
    up = np.array([0.0, 1.0, 0.0]) @ fit.turn.T
    return sheet(crown + up * (tall * high)[..., None], around=True)


_SHAPES: Mapping[str, tuple[Callable[[Head, Fit], Solid], tuple[float, float], float, str]] = (
    MappingProxyType(
        {
            # Shape, span of the rim's elevation, room under it, look.
            "beanie": (_beanie, (-0.12, 0.12), 0.06, "knit"),
            "cap": (_cap, (0.05, 0.2), 0.09, "cloth"),
            "brimmed": (_brimmed, (0.08, 0.22), 0.09, "cloth"),
            "turban": (_turban, (-0.05, 0.15), 0.06, "cloth"),
        }
    )
)


def hat(head: Head) -> tuple[MeshPart, Limit] | None:
    """A plan's hat, and how far hair may reach below it; None without one."""
    if head.plan.hat is None:
        return None
    if head.plan.hat == "scarf":
        return headscarf(head)
    shape, span, room, kind = _SHAPES[head.plan.hat]
    random = head.plan.stream("hat")
    lean = -random.uniform(0.12, 0.32)
    turn = rotation(0, lean) @ rotation(2, random.normal(0, 0.05))
    fit = Fit(random, turn, max(random.uniform(*span), _above_ears(head, turn)), room)
    points, faces = shape(head, fit)
    look = Look(
        kind,
        color=any_color(random),
        second=any_color(random),
        values={"stripes": random.uniform(2, 8) * (random.random() < 0.2), "warp": 0.5},
    )
    part = MeshPart(head.turned(points), faces, CELEBAMASK_HQ.id_of("hat"), look)
    return part, lambda where: _room_below(head, fit, where)


def _above_ears(head: Head, turn: np.ndarray) -> float:
    """The lowest rim, in radians, that leaves nearly all of both ears below it."""
    own = (head.skin[head.anatomy.fields["ears"] > 0.6] - head.skull.center) @ turn
    rise = np.arctan2(own[:, 1], np.hypot(own[:, 0], own[:, 2]))
    return float(np.quantile(rise, 0.97)) if len(rise) else -1.0


def _room_below(head: Head, fit: Fit, points: np.ndarray) -> np.ndarray:
    """How far from the skull's center hair may be: little above the rim, anywhere below it."""
    out = points - head.skull.center
    own = out @ fit.turn
    rise = np.arctan2(own[:, 1], np.hypot(own[:, 0], own[:, 2]))
    tight = head.skull.radius(out) + fit.room - _LINING
    return np.asarray(tight + 3.0 * np.clip(fit.rim - _BELOW - rise, 0, 1))
