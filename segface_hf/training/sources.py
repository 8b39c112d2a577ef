"""Sources: which photos a run learns from, told in its card and checked when it goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
    """

    photos: int
    labelled: int
    rendered: int
    names: str

    @classmethod
    def of(cls, stems: Sequence[str], *, labelled: int, rendered: int) -> Sources:
        """Counts the names: photos with masks, then labelled ones, then pictures."""
        names = hashlib.sha256("\0".join(stems).encode()).hexdigest()
        return cls(len(stems) - labelled - rendered, labelled, rendered, names)

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

    def check_same(self, old: Mapping[str, Any] | None, out: Path) -> None:
        """Refuses to go on with a run that learnt from others.

        Args:
            old: What `to_dict` gave; None in states of before it was kept.
            out: The run's folder, for the message.

        Raises:
            ConfigError: The photos differ.
        """
        if old is None or old == self.to_dict():
            return
        before = Sources(**old)
        was = f"{before}" if str(before) != str(self) else f"{before} of other names"
        raise ConfigError(
            f"{out} holds a run on {was}, and these are {self}: name the same --data, "
            "--unlabelled and --synthetic again, or choose another --out"
        )
