"""Brows and beards: short strands on the skin."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.hair import scattered
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import Look, Strands, step

_BROW_HAIRS = 500
_BEARD_HAIRS = 5000
# Shortest and longest hairs in decimetres.
_LENGTHS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"full": (0.05, 0.18), "moustache": (0.05, 0.12), "goatee": (0.04, 0.16)}
)


def brow_strands(head: Head, brow: np.ndarray) -> Strands:
    """Brow hairs, which point outwards and upwards; their area is a layer of the skin's mask."""
    random = head.plan.stream("brows")
    count = int(_BROW_HAIRS * random.uniform(0.5, 1.2))
    roots, outward = scattered(head, step(brow, 0.6, 0.4), random=random, count=count)
    away = np.sign(roots[:, :1])
    comb = np.concatenate([away, np.full_like(away, 0.35), np.full_like(away, -0.15)], 1)
    heading = comb + 0.35 * outward + random.normal(0, 0.18, roots.shape)
    length = random.uniform(0.05, 0.085) * random.uniform(0.6, 1.2, (count, 1))
    # Brows are darker than the hair, as a rule.
    color = np.clip(np.array(head.plan.hair_color) * random.uniform(0.5, 1.2), 0, 0.2)
    lines = _short(head, roots, heading=heading, outward=outward, length=length)
    return Strands(lines, random.uniform(0.0025, 0.004), None, _look(color))


def beard_strands(head: Head) -> Strands | None:
    """A beard's hairs, which masks count as skin; None without one, and for painted stubble."""
    kind = head.plan.beard
    if kind is None or kind not in _LENGTHS:
        return None
    random = head.plan.stream("beard")
    density = beard_area(head)
    likely = np.where(density > 0.25, density, 0)
    roots, outward = scattered(head, likely, random=random, count=_BEARD_HAIRS)
    away = np.sign(roots[:, :1])
    comb = np.concatenate([0.3 * away, np.full_like(away, -0.9), np.full_like(away, 0.05)], 1)
    heading = comb + 0.5 * outward + random.normal(0, 0.25, roots.shape)
    length = random.uniform(*_LENGTHS[kind]) * random.uniform(0.5, 1.1, (len(roots), 1))
    color = np.clip(np.array(head.plan.hair_color) * random.uniform(0.8, 1.4), 0, 1)
    lines = _short(head, roots, heading=heading, outward=outward, length=length)
    return Strands(lines, random.uniform(0.004, 0.007), CELEBAMASK_HQ.id_of("skin"), _look(color))


def beard_area(head: Head) -> np.ndarray:
    """Where the beard of a plan grows: a field (P,), all zero without one."""
    anatomy, kind = head.anatomy, head.plan.beard
    whole, (x, y, _) = anatomy.fields["beard"], anatomy.average.T
    mouth = anatomy.mouth[1]
    if kind is None:
        return np.zeros(len(whole))
    if kind == "moustache":
        return whole * (y > mouth)
    if kind == "goatee":
        return whole * step(-np.abs(x), -0.36, 0.1)
    return whole


def _short(
    head: Head, roots: np.ndarray, *, heading: np.ndarray, outward: np.ndarray, length: np.ndarray
) -> np.ndarray:
    """Posed strands (N, 3, 3) that leave the skin and bend back to it."""
    heading = heading / np.linalg.norm(heading, axis=1, keepdims=True)
    root = roots - 0.004 * outward
    middle = root + length * (0.5 * heading + 0.12 * outward)
    lines = np.stack([root, middle, root + length * heading], 1)
    return head.turned(lines.reshape(-1, 3)).reshape(lines.shape)


def _look(color: np.ndarray) -> Look:
    red, green, blue = color.tolist()
    return Look("hair", color=(red, green, blue), values={"roughness": 0.45})
