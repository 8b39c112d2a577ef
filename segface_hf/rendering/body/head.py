"""A head: one person's shape, expression and pose, with what others need to dress it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from segface_hf.rendering.body.anatomy import Anatomy, center_of
from segface_hf.rendering.body.identity import expressed, shaped
from segface_hf.rendering.body.mesh import directions, normals, rotation
from segface_hf.rendering.plan import ScenePlan

_ROWS, _COLUMNS = 40, 80
_CAGE = 5
_PIVOT = np.array([0.0, 0.3, 0.0])


@dataclass(frozen=True)
class Skull:
    """How far a smooth head reaches from its center, ears and hair left out.

    Attributes:
        center: (3,), before the head turns.
        reach: (rows, columns): distances by elevation from -pi/2 to pi/2, and by angle around the
            upright axis from -pi to pi, 0 in front.
    """

    center: np.ndarray
    reach: np.ndarray

    def radius(self, directions: np.ndarray) -> np.ndarray:
        """Distances (N,) in directions (N, 3) of any length."""
        x, y, z = directions.T
        rows = (np.arctan2(y, np.hypot(x, z)) / np.pi + 0.5) * (_ROWS - 1)
        columns = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * _COLUMNS
        at = np.stack([rows, columns])
        return np.asarray(map_coordinates(self.reach, at, order=1, mode="grid-wrap"))


@dataclass(frozen=True)
class Head:
    """One person's head and bust.

    Attributes:
        anatomy: What all heads share.
        plan: What was decided of this one.
        shape: float (N, 3): the base mesh with this shape and expression, before it turns.
    """

    anatomy: Anatomy
    plan: ScenePlan
    shape: np.ndarray

    @cached_property
    def skin(self) -> np.ndarray:
        """Skin points (P, 3), before the head turns."""
        return np.asarray(self.anatomy.smooth @ self.shape)

    @cached_property
    def posed(self) -> np.ndarray:
        """Skin points (P, 3) in the picture's pose."""
        return self.turned(self.skin, self.anatomy.fields["turning"])

    @cached_property
    def outward(self) -> np.ndarray:
        """Unit normals (P, 3) of the posed skin."""
        return normals(self.posed, self.anatomy.faces)

    @cached_property
    def facing(self) -> np.ndarray:
        """Unit normals (P, 3) of the posed skin, seen from the head."""
        return np.asarray(self.outward @ self._turn(np.ones(1))[0])

    @cached_property
    def cage(self) -> tuple[cKDTree, np.ndarray, np.ndarray]:
        """Some posed skin points, seen from the head, to keep things out of it: tree, points,
        normals."""
        picked = slice(None, None, _CAGE)
        points = self.unturned(self.posed[picked])
        return cKDTree(points), points, self.facing[picked]

    def joint(self, name: str) -> np.ndarray:
        """Center (3,) of a joint of the base mesh, before the head turns."""
        return center_of(self.shape, self.anatomy.base.groups[f"joint-{name}"])

    @cached_property
    def eye(self) -> np.ndarray:
        """Center (3,) of the left eye, before the head turns."""
        return center_of(self.shape, self.anatomy.base.groups["helper-l-eye"])

    def _turn(self, share: np.ndarray) -> np.ndarray:
        plan = self.plan
        yaw = plan.body + share * (plan.yaw - plan.body)
        return rotation(1, yaw) @ rotation(0, share * plan.pitch) @ rotation(2, share * plan.roll)

    def turned(self, points: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
        """Brings points (N, 3) into the picture's pose.

        Args:
            points: Before the head turns.
            share: (N,) how far they turn with the head rather than the shoulders; all the way
                without it.
        """
        pivot = self.joint("neck") + _PIVOT
        turn = self._turn(np.ones(1) if share is None else share)
        return np.asarray(
            np.einsum("nij,nj->ni", np.broadcast_to(turn, (len(points), 3, 3)), points - pivot)
            + pivot
        )

    def unturned(self, points: np.ndarray) -> np.ndarray:
        """Where posed points (N, 3) are for one who turns with the head: undoes `turned`."""
        pivot = self.joint("neck") + _PIVOT
        return np.asarray((points - pivot) @ self._turn(np.ones(1))[0] + pivot)

    @cached_property
    def down(self) -> np.ndarray:
        """Unit vector (3,) of gravity, seen from the head."""
        return np.asarray(np.array([0.0, -1.0, 0.0]) @ self._turn(np.ones(1))[0])

    @cached_property
    def skull(self) -> Skull:
        """The head's reach in every direction."""
        fields = self.anatomy.fields
        bone = self.skin[(fields["head"] > 0.9) & (fields["ears"] < 0.2) & (fields["bare"] > 0.5)]
        center = self.joint("head") + np.array([0.0, 0.45, 0.2])
        out = bone - center
        far = np.linalg.norm(out, axis=1)
        rise = np.linspace(-np.pi / 2, np.pi / 2, _ROWS)
        turn = np.linspace(-np.pi, np.pi, _COLUMNS, endpoint=False)
        grid = directions(rise, turn).reshape(-1, 3)
        _, near = cKDTree(out / far[:, None]).query(grid, k=8)
        reach = far[near].mean(1).reshape(_ROWS, _COLUMNS)
        return Skull(center, gaussian_filter(reach, 1.0, mode=["nearest", "wrap"]))


def make_head(anatomy: Anatomy, plan: ScenePlan) -> Head:
    """Shapes the head of a plan."""
    shape = shaped(anatomy.base, plan.person, plan.stream("shape"))
    return Head(anatomy, plan, expressed(shape, anatomy.base, plan.stream("expression")))
