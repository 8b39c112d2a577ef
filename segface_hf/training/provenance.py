"""Origins: which checkpoints weights come from, and the sources and terms that come along."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from segface_hf._utils import counted
from segface_hf.checkpoints import files, find
from segface_hf.checkpoints.card import OTHER, datasets_behind, is_published
from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import Pair
from segface_hf.errors import ConfigError
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe


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


_FROM, _AND = "from ", "; "


@dataclass(frozen=True)
class Origin:
    """A checkpoint that other weights come from.

    Attributes:
        role: What it was to them: `start`, `decoder`, `teacher` or `part`.
        name: What it was loaded from.
        config: Its configuration.
    """

    role: str
    name: str
    config: SegFaceConfig

    def __str__(self) -> str:
        source, licence = self.config.source or "source not stated", self.config.license
        return f"`{self.name}` ({source}), licence {f'`{licence}`' if licence else 'not stated'}"


def origins_of(recipe: Recipe, *, taught: bool) -> tuple[Origin, ...]:
    """Reads which checkpoints a run learns from.

    Args:
        recipe: Of the run.
        taught: Whether a teacher labels its photos or judges its masks.

    Raises:
        CheckpointError: One of them isn't there.
    """
    teacher = recipe.pseudo.teacher if taught else ""
    named = {"start": recipe.initial, "decoder": recipe.decoder, "teacher": teacher}
    return tuple(
        Origin(
            role,
            name,
            SegFaceConfig.from_dict(files.read_config(find.checkpoint_folder(name, build=SegFace))),
        )
        for role, name in named.items()
        if name
    )


def with_origins(
    config: SegFaceConfig, origins: Sequence[Origin], *, photos: bool
) -> SegFaceConfig:
    """Returns a configuration with the sources and the strictest licence of all origins.

    Args:
        config: Of the weights that come from them.
        origins: The checkpoints; none leaves the configuration as it is.
        photos: Whether the weights learnt from photos too, whose licence is `config.license`.
    """
    if not origins:
        return config
    licences = [licence_of(origin.config) for origin in origins]
    sources = [source for origin in origins for source in _sources(origin.config)]
    own = [config.source] if photos and config.source else []
    told = [*own, *(_FROM + source for source in dict.fromkeys(sources))]
    return replace(
        config,
        source=_AND.join(told),
        source_digest="",
        license=strictest([*licences, *([config.license] if photos else [])]),
    )


def licence_of(config: SegFaceConfig) -> str:
    """Returns the licence under which weights may be passed on: that of their data limits it."""
    return OTHER if datasets_behind(config) else config.license


def strictest(licences: Sequence[str]) -> str:
    """Returns the licence of what comes from works of these licences; empty where one is unknown.

    Two that differ are `other`, since each has terms of its own.
    """
    found = set(licences)
    if OTHER in found:
        return OTHER
    return "" if "" in found else found.pop() if len(found) == 1 else OTHER


def _sources(config: SegFaceConfig) -> list[str]:
    """What a source says: one entry, or those that `with_origins` put together."""
    if not is_published(config):
        return [part.removeprefix(_FROM) for part in config.source.split(_AND) if part]
    learnt = ", ".join(data.name for data in datasets_behind(config))
    return [f"{config.source} ({learnt})" if learnt else config.source]
