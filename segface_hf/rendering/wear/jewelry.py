"""Jewellery: earrings that hang from the lobes, necklaces that rest on the neck like a rope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import (
    Look,
    MeshPart,
    Solid,
    ball,
    joined,
    normals,
    rotation,
    tube,
)
from segface_hf.rendering.random_looks import any_color

_METALS = ((0.9, 0.66, 0.28), (0.82, 0.82, 0.82), (0.85, 0.55, 0.44), (0.5, 0.48, 0.46))
_LINKS = 56
_ROUNDS = 220
_SAG = 0.008
_TIGHTER = 12
_USUAL_GIRTH = 3.6
_GAP = 0.02
_REACH = 0.4


def earrings(head: Head) -> list[MeshPart]:
    """A plan's earrings, one or both; none without them."""
    if head.plan.earring is None:
        return []
    random = head.plan.stream("earring")
    seed, kind = int(random.integers(2**31)), _EARRINGS[head.plan.earring]
    sides = (0, 1) if random.random() < 0.9 else (int(random.integers(2)),)
    solids = []
    for side in sides:
        number = head.anatomy.lobes[side]
        lobe = head.posed[number] + 0.025 * head.outward[number] + [0, 0.03, 0]
        # Both ears wear the same.
        solids.append(kind(lobe, np.random.default_rng(seed)))
    points, faces = joined(solids)
    look = _metal(random) if random.random() < 0.8 else _stone(random)
    return [MeshPart(points, faces, CELEBAMASK_HQ.id_of("earring"), look)]


def _stud(at: np.ndarray, random: np.random.Generator) -> Solid:
    return ball(at, random.uniform(0.03, 0.065))


def _hoop(at: np.ndarray, random: np.random.Generator) -> Solid:
    radius, turn = random.uniform(0.08, 0.3), np.linspace(0, 2 * np.pi, 40, endpoint=False)
    twist = random.uniform(0, 1.2)
    side = radius * np.sin(turn)
    ring = np.stack([side * np.sin(twist), radius * (np.cos(turn) - 1), side * np.cos(twist)], 1)
    return tube(at + ring, random.uniform(0.01, 0.028), closed=True)


def _drop(at: np.ndarray, random: np.random.Generator) -> Solid:
    length, radius = random.uniform(0.1, 0.5), random.uniform(0.04, 0.09)
    line = at + np.linspace(0, 1, 4)[:, None] * [0, -length, 0]
    stretch = (1, random.uniform(0.8, 2.0), random.uniform(0.4, 1))
    end = ball(line[-1] - [0, radius, 0], radius, stretch=stretch)
    return joined([tube(line, 0.012, sides=6), end, ball(at, 0.025)])


_EARRINGS: Mapping[str, Callable[[np.ndarray, np.random.Generator], Solid]] = MappingProxyType(
    {"stud": _stud, "hoop": _hoop, "drop": _drop}
)


def necklace(head: Head, worn: list[MeshPart]) -> list[MeshPart]:
    """A plan's necklace, which rests on skin and clothes; none without one.

    Args:
        head: The head.
        worn: Clothes that it may rest on.
    """
    if head.plan.necklace is None:
        return []
    random = head.plan.stream("necklace")
    least, most, shape = _NECKLACES[head.plan.necklace]
    path = _hung(head, worn, random.uniform(least, most))
    points, faces = shape(path, random)
    look = _stone(random) if head.plan.necklace in ("beads", "collar") else _metal(random)
    return [MeshPart(points, faces, CELEBAMASK_HQ.id_of("necklace"), look)]


def _hung(head: Head, worn: list[MeshPart], longer: float) -> np.ndarray:
    """Where a loop (L, 3) comes to rest that is so many times longer than the neck is round.

    A rope of links of one length sinks, and is pushed out of what it meets.
    """
    body, facing = _surface(head, worn)
    tree = cKDTree(body)
    length = longer * _girth(head)
    low, high = head.joint("neck"), head.joint("head")
    # Around the middle of the neck, where a closed loop must start to end up around it.
    middle = head.turned((0.55 * low + 0.45 * high)[None] + [0, 0, 0.15], np.array([0.5]))[0]
    turn = np.linspace(0, 2 * np.pi, _LINKS, endpoint=False)
    ring = np.stack([np.sin(turn), -0.2 * np.cos(turn), np.cos(turn)], 1)
    path = middle + ring @ rotation(1, head.plan.body).T * length / (2 * np.pi)
    for _ in range(_ROUNDS):
        path = path - [0, _SAG, 0]
        for _ in range(_TIGHTER):
            path = tightened(path, length / _LINKS)
        off, near = tree.query(path, distance_upper_bound=_REACH)
        met = np.isfinite(off)
        near = np.where(met, near, 0)
        depth = ((path - body[near]) * facing[near]).sum(1)
        path = path + facing[near] * np.where(met, np.clip(_GAP - depth, 0, 0.1), 0)[:, None]
    return _rounded(path)


