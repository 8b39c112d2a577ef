"""Skin: the head's surface, its colors, and the face parts on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.body.anatomy import Anatomy
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.mesh import Look, MeshPart, step
from segface_hf.rendering.random_looks import noise

# The order in which parts cover one another.
_LAYERS = (
    ("neck", "neck part"),
    ("l_ear", "left ear"),
    ("r_ear", "right ear"),
    ("nose", "nose part"),
    ("u_lip", "upper lip"),
    ("l_lip", "lower lip"),
    ("mouth", "mouth part"),
)
_LIPS = (
    (0.55, 0.2, 0.18),
    (0.45, 0.12, 0.12),
    (0.6, 0.06, 0.09),
    (0.36, 0.13, 0.1),
    (0.66, 0.3, 0.27),
)
_ROUGH = 0.008
# Annotators outline brows generously; how much, as a share of `brows`.
_OUTLINED = 0.06


def hairline(anatomy: Anatomy, random: np.random.Generator, *, receding: float = 0.0) -> np.ndarray:
    """Where the scalp is: a field (P,) above a half where hair grows.

    Args:
        anatomy: What all heads share.
        random: Decides how high the hair begins.
        receding: 0 to 1: how far it has gone from the temples.
    """
    eye = anatomy.eye[1]
    angles = np.array([0.0, 0.4, 0.75, 1.0, 1.25, 1.5, 1.8, 2.4, np.pi])
    heights = np.array([0.72, 0.7, 0.62, 0.3, -0.05, -0.15, -0.4, -0.6, -0.7])
    heights = heights + random.normal(0, 0.04, 9) + random.normal(0, 0.05)
    heights = heights + receding * np.array([0.1, 0.3, 0.4, 0.3, 0.15, 0.05, 0, 0, 0])
    line = eye + np.interp(anatomy.around, angles, heights)
    line = line + 0.08 * (noise(anatomy.average, random, scale=5) - 0.5)
    scalp = step(anatomy.average[:, 1] - line, 0.0, 0.16)
    return scalp * (1 - step(anatomy.fields["ears"], 0.2, 0.2)) * (anatomy.fields["head"] > 0.3)


def brows(anatomy: Anatomy, random: np.random.Generator) -> np.ndarray:
    """Both brows: a field (P,) above a half where they grow, thinning out to their ends."""
    x, y, z = anatomy.average.T
    eye = anatomy.eye
    inner, outer = random.uniform(0.125, 0.185), random.uniform(0.53, 0.61)
    along = np.clip((np.abs(x) - inner) / (outer - inner), 0, 1)
    # From the inner end up to the arch, and down again to the outer end.
    rise = np.interp(along, [0, 0.3, 0.65, 1], [0, 0.55, 1, 0.35])
    slope = random.normal(0, 0.025) * along
    height = random.uniform(0.115, 0.165) + random.uniform(0.0, 0.06) * rise + slope
    thick = random.uniform(0.024, 0.046) * np.interp(
        along, [0, 0.15, 0.5, 1], [0.8, 1.05, 0.95, 0.35]
    )
    off = np.hypot(
        y - eye[1] - height, np.maximum(0, np.maximum(inner - np.abs(x), np.abs(x) - outer))
    )
    return np.where(z > eye[2] - 0.4, np.clip(1 - 0.5 * off / thick, 0, 1), 0.0)


def skin_part(head: Head, *, scalp: np.ndarray, brow: np.ndarray, beard: np.ndarray) -> MeshPart:
    """The skin, with everything on it that is not a separate part.

    Args:
        head: The head.
        scalp: (P,) above a half where hair grows.
        brow: (P,) above a half where the brows are.
        beard: (P,) how densely a beard grows; masks count it as skin.
    """
    anatomy, random = head.anatomy, head.plan.stream("skin")
    fields, points = anatomy.fields, anatomy.average
    left = points[:, 0] > 0
    layers = [(CELEBAMASK_HQ.id_of(name), fields[part]) for name, part in _LAYERS]
    for name, side in (("l_brow", left), ("r_brow", ~left)):
        layers.append((CELEBAMASK_HQ.id_of(name), np.where(side, brow + _OUTLINED, 0.0)))
    layers.append((CELEBAMASK_HQ.id_of("hair"), scalp))
    rough = (noise(points, random, scale=26) - 0.5) * _ROUGH * random.uniform(0.3, 1.3)
    cheek = np.exp(-((np.abs(points) - [0.42, anatomy.eye[1] - 0.42, 1.1]) ** 2).sum(1) / 0.09)
    painted = {
        "blotches": noise(points, random, scale=3),
        "grain": noise(points, random, scale=22),
        "spots": noise(points, random, scale=45, octaves=1),
        "lips": np.maximum(fields["upper lip"], fields["lower lip"]),
        "inside": fields["mouth part"],
        "scalp": scalp,
        "brow": step(brow, 0.55, 0.5),
        "beard": beard,
        "cheek": cheek,
    }
    moved = head.posed + head.outward * (rough * fields["bare"])[:, None]
    return MeshPart(
        moved,
        anatomy.faces,
        CELEBAMASK_HQ.id_of("skin"),
        _look(head, random),
        layers=tuple(layers),
        fields=painted,
    )


def _look(head: Head, random: np.random.Generator) -> Look:
    made_up = random.random() < (0.45 if head.plan.person.male < 0.5 else 0.02)
    lips = np.array(_LIPS[random.integers(len(_LIPS))])
    tone = np.array(head.plan.skin) * (0.85, 0.55, 0.55)
    share = random.uniform(0.4, 0.9) if made_up else random.uniform(0.0, 0.25)
    red, green, blue = (tone * (1 - share) + lips * share).tolist()
    look = Look("skin", color=head.plan.skin, second=(red, green, blue))
    return replace(
        look,
        values={
            "blotches": random.uniform(0.1, 0.5),
            "grain": random.uniform(0.1, 0.4),
            "freckles": random.uniform(0.5, 2.5) * (random.random() < 0.2),
            "blush": random.uniform(0.0, 0.3),
            "lips": random.uniform(0.5, 0.9),
            "roughness": random.uniform(0.38, 0.58),
            "shine": random.uniform(0.3, 0.55),
            "brow": random.uniform(0.1, 0.35),
            "scalp": random.uniform(0.6, 0.95),
            "hair red": head.plan.hair_color[0],
            "hair green": head.plan.hair_color[1],
            "hair blue": head.plan.hair_color[2],
            "beard": random.uniform(0.25, 0.75),
        },
    )
