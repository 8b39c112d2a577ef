"""Hair: strands that grow from the scalp, fall, curl, and leave face and body free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.spatial import cKDTree

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import Look, Strands
from segface_hf.rendering.random_looks import noise

_STEPS = 8
_COUNT = 9_000
_GUIDES = 1_800
_STRAY = 0.02
_FAR = 0.6
_PARTED = 0.5
_GAP = 0.03
_FACE_ANGLE = (0.8, 1.4)


@dataclass(frozen=True)
class HairStyle:
    """How hair grows.

    Attributes:
        length: Shortest and longest, in decimetres.
        comb: Direction it is combed to: away from the parting, up, to the front.
        lift: How far it stands off the head at its root, against the comb.
        fall: How much gravity bends it.
        curl: Size of its curls, in decimetres.
    """

    length: tuple[float, float]
    comb: tuple[float, float, float]
    lift: float
    fall: float
    curl: tuple[float, float] = (0.0, 0.015)


STYLES: Mapping[str, HairStyle] = MappingProxyType(
    {
        "buzzed": HairStyle((0.03, 0.08), (0.2, 0.0, 0.2), 1.0, 0.0),
        "short": HairStyle((0.25, 0.6), (0.5, -0.2, 0.35), 0.45, 0.12),
        "swept": HairStyle((0.5, 1.0), (0.3, 0.25, -0.9), 0.5, 0.12),
        "bob": HairStyle((1.2, 1.9), (0.5, -0.6, -0.1), 0.2, 0.8, (0.0, 0.03)),
        "long": HairStyle((2.2, 3.8), (0.5, -0.6, -0.15), 0.18, 0.9, (0.0, 0.05)),
        "curls": HairStyle((0.8, 2.4), (0.5, -0.4, 0.0), 0.35, 0.6, (0.04, 0.09)),
        "afro": HairStyle((0.4, 0.9), (0.1, 0.1, 0.0), 1.0, 0.0, (0.08, 0.1)),
    }
)
Limit = Callable[[np.ndarray], np.ndarray]
"""Takes points (N, 3) seen from the head; gives how far (N,) from the skull's center at most."""


def hair_strands(head: Head, scalp: np.ndarray, limit: Limit | None = None) -> Strands | None:
    """Grows the hair of a plan.

    Args:
        head: The head.
        scalp: (P,) above a half where hair grows.
        limit: Keeps hair under a hat.

    Returns:
        Strands; None for a bald head.
    """
    style = STYLES.get(head.plan.hair)
    if style is None:
        return None
    random = head.plan.stream("hair")
    density = np.where(scalp > 0.3, scalp, 0)
    roots, outward = scattered(head, density, random=random, count=_GUIDES)
    parting = random.uniform(-0.3, 0.3)
    away = np.where(roots[:, 0] > parting, 1.0, -1.0)
    guides = _grown(
        head, style, roots=roots, outward=outward, away=away, random=random, limit=limit
    )
    roots, _ = scattered(head, density, random=random, count=_COUNT)
    lines = _followed(guides, roots, random=random, parting=parting)
    if limit is not None:
        lines = _under(head, lines.reshape(-1, 3), limit).reshape(lines.shape)
    posed = head.turned(lines.reshape(-1, 3)).reshape(lines.shape)
    look = Look("hair", color=head.plan.hair_color, values={"roughness": random.uniform(0.25, 0.5)})
    thick = random.uniform(0.009, 0.013)
    return Strands(posed, thick, CELEBAMASK_HQ.id_of("hair"), look)


def _followed(
    guides: np.ndarray, roots: np.ndarray, *, random: np.random.Generator, parting: float
) -> np.ndarray:
    """Strands (N, K, 3) from roots (N, 3) on that go as their nearest guides (G, K, 3) go.

    Few guides are worth their collisions; the hairs between them need none of their own.
    """
    first, apart = guides[:, 0], np.array([_PARTED, 0, 0])
    # No hair follows one on the other side of the parting.
    tree = cKDTree(first + np.where(first[:, :1] > parting, apart, -apart))
    _, near = tree.query(roots + np.where(roots[:, :1] > parting, apart, -apart), k=3)
    # One of three, so that no lock is cut out along the borders between guides.
    chosen = guides[near[np.arange(len(roots)), random.integers(3, size=len(roots))]]
    away = chosen - chosen[:, :1]
    length = random.uniform(0.85, 1.05, (len(roots), 1, 1))
    spread = np.linspace(0, 1, guides.shape[1])[:, None]
    stray = random.normal(0, _STRAY, (len(roots), 1, 3)) * spread
    return np.asarray(roots[:, None] + away * length + stray)


