"""Label orders of other datasets and models, and exact translations of masks between them.

Masks of different projects differ in two ways: ids stand for other classes, and "left" means the
subject's or the picture's. So an order has its owner's names and says whose left they mean. The
class of each part here follows from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from types import MappingProxyType

import numpy as np

from segface_hf.errors import LabelError
from segface_hf.labels import CELEBAMASK_HQ

BACKGROUND = "background"
# What a part becomes in an order that has no class for it. This project's choice: ears and
# eyeglasses become skin, so that the face has no holes.
_COUNTED_AS: Mapping[str, str] = MappingProxyType(
    {"l_ear": "skin", "r_ear": "skin", "eyeglasses": "skin"}
)
_OTHER_SIDE: Mapping[str, str] = MappingProxyType(
    {
        name: CELEBAMASK_HQ.names[CELEBAMASK_HQ.mirror_ids[index]]
        for index, name in enumerate(CELEBAMASK_HQ.names)
    }
)


class Side(Enum):
    """Whose left and right the names of an order mean."""

    SUBJECT = "the subject's"
    IMAGE = "the picture's"


@dataclass(frozen=True)
class LabelOrder:
    """Which part each id of another project's masks stands for.

    Attributes:
        name: How this project calls the order.
        owner: Whose order it is.
        names: Its class names by id, as the owner writes them.
        parts: The same in our words, left and right still as the owner means them.
        side: Whose left and right that is; there is no default, since both are common.
    """

    name: str
    owner: str
    names: tuple[str, ...]
    parts: tuple[str, ...]
    side: Side

    def __post_init__(self) -> None:
        if len(self.names) != len(self.parts) or len(set(self.parts)) != len(self.parts):
            raise LabelError(f"'{self.name}' needs one part of its own for each of its names")
        unknown = sorted(set(self.parts) - set(CELEBAMASK_HQ.names))
        if unknown:
            raise LabelError(f"parts of '{self.name}' are our class names, got {unknown}")
        if not isinstance(self.side, Side):
            raise LabelError(f"'{self.name}' must say whose left it means: Side.SUBJECT or IMAGE")

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Our class name of every id: left and right are the subject's."""
        if self.side is Side.SUBJECT:
            return self.parts
        return tuple(_OTHER_SIDE[part] for part in self.parts)

    @cached_property
    def mirror_ids(self) -> tuple[int, ...]:
        """For every id, the id that it has in the picture flipped left to right."""
        return tuple(self.classes.index(_OTHER_SIDE[name]) for name in self.classes)


@dataclass(frozen=True)
class Translation:
    """How masks of one order become masks of another.

    Example:
        >>> to_maskgan = translation("segface", "maskgan")
        >>> mask = to_maskgan(mask)
        >>> print(to_maskgan.explain())

    Attributes:
        source: The order of the masks that come in.
        target: The order of the masks that go out.
        table: Target id by source id.
    """

    source: LabelOrder
    target: LabelOrder
    table: tuple[int, ...]

    @cached_property
    def merged(self) -> Mapping[str, tuple[str, ...]]:
        """Target names that more than one source name becomes, background aside."""
        groups = {
            self.target.names[target]: tuple(
                self.source.names[index] for index, to in enumerate(self.table) if to == target
            )
            for target in sorted(set(self.table) - {0})
        }
        return MappingProxyType({name: group for name, group in groups.items() if len(group) > 1})

    @cached_property
    def lost(self) -> tuple[str, ...]:
        """Source names that become background."""
        return tuple(
            self.source.names[index] for index, to in enumerate(self.table) if index and not to
        )

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """Target names that no source name becomes."""
        return tuple(
            name for index, name in enumerate(self.target.names) if index not in self.table
        )

    def __call__(self, mask: np.ndarray) -> np.ndarray:
        """Translates a uint8 (H, W) mask.

        Raises:
            LabelError: It isn't a mask, or has an id that the source order lacks.
        """
        if mask.ndim != 2 or mask.dtype != np.uint8 or mask.size == 0:
            raise LabelError(
                f"expected a uint8 mask of shape (height, width), got {mask.dtype} {mask.shape}"
            )
        largest = int(mask.max())
        if largest >= len(self.table):
            raise LabelError(
                f"id {largest} is not a class of '{self.source.name}' (0 to "
                f"{len(self.table) - 1}): the mask is of another order"
            )
        return np.array(self.table, dtype=np.uint8)[mask]

    def explain(self) -> str:
        """Describes which classes merge, which are lost, and which never appear."""
        merged = "; ".join(f"{' and '.join(v)} become {k}" for k, v in self.merged.items())
        sentences = [
            f"{self.source.name} means {self.source.side.value} left, "
            f"{self.target.name} means {self.target.side.value}.",
            f"Merged: {merged or 'nothing'}.",
            f"Lost to the background: {', '.join(self.lost) or 'nothing'}.",
            f"Never appears: {', '.join(self.absent) or 'nothing'}.",
        ]
        return " ".join(sentences)


