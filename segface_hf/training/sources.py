"""Sources: which photos and masks a run uses, told in its card and checked when it goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from segface_hf.data.folder import Pair
from segface_hf.errors import ConfigError
from segface_hf.wording import counted


@dataclass(frozen=True)
class Sources:
    """What a run's photos are.

    Attributes:
        photos: How many came with masks.
        labelled: How many a teacher labelled.
        rendered: How many are synthetic pictures.
        names: SHA-256 of all their names.
        masks: Digest of the masks as they were read, before anything mends them; empty where it
            isn't known. A teacher's labels are no part of it: another machine rounds otherwise.
    """

    photos: int
    labelled: int
    rendered: int
    names: str
    masks: str = ""

    @classmethod
    def of(
        cls, stems: Sequence[str], *, labelled: int = 0, rendered: int = 0, masks: str = ""
    ) -> Sources:
        """Counts the names: photos with masks, then labelled ones, then pictures."""
        names = hashlib.sha256("\0".join(stems).encode()).hexdigest()
        return cls(len(stems) - labelled - rendered, labelled, rendered, names, masks)

    def __str__(self) -> str:
        told = [counted(self.photos, "photo")]
        if self.labelled:
            told.append(f"{self.labelled} labelled by a teacher")
        if self.rendered:
            told.append(counted(self.rendered, "synthetic picture"))
        return ", ".join(told)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values, as a run's state keeps them."""
        return asdict(self)

    def check_same(self, old: Mapping[str, Any] | None, out: Path, *, use: Use) -> None:
        """Refuses to go on with a run that learnt from others, or was evaluated on others.

        Args:
            old: What `to_dict` gave; None in states of before it was kept.
            out: The run's folder, for the message.
            use: What they are for.

        Raises:
            ConfigError: The photos or their masks differ.
        """
        if old is None:
            return
        before = Sources(**old)
        if not (before.masks and self.masks):
            before = replace(before, masks=self.masks)
        if before == self:
            return
        was = f"{before}" if str(before) != str(self) else f"{before} of other names"
        was = f"other masks of {before}" if before.names == self.names else was
        raise ConfigError(
            f"{out} holds a run {use.told} {was}, and these are {self}: name the same "
            f"{use.options} again, or choose another --out"
        )


class Use(Enum):
    """What photos are for: how a message tells it, and the options that name them."""

    LEARNING = ("on", "--data, --unlabelled and --synthetic")
    EVALUATION = ("evaluated on", "--val")

    def __init__(self, told: str, options: str) -> None:
        self.told, self.options = told, options


def digest_of(masks: Iterable[bytes | np.ndarray]) -> str:
    """Returns the SHA-256 of masks, as files or as arrays."""
    digest = hashlib.sha256()
    for mask in masks:
        digest.update(mask if isinstance(mask, bytes) else mask.tobytes())
    return digest.hexdigest()


def evaluated_on(pairs: Sequence[Pair]) -> Sources:
    """Returns what the photos are that a run is evaluated on."""
    masks = digest_of(pair.mask.read_bytes() for pair in pairs)
    return Sources.of([pair.stem for pair in pairs], masks=masks)