def scattered(
    head: Head, density: np.ndarray, *, random: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random points on the skin, seen from the head.

    Args:
        head: The head.
        density: (P,) how likely a point is, 0 for never.
        random: Decides.
        count: How many.

    Returns:
        Points and unit normals, both (count, 3), before the head turns.
    """
    faces, skin = head.anatomy.faces, head.skin
    likely = density[faces].mean(1)
    chosen = faces[likely > 0]
    corners = skin[chosen]
    area = np.linalg.norm(
        np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1
    )
    share = area * likely[likely > 0]
    picked = random.choice(len(chosen), count, p=share / share.sum())
    u, v = random.random((2, count, 1))
    weights = np.concatenate([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], 1)
    points = np.einsum("nk,nkd->nd", weights, corners[picked])
    return points, head.facing[chosen[picked, 0]]


def _grown(
    head: Head,
    style: HairStyle,
    *,
    roots: np.ndarray,
    outward: np.ndarray,
    away: np.ndarray,
    random: np.random.Generator,
    limit: Limit | None,
) -> np.ndarray:
    """Strands (N, K, 3), seen from the head; `away` (N,) is 1 left of the parting, else -1."""
    count = len(roots)
    comb = np.array(style.comb) + random.normal(0, 0.08, 3)
    combed = np.stack([away * comb[0], np.full(count, comb[1]), np.full(count, comb[2])], 1)
    length = random.uniform(*style.length) * random.uniform(0.75, 1.1, (count, 1))
    curl, turns = random.uniform(*style.curl), random.uniform(0.9, 2.4)
    fringe, aside = random.random() < 0.35, random.uniform(*_FACE_ANGLE)
    # Neighbors bend alike: locks instead of a fog.
    locks = np.stack([noise(roots, random, scale=5, octaves=1) for _ in range(3)], 1) - 0.5
    phase = noise(roots, random, scale=4, octaves=1) * 25 + random.normal(0, 0.4, count)
    heading = style.lift * outward + (1 - 0.6 * style.lift) * combed
    line = [roots]
    for k in range(1, _STEPS):
        bend = style.fall * head.down * min(1.0, 0.35 * k)
        heading = heading + bend + 0.2 * locks + random.normal(0, 0.05, (count, 3))
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        wave = np.stack(
            [np.cos(phase + turns * k), np.sin(phase + turns * k), np.sin(phase * 1.3 + turns * k)],
            1,
        )
        ahead = line[-1] + heading * length / (_STEPS - 1) + curl * wave
        ahead = _clear_of_face(head, ahead, away, fringe=fringe, aside=aside)
        ahead = _outside(head, ahead)
        line.append(ahead if limit is None else _under(head, ahead, limit))
        heading = line[-1] - line[-2]
        heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-9
    return np.stack(line, 1)


def _outside(head: Head, points: np.ndarray) -> np.ndarray:
    """Pushes points out of the skin."""
    tree, cage, facing = head.cage
    off, near = tree.query(points, distance_upper_bound=_FAR)
    near = np.where(np.isfinite(off), near, 0)
    depth = ((points - cage[near]) * facing[near]).sum(1)
    push = np.where(np.isfinite(off), np.clip(_GAP - depth, 0, 0.5), 0)
    return np.asarray(points + facing[near] * push[:, None])


def _clear_of_face(
    head: Head, points: np.ndarray, away: np.ndarray, *, fringe: bool, aside: float
) -> np.ndarray:
    """Parts hair that would hang before the face, like a curtain, up to an angle aside of it."""
    center, eye = head.skull.center, head.eye[1]
    x, z = points[:, 0] - center[0], points[:, 2] - center[2]
    top = eye + (0.22 if fringe else 0.62)
    narrow = np.interp(
        points[:, 1], [eye - 1.6, eye - 0.7, eye, top - 0.1, top], [0.5, 0.75, 1, 0.9, 0]
    )
    angle, far = np.arctan2(x, z), np.hypot(x, z)
    least = aside * narrow
    side = np.where(np.abs(angle) > 0.3, np.sign(angle), away)
    inside = np.abs(angle) < least
    moved = np.where(inside, side * least, angle)
    return np.stack(
        [far * np.sin(moved) + center[0], points[:, 1], far * np.cos(moved) + center[2]], 1
    )


def _under(head: Head, points: np.ndarray, limit: Limit) -> np.ndarray:
    """Keeps points within a distance of the skull's center."""
    out = points - head.skull.center
    far = np.linalg.norm(out, axis=1)
    return np.asarray(head.skull.center + out * (np.minimum(far, limit(points)) / far)[:, None])