def _rounded(path: np.ndarray) -> np.ndarray:
    """A loop (4 L, 3) through a loop (L, 3) without its corners."""
    closed = np.concatenate([path, path[:1]])
    at = np.linspace(0, len(path), 4 * len(path), endpoint=False)
    return np.asarray(CubicSpline(np.arange(len(closed)), closed, bc_type="periodic")(at))


def _girth(head: Head) -> float:
    """How long a ribbon around the middle of the neck would be, in decimetres."""
    height = 0.5 * (head.joint("neck")[1] + head.joint("head")[1]) - 0.1
    fields = head.anatomy.fields
    near = (fields["head"] < 0.7) & (np.abs(head.skin[:, 1] - height) < 0.12)
    if not near.any():
        return _USUAL_GIRTH
    around = head.skin[near][:, [0, 2]]
    return float(np.pi * np.ptp(around, axis=0).mean())


def _surface(head: Head, worn: list[MeshPart]) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals of what a necklace may rest on, without ears and face."""
    below = head.anatomy.fields["head"] < 0.6
    points, facing = [head.posed[below]], [head.outward[below]]
    for part in worn:
        keep = np.ones(len(part.points), bool) if part.shown is None else part.shown > 0.5
        points.append(part.points[keep])
        facing.append(normals(part.points, part.faces)[keep])
    return np.concatenate(points), np.concatenate(facing)


def tightened(path: np.ndarray, link: float) -> np.ndarray:
    """Moves neighbors on a loop towards the length of a link, every second pair at a time."""
    for first in (0, 1):
        a, b = np.arange(first, len(path), 2), (np.arange(first, len(path), 2) + 1) % len(path)
        apart = path[b] - path[a]
        length = np.linalg.norm(apart, axis=1, keepdims=True) + 1e-9
        move = apart * (0.5 * (length - link) / length)
        path = path.copy()
        path[a] += move
        path[b] -= move
    return path


def _chain(path: np.ndarray, random: np.random.Generator) -> Solid:
    return tube(path, random.uniform(0.01, 0.028), sides=6, closed=True)


def _pendant(path: np.ndarray, random: np.random.Generator) -> Solid:
    lowest = path[np.argmin(path[:, 1])]
    radius = random.uniform(0.05, 0.12)
    stretch = (random.uniform(0.6, 1), 1, 0.3)
    hanging = ball(lowest + np.array([0, -0.9 * radius, 0.02]), radius, stretch=stretch)
    return joined([tube(path, random.uniform(0.008, 0.018), sides=6, closed=True), hanging])


def _beads(path: np.ndarray, random: np.random.Generator) -> Solid:
    radius = random.uniform(0.035, 0.08)
    return joined(ball(at, radius, rows=7, columns=10) for at in _stations(path, 2.0 * radius))


def _collar(path: np.ndarray, random: np.random.Generator) -> Solid:
    """Several strands of small beads, one below the other."""
    radius = random.uniform(0.025, 0.04)
    middle = path.mean(0)
    out = (path - middle) * [1, 0, 1]
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
    strands = [
        path + out * 1.2 * radius * k - [0, 1.5 * radius * k, 0]
        for k in range(random.integers(2, 5))
    ]
    return joined(
        ball(at, radius, rows=6, columns=8)
        for strand in strands
        for at in _stations(strand, 2.0 * radius)
    )


def _stations(path: np.ndarray, gap: float) -> np.ndarray:
    """Points (N, 3) at even distances along a loop."""
    loop = np.concatenate([path, path[:1]])
    length = np.concatenate([[0], np.linalg.norm(np.diff(loop, axis=0), axis=1).cumsum()])
    at = np.linspace(0, length[-1], max(3, int(length[-1] / gap)), endpoint=False)
    return np.stack([np.interp(at, length, loop[:, axis]) for axis in range(3)], 1)


_NECKLACES: Mapping[
    str, tuple[float, float, Callable[[np.ndarray, np.random.Generator], Solid]]
] = MappingProxyType(
    {
        # Shortest and longest, in rounds of a neck, and shape.
        "chain": (1.1, 1.5, _chain),
        "pendant": (1.15, 1.55, _pendant),
        "beads": (1.08, 1.35, _beads),
        "collar": (1.05, 1.15, _collar),
    }
)


def _metal(random: np.random.Generator) -> Look:
    color = _METALS[random.integers(len(_METALS))]
    return Look("metal", color=color, values={"roughness": random.uniform(0.1, 0.35)})


def _stone(random: np.random.Generator) -> Look:
    pearl = random.random() < 0.5
    color = (0.85, 0.82, 0.76) if pearl else any_color(random, value=(0.03, 0.9))
    return Look("glossy", color=color, values={"roughness": random.uniform(0.1, 0.3)})
