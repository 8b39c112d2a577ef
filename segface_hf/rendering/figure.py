"""A figure: everything in a picture before a renderer sees it, and where the camera looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segface_hf.rendering.body.anatomy import Anatomy
from segface_hf.rendering.body.eyes import eye_parts, lashes, mouth_parts
from segface_hf.rendering.body.facial_hair import beard_area, beard_strands, brow_strands
from segface_hf.rendering.body.hair import hair_strands
from segface_hf.rendering.body.head import Head, make_head
from segface_hf.rendering.body.mesh import MeshPart, Strands
from segface_hf.rendering.body.skin import brows, hairline, skin_part
from segface_hf.rendering.plan import ScenePlan
from segface_hf.rendering.wear.clothes import garment
from segface_hf.rendering.wear.eyewear import eyeglasses
from segface_hf.rendering.wear.headwear import hat
from segface_hf.rendering.wear.jewelry import earrings, necklace


@dataclass(frozen=True)
class Figure:
    """What is rendered.

    Attributes:
        plan: What was decided.
        parts: Surfaces and strands.
        center: (3,) where the camera looks.
        extent: Width of what it sees there, in decimetres.
    """

    plan: ScenePlan
    parts: tuple[MeshPart | Strands, ...]
    center: np.ndarray
    extent: float


def make_figure(anatomy: Anatomy, plan: ScenePlan) -> Figure:
    """Computes everything that a plan shows; the same for the same plan."""
    head = make_head(anatomy, plan)
    random = plan.stream("growth")
    receding = random.uniform(0, 1) if plan.person.male > 0.5 else 0.0
    scalp = hairline(anatomy, random, receding=receding * plan.person.ages[2])
    if plan.hair == "bald":
        scalp = np.zeros_like(scalp)
    brow = brows(anatomy, random)
    worn = garment(head)
    covered = hat(head)
    strands = [
        hair_strands(head, scalp, covered[1] if covered else None),
        brow_strands(head, brow),
        beard_strands(head),
        lashes(head),
    ]
    parts: list[MeshPart | Strands] = [
        skin_part(head, scalp=scalp, brow=brow, beard=beard_area(head)),
        *eye_parts(head),
        *mouth_parts(head),
        *worn,
        *([covered[0]] if covered else []),
        *eyeglasses(head),
        *earrings(head),
        *necklace(head, worn),
        *(some for some in strands if some is not None),
    ]
    center, extent = _framed(head)
    return Figure(plan, tuple(parts), center, extent)


def _framed(head: Head) -> tuple[np.ndarray, float]:
    """Where the camera looks and how much it sees: about what aligned photos of faces show."""
    random = head.plan.stream("camera")
    eyes = head.eye * [0, 1, 1]
    lips = head.skin[head.anatomy.fields["lips"] > 0.5].mean(0)
    extent = max(4.0 * 2 * head.eye[0], 3.6 * abs(eyes[1] - lips[1])) * random.uniform(0.8, 1.08)
    middle = eyes + 0.1 * (lips - eyes) + random.normal(0, 0.03, 3)
    if head.plan.necklace is not None:
        # Photos that show a necklace are cut lower.
        extent, middle = extent * 1.12, middle - [0, random.uniform(0.15, 0.35), 0]
    # The middle of the head, not the eyes, keeps its place when a head turns to its side.
    middle = middle * [1, 1, 0] + [0, 0, 0.6 * eyes[2] + 0.4 * head.skull.center[2]]
    return head.turned(middle[None])[0], float(extent)
