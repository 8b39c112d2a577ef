"""Label schemas: class names, ids, colors, mirror pairs and part families.

Left and right are always the *subject's*: `l_eye` is on the right side of the picture of a person
who looks at the camera. `l_lip` and `u_lip` are the lower and the upper lip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from segface_hf.errors import LabelError

RGB = tuple[int, int, int]
TAIL_NAMES = ("eyeglasses", "hat", "earring", "necklace")
IGNORED = 255
"""In a ground-truth mask: the pixel is not labeled. Losses and scores ignore it."""


def _version_of(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class LabelSchema:
    """Which class every id of a mask stands for.

    Attributes:
        name: Identifier of the schema, such as `celebamask_hq`.
        names: Class names by id; id 0 is the background.
        colors: One RGB triple (0 to 255) by id, for display only.
        mirror_pairs: Pairs of ids that change places when the picture is flipped left to right.
        families: `(family name, member ids)`: the class tree, used for hierarchical scores.
    """

    name: str
    names: tuple[str, ...]
    colors: tuple[RGB, ...]
    mirror_pairs: tuple[tuple[int, int], ...] = ()
    families: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __post_init__(self) -> None:
        count = len(self.names)
        if not 2 <= count <= 255:
            raise LabelError(f"a schema holds 2 to 255 classes, '{self.name}' has {count}")
        if len(set(self.names)) != count:
            raise LabelError(f"class names of '{self.name}' must be unique, got {self.names}")
        if len(self.colors) != count:
            raise LabelError(
                f"'{self.name}' names {count} classes but has {len(self.colors)} colors: "
                "give one RGB triple for each class"
            )
        self._check_colors()
        self._check_ids()

    def _check_colors(self) -> None:
        for color in self.colors:
            if len(color) != 3 or not all(0 <= channel <= 255 for channel in color):
                raise LabelError(f"a color is three values from 0 to 255, got {color}")

    def _check_ids(self) -> None:
        paired = [index for pair in self.mirror_pairs for index in pair]
        if len(set(paired)) != len(paired):
            raise LabelError(f"a class mirrors one other, got pairs {self.mirror_pairs}")
        members = [index for _, ids in self.families for index in ids]
        unknown = [i for i in (*paired, *members) if not 0 <= i < self.num_classes]
        if unknown:
            raise LabelError(
                f"mirror pairs and families of '{self.name}' use ids 0 to "
                f"{self.num_classes - 1}, got {unknown}"
            )

    @property
    def num_classes(self) -> int:
        """How many classes there are, background included."""
        return len(self.names)

    @cached_property
    def mirror_ids(self) -> tuple[int, ...]:
        """For every id, the id that it has in the picture flipped left to right."""
        swap = {a: b for pair in self.mirror_pairs for a, b in (pair, pair[::-1])}
        return tuple(swap.get(index, index) for index in range(self.num_classes))

    @cached_property
    def version(self) -> str:
        """Eight digits that change when a class is added, renamed or moved."""
        return _version_of(self.names)

    def earlier(self, version: str) -> LabelSchema | None:
        """Returns this schema as it was at a version, before its last classes were added.

        Args:
            version: Eight digits; those of this schema give the schema itself.

        Returns:
            The first classes of this schema, without mirror pairs and families; None where no
            number of them has that version.
        """
        if version == self.version:
            return self
        for count in range(self.num_classes - 1, 1, -1):
            if _version_of(self.names[:count]) == version:
                return LabelSchema(self.name, self.names[:count], self.colors[:count])
        return None

    def hiding(self, past: LabelSchema) -> tuple[int, ...]:
        """Returns the ids of an earlier schema under which a class added since may be hidden.

        They are the other members of the smallest family of each new class: a mask without the
        class `beard`, whose parent is skin, calls a beard skin.

        Args:
            past: What `earlier` gave.

        Raises:
            LabelError: A new class has no family with an earlier class.
        """
        found: set[int] = set()
        for new in range(past.num_classes, self.num_classes):
            families = (set(ids) for _, ids in self.families if new in ids)
            old = {i for i in min(families, key=len, default=set()) if i < past.num_classes}
            if not old:
                raise LabelError(
                    f"'{self.names[new]}' has no parent, so nothing says which pixels of masks "
                    f"with {past.num_classes} classes may show it: add it with --parent"
                )
            found |= old
        return tuple(sorted(found))

    @cached_property
    def tail(self) -> tuple[int, ...]:
        """Ids of the rare accessories that this schema has."""
        return tuple(i for i, name in enumerate(self.names) if name in TAIL_NAMES)

    @property
    def id2label(self) -> dict[int, str]:
        """Class name by id."""
        return dict(enumerate(self.names))

    @property
    def label2id(self) -> dict[str, int]:
        """Id by class name."""
        return {name: index for index, name in enumerate(self.names)}

    def id_of(self, name: str) -> int:
        """Returns the id of a class name.

        Raises:
            LabelError: No class of this schema has that name.
        """
        if name not in self.names:
            raise LabelError(f"'{self.name}' has no class '{name}': choose from {list(self.names)}")
        return self.names.index(name)

    def check_mask(self, mask: np.ndarray, *, source: str = "mask") -> None:
        """Checks that a mask is a uint8 (H, W) array of ids of this schema.

        Args:
            mask: The array to check.
            source: How messages call it, such as a file name.

        Raises:
            LabelError: Wrong number of dimensions, wrong type, empty, or an unknown id.
        """
        if mask.ndim != 2 or mask.dtype != np.uint8 or mask.size == 0:
            raise LabelError(
                f"{source}: expected a uint8 mask of shape (height, width), "
                f"got {mask.dtype} of shape {mask.shape}"
            )
        largest = int(mask.max())
        if largest == IGNORED:
            raise LabelError(
                f"{source}: id {IGNORED} is not a class of '{self.name}' (0 to "
                f"{self.num_classes - 1}) but marks a pixel as not labeled: give each a class"
            )
        if largest >= self.num_classes:
            raise LabelError(
                f"{source}: id {largest} is not a class of '{self.name}' "
                f"(0 to {self.num_classes - 1}): map its labels to this schema first"
            )

    def to_dict(self) -> dict[str, Any]:
        """Returns the schema as plain JSON values."""
        return {
            "name": self.name,
            "names": list(self.names),
            "colors": [list(color) for color in self.colors],
            "mirror_pairs": [list(pair) for pair in self.mirror_pairs],
            "families": [[name, list(ids)] for name, ids in self.families],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LabelSchema:
        """Reads what `to_dict` wrote.

        Raises:
            LabelError: A field is missing, unknown or malformed.
        """
        expected = {"name", "names", "colors", "mirror_pairs", "families"}
        if set(values) != expected:
            raise LabelError(f"a schema has fields {sorted(expected)}, got {sorted(values)}")
        try:
            return cls(
                name=str(values["name"]),
                names=tuple(str(name) for name in values["names"]),
                colors=tuple((int(r), int(g), int(b)) for r, g, b in values["colors"]),
                mirror_pairs=tuple((int(a), int(b)) for a, b in values["mirror_pairs"]),
                families=tuple(
                    (str(n), tuple(int(i) for i in ids)) for n, ids in values["families"]
                ),
            )
        except (TypeError, ValueError) as error:
            raise LabelError(f"the schema '{values['name']}' is malformed: {error}") from error


CELEBAMASK_HQ = LabelSchema(
    name="celebamask_hq",
    names=(
        "background",
        "neck",
        "skin",
        "cloth",
        "l_ear",
        "r_ear",
        "l_brow",
        "r_brow",
        "l_eye",
        "r_eye",
        "nose",
        "mouth",
        "l_lip",
        "u_lip",
        "hair",
        "eyeglasses",
        "hat",
        "earring",
        "necklace",
    ),
    colors=(
        (0, 0, 0),
        (222, 132, 74),
        (240, 190, 150),
        (60, 120, 110),
        (150, 70, 200),
        (200, 120, 240),
        (20, 120, 60),
        (120, 200, 80),
        (0, 90, 220),
        (90, 180, 255),
        (250, 220, 60),
        (150, 0, 40),
        (230, 60, 90),
        (255, 130, 160),
        (110, 70, 40),
        (0, 220, 210),
        (90, 90, 170),
        (255, 0, 255),
        (255, 150, 0),
    ),
    mirror_pairs=((4, 5), (6, 7), (8, 9)),
    families=(
        ("face", (2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)),
        ("ear", (4, 5)),
        ("brow", (6, 7)),
        ("eye", (8, 9)),
        ("lips", (12, 13)),
        ("mouth area", (11, 12, 13)),
        ("accessory", (15, 16, 17, 18)),
    ),
)

# LaPa and Helen number the parts from the image's left, which is the subject's right.
_ELEVEN: dict[str, Any] = {
    "names": (
        "background",
        "skin",
        "r_brow",
        "l_brow",
        "r_eye",
        "l_eye",
        "nose",
        "u_lip",
        "mouth",
        "l_lip",
        "hair",
    ),
    "mirror_pairs": ((2, 3), (4, 5)),
    "families": (
        ("face", (1, 2, 3, 4, 5, 6, 7, 8, 9)),
        ("brow", (2, 3)),
        ("eye", (4, 5)),
        ("lips", (7, 9)),
        ("mouth area", (7, 8, 9)),
    ),
}
_ELEVEN["colors"] = tuple(
    CELEBAMASK_HQ.colors[CELEBAMASK_HQ.names.index(name)] for name in _ELEVEN["names"]
)

LAPA = LabelSchema(name="lapa", **_ELEVEN)
HELEN = LabelSchema(name="helen", **_ELEVEN)

SCHEMAS: Mapping[str, LabelSchema] = MappingProxyType(
    {schema.name: schema for schema in (CELEBAMASK_HQ, LAPA, HELEN)}
)


def schema_named(name: str) -> LabelSchema:
    """Returns the built-in schema of that name.

    Raises:
        LabelError: There is none.
    """
    if name not in SCHEMAS:
        raise LabelError(f"no label schema '{name}': choose from {sorted(SCHEMAS)}")
    return SCHEMAS[name]


_TITLES = {
    "l_ear": "left ear", "r_ear": "right ear", "l_brow": "left brow", "r_brow": "right brow",
    "l_eye": "left eye", "r_eye": "right eye", "l_lip": "lower lip", "u_lip": "upper lip",
    "mouth": "inner mouth", "cloth": "clothes",
}  # fmt: skip


def title(name: str) -> str:
    """Returns a class name as people say it; sides are the subject's."""
    return _TITLES.get(name, name.replace("_", " "))
