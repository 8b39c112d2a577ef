"""Eyewear: frames with lenses that sit on the nose and reach to the ears."""

from __future__ import annotations

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import Look, MeshPart, Solid, joined, tube
from segface_hf.rendering.random_looks import any_color

_CORNERS = 48


def eyeglasses(head: Head) -> list[MeshPart]:
    """A plan's frame and lenses, both of the class eyeglasses; none without them."""
    if head.plan.eyeglasses is None:
        return []
    random, label = head.plan.stream("eyewear"), CELEBAMASK_HQ.id_of("eyeglasses")
    wire = random.uniform(0.01, 0.032)
    rims = _rims(head, random)
    left, right = rims
    # Both rims begin at their outer end; the nose is half a turn further.
    inner = [rim[_CORNERS // 2 - 4 if rim is left else 4 - _CORNERS // 2] for rim in rims]
    top = (inner[0] + inner[1]) / 2 + [0, random.uniform(0.0, 0.05), 0.03]
    frame = [tube(rim, wire, closed=True) for rim in rims]
    frame.append(tube(np.stack([inner[0], top, inner[1]]), wire))
    frame += [tube(_temple(head, rim, side), 0.8 * wire) for rim, side in ((left, 1), (right, -1))]
    points, faces = joined(frame)
    parts = [MeshPart(head.turned(points), faces, label, _frame_look(random))]
    points, faces = joined(_lens(rim) for rim in rims)
    parts.append(MeshPart(head.turned(points), faces, label, _lens_look(head, random)))
    return parts


def _rims(head: Head, random: np.random.Generator) -> list[np.ndarray]:
    """The left and the right rim (C, 3), rounder or squarer, bent around the face."""
    eye = head.eye
    half = random.uniform(0.23, 0.31)
    tall = half * random.uniform(0.62, 1.0)
    power = 2 / random.uniform(2.0, 5.0)
    middle = max(eye[0], half + 0.06)
    face = head.skin[head.anatomy.fields["head"] > 0.9]
    near = np.abs(face[:, 1] - eye[1]) < 0.08
    bridge = face[near & (np.abs(face[:, 0]) < 0.1)][:, 2].max()
    # Lashes need room behind the lenses.
    depth = max(bridge + 0.02, eye[2] + 0.29)
    turn = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    rims = []
    for side in (1, -1):
        x = middle + half * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
        y = eye[1] - 0.03 + tall * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power
        rims.append(np.stack([side * x, y, depth - 0.1 * (x / 0.6) ** 2], 1))
    return rims


def _temple(head: Head, rim: np.ndarray, side: int) -> np.ndarray:
    """The arm (5, 3) from a rim's outer end over the ear."""
    fields, skin = head.anatomy.fields, head.skin
    ear = skin[(fields["ears"] > 0.5) & (skin[:, 0] * side > 0)]
    top = ear[ear[:, 1] > ear[:, 1].max() - 0.12].mean(0)
    hinge = rim[_CORNERS // 8]
    beside = skin[(np.abs(skin[:, 1] - top[1]) < 0.12) & (skin[:, 2] > top[2] + 0.1)]
    wide = np.abs(beside[:, 0]).max() + 0.03
    outer = max(abs(hinge[0]) + 0.03, wide)
    return np.array(
        [
            hinge,
            [side * outer, hinge[1], hinge[2] - 0.12],
            [side * max(wide, abs(top[0])), top[1] + 0.04, top[2] + 0.15],
            [top[0] + side * 0.02, top[1] + 0.02, top[2] - 0.1],
            [top[0], top[1] - 0.3, top[2] - 0.25],
        ]
    )


def _lens(rim: np.ndarray) -> Solid:
    """A fan of triangles that fills a rim, a little bulged."""
    center = rim.mean(0) + np.array([0, 0, 0.015])
    ring = np.arange(len(rim))
    hub = np.full(len(rim), len(rim))
    faces = np.stack([ring, np.roll(ring, -1), hub, hub], 1)
    return np.concatenate([rim, center[None]]), faces


def _frame_look(random: np.random.Generator) -> Look:
    if random.random() < 0.35:
        metal = ((0.85, 0.65, 0.3), (0.8, 0.8, 0.8), (0.3, 0.3, 0.32))[random.integers(3)]
        return Look("metal", color=metal, values={"roughness": random.uniform(0.15, 0.4)})
    bright = (0.005, 0.12) if random.random() < 0.75 else (0.1, 0.8)
    color = any_color(random, saturation=(0, 0.8), value=bright)
    return Look("glossy", color=color, values={"roughness": random.uniform(0.15, 0.4)})


def _lens_look(head: Head, random: np.random.Generator) -> Look:
    sun = head.plan.eyeglasses == "sun"
    tint = any_color(random, saturation=(0, 0.6), value=(0.002, 0.05))
    dark = random.uniform(0.6, 0.97) if sun else random.uniform(0.02, 0.08)
    return Look("lens", color=tint, values={"opacity": dark})
