"""Eyes, lashes, teeth and tongue, made from the base mesh's helper groups."""

from __future__ import annotations

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import Look, MeshPart, Strands, ball, rotation

_SIDES = (("l", "l_eye"), ("r", "r_eye"))
# Linear colors of irises, from dark brown to gray.
_IRIS = (
    (0.04, 0.018, 0.01),
    (0.09, 0.04, 0.018),
    (0.17, 0.1, 0.04),
    (0.11, 0.14, 0.06),
    (0.13, 0.22, 0.33),
    (0.2, 0.24, 0.26),
)
_CORNEA = 0.05
# The base mesh's teeth are too far behind the lips to be lit. Moved forward, they must be narrower
# to stay inside the jaw.
_TEETH_FORWARD, _TEETH_NARROWER = 0.035, 0.82
_LASHES_A_FACE = 3
_LASH = 0.0035


def eye_parts(head: Head) -> list[MeshPart]:
    """Both eyeballs."""
    random = head.plan.stream("eyes")
    color = np.array(_IRIS[random.integers(len(_IRIS))]) * random.uniform(0.7, 1.3)
    red, green, blue = color.tolist()
    look = Look("eye", color=(red, green, blue), values={"pupil": random.uniform(0.13, 0.24)})
    # Both eyes look the same way, mostly towards the camera.
    aside = (-head.plan.yaw * random.uniform(0.2, 0.7), -head.plan.pitch * 0.5)
    gaze = np.clip(random.normal(aside, 0.06), -0.45, 0.45)
    turn = rotation(1, gaze[0]) @ rotation(0, gaze[1])
    parts = []
    for side, name in _SIDES:
        points = head.shape[np.unique(head.anatomy.base.groups[f"helper-{side}-eye"])]
        low, high = points.min(0), points.max(0)
        unit, faces = ball((0, 0, 0), 1.0, rows=28, columns=40)
        forward = unit[:, 2]
        bulged = unit * (1 + _CORNEA * np.clip((forward - 0.86) / 0.14, 0, 1))[:, None]
        placed = bulged @ turn.T * (high - low)[:2].mean() / 2 + (low + high) / 2
        angle = np.arccos(np.clip(forward, -1, 1))
        label = CELEBAMASK_HQ.id_of(name)
        parts.append(MeshPart(head.turned(placed), faces, label, look, fields={"angle": angle}))
    return parts


def mouth_parts(head: Head) -> list[MeshPart]:
    """Teeth and tongue, which show when the mouth is open."""
    random = head.plan.stream("mouth")
    white = random.uniform(0.65, 0.95)
    teeth = Look("glossy", color=(white, white * 0.92, white * 0.8), values={"roughness": 0.2})
    tongue = Look("glossy", color=(0.45, 0.16, 0.15), values={"roughness": 0.4})
    groups = (("upper-teeth", teeth), ("lower-teeth", teeth), ("tongue", tongue))
    return [
        MeshPart(*_in_mouth(head, f"helper-{name}"), CELEBAMASK_HQ.id_of("mouth"), look)
        for name, look in groups
    ]


def _in_mouth(head: Head, group: str) -> tuple[np.ndarray, np.ndarray]:
    """Posed points and faces of a group of the base mesh, where they are seen."""
    used, faces = np.unique(head.anatomy.base.groups[group], return_inverse=True)
    points = head.shape[used] * [_TEETH_NARROWER, 1, 1] + [0, 0, _TEETH_FORWARD]
    return head.turned(points), faces.reshape(-1, 4)


def lashes(head: Head) -> Strands:
    """Thin hairs in place of the lash cards; the mask looks through them."""
    random, lines = head.plan.stream("lashes"), []
    for side in "lr":
        ball_at = head.shape[np.unique(head.anatomy.base.groups[f"helper-{side}-eye"])]
        center = (ball_at.min(0) + ball_at.max(0)) / 2
        for row in (1, 2):
            points, faces = head.shape, head.anatomy.base.groups[f"helper-{side}-eyelashes-{row}"]
            corners = points[faces]
            order = np.argsort(np.linalg.norm(corners - center, axis=2), axis=1)
            sorted_corners = np.take_along_axis(corners, order[:, :, None], 1)
            for _ in range(_LASHES_A_FACE * row):
                share = random.random((len(faces), 1))
                root = sorted_corners[:, 0] * share + sorted_corners[:, 1] * (1 - share)
                tip = sorted_corners[:, 2] * share + sorted_corners[:, 3] * (1 - share)
                lines.append(np.stack([root, (root + tip) / 2, tip], 1))
    grown = np.concatenate(lines)
    posed = head.turned(grown.reshape(-1, 3)).reshape(grown.shape)
    return Strands(posed, _LASH, None, Look("hair", color=(0.015, 0.01, 0.008)))
