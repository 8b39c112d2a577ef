"""Anatomy: where on the base mesh nose, lips, ears, scalp and beard are; the same for all heads.

Fields are computed once on an average head. A point keeps its number in every head, and so its
part, however the head is shaped and whatever it expresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from segface_hf.rendering.body.basemesh import BaseMesh
from segface_hf.rendering.body.identity import AVERAGE, shaped
from segface_hf.rendering.body.mesh import normals, step
from segface_hf.rendering.body.subdivision import Matrix, subdivide

_LEVELS = 2
_LOWEST, _WIDEST = 3.6, 2.9
_HEAD_BONES = (
    "head", "jaw", "levator", "oculi", "orbicularis", "oris", "risorius", "temporalis", "eye",
    "special", "tongue",
)  # fmt: skip
# How far the bones of the neck turn with the head.
_NECK_BONES = {"neck03": 0.75, "neck02": 0.5, "neck01": 0.25}
_NOSE_TARGETS = (
    "nose-scale-horiz-incr",
    "nose-scale-vert-incr",
    "nose-volume-incr",
    "nose-scale-depth-incr",
)


@dataclass(frozen=True)
class Anatomy:
    """What all heads share.

    Attributes:
        base: The base mesh.
        smooth: Matrix from the base mesh's points to those of the skin.
        faces: int (F, 4) of the skin.
        average: float (P, 3): the skin of the average head.
        fields: Name -> float (P,) from 0 to 1.
        turning: float (N,): how far each point of the base mesh turns with the head, 0 to 1.
    """

    base: BaseMesh
    smooth: Matrix
    faces: np.ndarray
    average: np.ndarray
    fields: Mapping[str, np.ndarray]
    turning: np.ndarray

    @cached_property
    def eye(self) -> np.ndarray:
        """Center of the average head's left eye."""
        return center_of(shaped(self.base, AVERAGE), self.base.groups["helper-l-eye"])

    @cached_property
    def mouth(self) -> np.ndarray:
        """Center of the average head's lips."""
        return np.asarray(self.average[self.fields["lips"] > 0.5].mean(0))

    @cached_property
    def around(self) -> np.ndarray:
        """Angle (P,) of skin points around the head's upright axis: 0 in front, pi at the back."""
        x, _, z = (self.average - self.center).T
        return np.asarray(np.abs(np.arctan2(x, z)))

    @cached_property
    def center(self) -> np.ndarray:
        """Middle of the average skull, between and above the ears."""
        return np.array([0.0, self.eye[1] + 0.35, self.eye[2] - 0.9])

    @cached_property
    def lobes(self) -> tuple[int, int]:
        """Numbers of the skin points at the left and the right ear lobe."""
        left, right = (
            np.flatnonzero((self.fields["ears"] > 0.6) & (self.average[:, 0] * side > 0))
            for side in (1, -1)
        )
        heights = self.average[:, 1]
        return int(left[heights[left].argmin()]), int(right[heights[right].argmin()])


