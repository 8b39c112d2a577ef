"""Provenance of weights: training photos, origin checkpoints, sources and licenses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from segface_hf._utils import counted
from segface_hf.checkpoints import files, find
from segface_hf.checkpoints.card import datasets_behind, is_published
from segface_hf.checkpoints.licenses import license_of, strictest
from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import Pair
from segface_hf.data.photo_set import FACE_MARK
from segface_hf.errors import CheckpointError, ConfigError
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe


@dataclass(frozen=True)
class Sources:
    """Identity of a run's photos and masks.

    Attributes:
        photos: Number of photos with masks.
        labeled: Number of photos that a teacher labeled.
        rendered: Number of synthetic pictures.
        names: SHA-256 of all their names.
        masks: Digest of the masks as they were read, before any repair; empty if unknown. A
            teacher's labels are not included, since they depend on the machine's rounding.
        mixture: The weights of several folders, such as `3:1`; empty if they have none.
        files: Number of whole photos and crops that the faces come from; 0 if all are crops.
    """

    photos: int
    labeled: int
    rendered: int
    names: str
    masks: str = ""
    mixture: str = ""
    files: int = field(default=0, compare=False)

    @classmethod
    def of(
        cls, stems: Sequence[str], *, labeled: int = 0, rendered: int = 0, masks: str = ""
    ) -> Sources:
        """Builds it from names: photos with masks, then labeled ones, then pictures."""
        names = hashlib.sha256("\0".join(stems).encode()).hexdigest()
        photos = stems[: len(stems) - labeled - rendered]
        whole = any(FACE_MARK in stem for stem in photos)
        files = len({stem.partition(FACE_MARK)[0] for stem in photos}) if whole else 0
        return cls(len(photos), labeled, rendered, names, masks, files=files)

    def __str__(self) -> str:
        parts = [counted(self.photos, "photo")]
        if self.files:
            parts = [f"{counted(self.photos, 'face')} from {counted(self.files, 'photo')}"]
        if self.mixture:
            parts.append(f"folders drawn {self.mixture}")
        if self.labeled:
            parts.append(f"{self.labeled} labeled by a teacher")
        if self.rendered:
            parts.append(counted(self.rendered, "synthetic picture"))
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values, for a run's saved state."""
        values = asdict(self)
        values["labelled"] = values.pop("labeled")
        return values

    def check_same(self, old: Mapping[str, Any] | None, out: Path, *, use: Use) -> None:
        """Checks that a saved run was trained or evaluated on the same photos and masks.

        Args:
            old: From `to_dict`; None in states saved before it was recorded.
            out: The run's folder, for the message.
            use: What the photos are used for.

        Raises:
            ConfigError: The photos or their masks differ.
            CheckpointError: `old` is not from `to_dict`.
        """
        if old is None:
            return
        before = _saved_sources(old, out)
        if not (before.masks and self.masks):
            before = replace(before, masks=self.masks)
        if before == self:
            return
        if str(before) != str(self):
            was = str(before)
        elif before.names == self.names:
            was = f"other masks of {before}"
        else:
            was = f"{before} of other names"
        raise ConfigError(
            f"{out} holds a run {use.words} {was}, and these are {self}: name the same "
            f"{use.options} again, or choose another --out"
        )


def _saved_sources(old: Mapping[str, Any], out: Path) -> Sources:
    kinds = {
        "photos": int,
        "labelled": int,
        "rendered": int,
        "names": str,
        "masks": str,
        "mixture": str,
        "files": int,
    }
    known = all(key in kinds and type(value) is kinds[key] for key, value in old.items())
    if not known or not {"photos", "labelled", "rendered", "names"} <= old.keys():
        raise CheckpointError(
            f"the state in {out} doesn't say which photos it was trained on: remove it to start "
            "the run from its beginning"
        )
    values = dict(old)
    return Sources(labeled=values.pop("labelled"), **values)


class Use(Enum):
    """What photos are used for: words for messages, and the options that name them."""

    LEARNING = ("on", "--data, --unlabeled and --synthetic")
    EVALUATION = ("evaluated on", "--val")

    def __init__(self, words: str, options: str) -> None:
        self.words, self.options = words, options


def digest_of(masks: Iterable[bytes | np.ndarray]) -> str:
    """Returns the SHA-256 of masks, given as file contents or arrays."""
    digest = hashlib.sha256()
    for mask in masks:
        digest.update(mask if isinstance(mask, bytes) else mask.tobytes())
    return digest.hexdigest()


def evaluated_on(pairs: Sequence[Pair]) -> Sources:
    """Returns the identity of validation photos and masks."""
    masks = digest_of(pair.mask.read_bytes() for pair in pairs)
    return Sources.of([pair.stem for pair in pairs], masks=masks)


_FROM, _AND = "from ", "; "


@dataclass(frozen=True)
class Origin:
    """A checkpoint that other weights come from.

    Attributes:
        role: How it was used: `start`, `decoder`, `teacher`, `distillation` or `part`.
        name: Name or path that it was loaded from.
        config: Its configuration.
    """

    role: str
    name: str
    config: SegFaceConfig

    def __str__(self) -> str:
        source, license = self.config.source or "source not stated", self.config.license
        return f"`{self.name}` ({source}), license {f'`{license}`' if license else 'not stated'}"


def origins_of(recipe: Recipe, *, has_teacher: bool) -> tuple[Origin, ...]:
    """Returns the checkpoints that a run learns from.

    Args:
        recipe: The run's recipe.
        has_teacher: Whether a teacher labels photos or judges masks.

    Raises:
        CheckpointError: One of them doesn't exist.
    """
    teacher = recipe.pseudo.teacher if has_teacher else ""
    named = {
        "start": recipe.initial,
        "decoder": recipe.decoder,
        "teacher": teacher,
        "distillation": recipe.distill.teacher,
    }
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
    """Returns a configuration with the sources and the strictest license of all origins.

    Args:
        config: Configuration of the new weights.
        origins: The checkpoints they come from; if empty, `config` is returned unchanged.
        photos: Whether they were also trained on photos, whose license is `config.license`.
    """
    if not origins:
        return config
    licenses = [license_of(origin.config) for origin in origins]
    sources = [source for origin in origins for source in _sources(origin.config)]
    own = [config.source] if photos and config.source else []
    entries = [*own, *(_FROM + source for source in dict.fromkeys(sources))]
    return replace(
        config,
        source=_AND.join(entries),
        source_digest="",
        license=strictest([*licenses, *([config.license] if photos else [])]),
    )


def _sources(config: SegFaceConfig) -> list[str]:
    """Returns the entries of a source: one, or those that `with_origins` joined."""
    if not is_published(config):
        return [part.removeprefix(_FROM) for part in config.source.split(_AND) if part]
    names = ", ".join(data.name for data in datasets_behind(config))
    return [f"{config.source} ({names})" if names else config.source]