def order_named(name: str) -> LabelOrder:
    """Returns a known label order.

    Raises:
        LabelError: The name is unknown.
    """
    if name not in ORDERS:
        raise LabelError(f"no label order '{name}': choose from {sorted(ORDERS)}")
    return ORDERS[name]


def translation(source: str | LabelOrder, target: str | LabelOrder) -> Translation:
    """Builds the translation from one order to another; each is a name or a `LabelOrder`.

    Raises:
        LabelError: No order of that name.
    """
    source = order_named(source) if isinstance(source, str) else source
    target = order_named(target) if isinstance(target, str) else target
    return Translation(source, target, tuple(_target_id(name, target) for name in source.classes))


def _target_id(name: str, target: LabelOrder) -> int:
    for candidate in (name, _COUNTED_AS.get(name, BACKGROUND)):
        if candidate in target.classes:
            return target.classes.index(candidate)
    return target.classes.index(BACKGROUND)


# Our word for each word of the known orders that differs from it.
_OUR_WORD: Mapping[str, str] = MappingProxyType(
    {
        "face": "skin", "facial skin": "skin",
        "left brow": "l_brow", "left eyebrow": "l_brow", "lb": "l_brow",
        "right brow": "r_brow", "right eyebrow": "r_brow", "rb": "r_brow",
        "left eye": "l_eye", "le": "l_eye", "right eye": "r_eye", "re": "r_eye",
        "lr": "l_ear", "rr": "r_ear",
        "inner mouth": "mouth", "imouth": "mouth",
        "upper lip": "u_lip", "ulip": "u_lip", "lower lip": "l_lip", "llip": "l_lip",
        "eye_g": "eyeglasses", "eyeg": "eyeglasses",
        "ear_r": "earring", "earr": "earring", "neck_l": "necklace",
    }
)  # fmt: skip


def _order(name: str, owner: str, side: Side, names: str) -> LabelOrder:
    """Builds a known order; `names` are its class names by id, separated by commas."""
    words = tuple(word.strip() for word in names.split(","))
    return LabelOrder(name, owner, words, tuple(_OUR_WORD.get(w, w) for w in words), side)


_MASKGAN = (
    "background, skin, nose, eye_g, l_eye, r_eye, l_brow, r_brow, l_ear, r_ear, mouth, u_lip, "
    "l_lip, hair, hat, ear_r, neck_l, neck, cloth"
)
_KNOWN = (
    _order(
        "segface",
        "SegFace on CelebAMask-HQ: our `celebamask_hq` schema",
        Side.SUBJECT,
        ",".join(CELEBAMASK_HQ.names),
    ),
    _order("maskgan", "CelebAMask-HQ's own g_mask.py, MaskGAN", Side.SUBJECT, _MASKGAN),
    _order("jonathandinu", "jonathandinu/face-parsing on the Hub", Side.SUBJECT, _MASKGAN),
    _order(
        "bisenet",
        "zllrunning/face-parsing.PyTorch, BiSeNet",
        Side.SUBJECT,
        "background, skin, l_brow, r_brow, l_eye, r_eye, eye_g, l_ear, r_ear, ear_r, nose, mouth, "
        "u_lip, l_lip, neck, neck_l, cloth, hair, hat",
    ),
    _order(
        "lapa",
        "LaPa; our `lapa` schema",
        Side.IMAGE,
        "background, skin, left eyebrow, right eyebrow, left eye, right eye, nose, upper lip, "
        "inner mouth, lower lip, hair",
    ),
    _order(
        "helen",
        'Helen, relabeled (HELEN*), which says "viewer side"; our `helen` schema',
        Side.IMAGE,
        "background, facial skin, left brow, right brow, left eye, right eye, nose, upper lip, "
        "inner mouth, lower lip, hair",
    ),
    _order(
        "facer_lapa",
        "facer's farl/lapa",
        Side.SUBJECT,
        "background, face, rb, lb, re, le, nose, ulip, imouth, llip, hair",
    ),
    _order(
        "facer_celebm",
        "facer's farl/celebm, which calls the subject's left ear rr",
        Side.IMAGE,
        "background, neck, face, cloth, rr, lr, rb, lb, re, le, nose, imouth, llip, ulip, hair, "
        "eyeg, hat, earr, neck_l",
    ),
)

ORDERS: Mapping[str, LabelOrder] = MappingProxyType({order.name: order for order in _KNOWN})