def center_of(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Middle (3,) of the box around a group's points."""
    some = points[np.unique(faces)]
    return np.asarray((some.min(0) + some.max(0)) / 2)


def read_anatomy(base: BaseMesh) -> Anatomy:
    """Finds the parts of the base mesh's head and bust."""
    body = base.groups["body"]
    middles = base.points[body].mean(1)
    kept = body[(middles[:, 1] > _LOWEST) & (np.abs(middles[:, 0]) < _WIDEST)]
    smooth, faces = subdivide(kept, len(base.points))
    for _ in range(_LEVELS - 1):
        finer, faces = subdivide(faces, smooth.shape[0])
        smooth = (finer @ smooth).tocsr()
    used, faces = np.unique(faces, return_inverse=True)
    smooth, faces = smooth[used], faces.reshape(-1, 4)
    average = smooth @ shaped(base, AVERAGE)
    turning, head = _weights(base)
    coarse = {
        "head": head,
        "turning": turning,
        "jaw": _moved(base, ["faceunits/jawOpen"]),
        "nose": _moved(base, [f"nose/{name}" for name in _NOSE_TARGETS]),
        **base.painted,
    }
    fields = {name: np.asarray(smooth @ values) for name, values in coarse.items()}
    anatomy = Anatomy(base, smooth, faces, average, fields, turning)
    fields.update(_derived(anatomy))
    return anatomy


def _weights(base: BaseMesh) -> tuple[np.ndarray, np.ndarray]:
    """How far points turn with the head, and how far they belong to it; both (N,)."""
    total, turning, head = np.zeros((3, len(base.points)))
    for name, (numbers, weights) in base.bones.items():
        mine = float(name.startswith(_HEAD_BONES))
        np.add.at(total, numbers, weights)
        np.add.at(head, numbers, weights * mine)
        np.add.at(turning, numbers, weights * _NECK_BONES.get(name, mine))
    rigged = total > 0
    above = base.points[:, 1] > 6.2
    share = np.maximum(total, 1e-6)
    return np.where(rigged, turning / share, above), np.where(rigged, head / share, above)


def _moved(base: BaseMesh, names: list[str]) -> np.ndarray:
    """How far targets move each point (N,), as a sum of shares of each target's farthest move."""
    summed = np.zeros(len(base.points))
    for name in names:
        numbers, moves = base.targets[name]
        lengths = np.linalg.norm(moves, axis=1)
        summed[numbers] += lengths / lengths.max()
    return summed


def _derived(anatomy: Anatomy) -> dict[str, np.ndarray]:
    """Fields that are above a half where a part of the mask is."""
    fields, points = anatomy.fields, anatomy.average
    x, y, _ = points.T
    eye, mouth = anatomy.eye, anatomy.mouth
    lips_top = points[fields["lips"] > 0.5][:, 1].max()
    # Annotators outline the bridge and the nostrils' wings, not the slopes down to the cheeks.
    half = np.interp(eye[1] - y, [0.0, 0.22, 0.4], [0.085, 0.115, 0.178])
    nose = step(fields["nose"], 0.42, 0.3) * step(y, lips_top + 0.08, 0.06)
    nose = nose * step(-y, -eye[1] - 0.1, 0.1) * step(-np.abs(x), -half, 0.05)
    lip = step(fields["lips"], 0.6, 0.3)
    lower = step(fields["jaw"], 0.33, 0.05)
    inside = step(fields["inside-mouth"], 0.5, 0.3)
    ear = step(fields["ears"], 0.45, 0.3)
    facing = -normals(points, anatomy.faces)[:, 1]
    chin = points[fields["lips"] > 0.5][:, 1].min() - 0.2
    under = step(facing, 0.45, 0.2) * step(-y, -chin, 0.1) * (y < mouth[1] - 0.18)
    return {
        "neck part": np.maximum(step(-fields["head"], -0.5, 0.3), under * (fields["head"] > 0.3)),
        "nose part": nose,
        "upper lip": lip * (1 - lower),
        "lower lip": lip * lower,
        "mouth part": inside,
        "left ear": ear * (x > 0),
        "right ear": ear * (x < 0),
        "bare": (1 - lip) * (1 - inside) * (1 - step(fields["eyelids"], 0.5, 0.5)),
        "beard": _beard(anatomy, lip),
    }


def _beard(anatomy: Anatomy, lip: np.ndarray) -> np.ndarray:
    """Where a full beard grows: jaw, chin and upper lip."""
    x, y, z = anatomy.average.T
    mouth = anatomy.mouth
    line = mouth[1] + np.interp(
        anatomy.around, [0, 0.35, 0.7, 1.2, 1.5], [-0.1, -0.05, 0.0, 0.45, 0.9]
    )
    jaw = step(line - y, 0, 0.14) * step(y, mouth[1] - 0.75, 0.25)
    jaw = jaw * step(-anatomy.around, -1.55, 0.2) * (anatomy.fields["head"] > 0.45)
    upper = np.exp(-(((y - mouth[1] - 0.15) / 0.09) ** 2)) * step(-np.abs(x), -0.38, 0.12)
    upper = upper * (z > mouth[2] - 0.25) * (1 - step(anatomy.fields["nose"], 0.5, 0.2))
    return np.asarray(np.maximum(jaw, upper) * (1 - lip) * (anatomy.fields["ears"] < 0.3))
