"""Clothes: a garment on shoulders and chest, cut by one of several necklines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.anatomy import Anatomy
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import Look, MeshPart, sheet, step
from segface_hf.rendering.random_looks import any_color, noise

_ANGLES = (0.0, 0.35, 0.8, 1.57, 2.4, np.pi)
_SHARP = 0.12
_LIFTED = 0.6


@dataclass(frozen=True)
class Cut:
    """A neckline: its height in decimetres above the joint of the neck, at angles around it.

    Attributes:
        heights: At the front, then towards the back, at `_ANGLES`.
        strays: Variation of its height, as a standard deviation.
        thickness: Distance of the cloth from the skin.
        collar: Height of a collar that stands on the neckline; 0 for none.
    """

    heights: tuple[float, ...]
    strays: float
    thickness: float
    collar: float = 0.0


CUTS: Mapping[str, Cut] = MappingProxyType(
    {
        "crew": Cut((-0.6, -0.55, -0.38, -0.1, 0.0, 0.02), 0.08, 0.04),
        "vee": Cut((-1.3, -0.85, -0.4, -0.1, 0.0, 0.02), 0.15, 0.04),
        "boat": Cut((-0.75, -0.72, -0.6, -0.35, -0.15, -0.1), 0.1, 0.03),
        "high": Cut((-0.3, -0.25, -0.1, 0.05, 0.12, 0.15), 0.05, 0.05, collar=0.35),
        "shirt": Cut((-0.9, -0.5, -0.25, 0.0, 0.08, 0.1), 0.1, 0.05, collar=0.28),
        "strapless": Cut((-1.9, -1.85, -1.75, -1.65, -1.6, -1.6), 0.1, 0.03),
    }
)


def garment(head: Head) -> list[MeshPart]:
    """What a plan's person wears: cloth over the bust, and a collar where the cut has one."""
    cut, anatomy, random = CUTS[head.plan.neckline], head.anatomy, head.plan.stream("clothes")
    heights = np.array(cut.heights) + random.normal(0, cut.strays)
    shown = step(_below(anatomy, heights), 0.0, _SHARP)
    look = _look(random)
    folds = (noise(anatomy.average, random, scale=2.2, octaves=3) - 0.5) * random.uniform(
        0.02, 0.12
    )
    away = np.clip(_below(anatomy, heights) / _LIFTED, 0, 1)
    lift = cut.thickness * (0.5 + away) + folds * away
    points = head.posed + head.outward * np.maximum(lift, 0.01)[:, None]
    used, faces = np.unique(anatomy.faces[shown[anatomy.faces].max(1) > 0], return_inverse=True)
    label = CELEBAMASK_HQ.id_of("cloth")
    parts = [MeshPart(points[used], faces.reshape(-1, 4), label, look, shown=shown[used])]
    if cut.collar:
        parts.append(_collar(head, heights, cut=cut, look=look, random=random))
    return parts


def _below(anatomy: Anatomy, heights: np.ndarray) -> np.ndarray:
    """How far skin points (P,) are below a neckline, in decimetres."""
    x, y, z = anatomy.average.T
    pivot = _pivot(anatomy)
    around = np.abs(np.arctan2(x, z - pivot[2]))
    line = pivot[1] + np.interp(around, _ANGLES, heights)
    return np.asarray(line - y)


def _pivot(anatomy: Anatomy) -> np.ndarray:
    """Where the average neck begins; heights and angles of necklines are counted from it."""
    return np.array([0.0, anatomy.mouth[1] - 0.75, anatomy.eye[2] - 0.95])


def _collar(
    head: Head, heights: np.ndarray, *, cut: Cut, look: Look, random: np.random.Generator
) -> MeshPart:
    """A band that stands on the neckline and leans outwards, open in front on a shirt."""
    anatomy, pivot = head.anatomy, _pivot(head.anatomy)
    opened = 0.25 if head.plan.neckline == "shirt" else 0.0
    angles = np.linspace(opened, 2 * np.pi - opened, 64)
    turned = np.abs((angles + np.pi) % (2 * np.pi) - np.pi)
    heights = pivot[1] + np.interp(turned, _ANGLES, heights)
    at = np.stack([np.sin(angles), np.zeros(64), np.cos(angles)], 1)
    reach = np.array(
        [_reach(anatomy, pivot, angle=a, height=h) for a, h in zip(angles, heights, strict=True)]
    )
    lean = random.uniform(0.02, 0.12)
    rows = []
    for share in (-0.3, 0.0, 0.35, 0.7, 1.0, 0.97, 0.6):
        inner = 0.03 if share in (0.97, 0.6) else 0.0
        far = np.minimum(reach, np.median(reach) * 1.25) + 0.05 - inner + lean * max(share, 0)
        rows.append(at * far[:, None] + [0, 0, pivot[2]])
        rows[-1][:, 1] = heights + cut.collar * share * random.uniform(0.95, 1.05)
    grid = np.stack(rows) + (head.joint("neck") - [0, pivot[1] + 0.05, pivot[2]]) * [0, 1, 0]
    points, faces = sheet(grid)
    return MeshPart(
        head.turned(points, np.full(len(points), 0.15)), faces, CELEBAMASK_HQ.id_of("cloth"), look
    )


def _reach(anatomy: Anatomy, pivot: np.ndarray, *, angle: float, height: float) -> float:
    """How far the average body reaches from the neck's axis, at an angle and a height."""
    x, y, z = (anatomy.average - [0, height, pivot[2]]).T
    off = np.abs((np.arctan2(x, z) - angle + np.pi) % (2 * np.pi) - np.pi)
    near = (off < 0.15) & (np.abs(y) < 0.12)
    return float(np.hypot(x, z)[near].max(initial=0.55))


def _look(random: np.random.Generator) -> Look:
    kind = ("cloth", "cloth", "knit")[random.integers(3)]
    return Look(
        kind,
        color=any_color(random),
        second=any_color(random),
        values={
            "stripes": random.uniform(1, 7) * (random.random() < 0.35),
            "warp": random.uniform(0, 3),
        },
    )
