"""Origins: which checkpoints weights come from, and the sources and terms that come along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from segface_hf.checkpoints import hub
from segface_hf.config import SegFaceConfig
from segface_hf.terms import OTHER, datasets_behind, is_published
from segface_hf.training.recipe import Recipe

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
        Origin(role, name, SegFaceConfig.from_dict(hub.read_config(hub.checkpoint_folder(name))))
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
        config, source=_AND.join(told), source_digest="",
        license=strictest([*licences, *([config.license] if photos else [])]),
    )  # fmt: skip


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
