"""Reads and writes recipes as YAML files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from segface_hf.checkpoints import files, find
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointNotFoundError, ConfigError, OutputError
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import SMALL_MODEL, Recipe

_OF_ITS_WEIGHTS = ("class_bias", "source", "source_digest", "license")
_CLASSES = {
    "schema",
    "label_names",
    "label_colors",
    "label_mirror_pairs",
    "label_families",
    "added_classes",
}


def read_recipe(path: str | Path) -> Recipe:
    """Reads a recipe from a YAML file.

    Fields of the model that the file doesn't name are those of the checkpoint `initial`. If the
    file names its own classes, the checkpoint's classes are not used.

    Raises:
        ConfigError: The file is missing, is not YAML, or holds unknown or invalid options.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"can't read the recipe {path}: {error}") from error
    values = {} if values is None else values
    if isinstance(values, Mapping) and values.get("initial"):
        given = values.get("model", {})
        # A recipe by `write_recipe` names all fields, and its checkpoint may no longer exist.
        if isinstance(given, Mapping) and not SMALL_MODEL.keys() <= given.keys():
            model = _model_of(str(values["initial"]), own_classes=not _CLASSES.isdisjoint(given))
            values = {**values, "model": {**model, **given}}
    return Recipe.from_dict(values)


def _model_of(initial: str, *, own_classes: bool) -> dict[str, Any]:
    """Returns the architecture of a checkpoint, without fields that describe its own weights.

    Empty if the checkpoint doesn't exist: the recipe can still be read, and the run that needs the
    checkpoint raises the error.
    """
    try:
        folder = find.checkpoint_folder(initial, build=SegFace)
        config = asdict(SegFaceConfig.from_dict(files.read_config(folder)))
    except CheckpointNotFoundError:
        return {}
    left_out = {*_OF_ITS_WEIGHTS, *(_CLASSES if own_classes else ())}
    return {name: value for name, value in config.items() if name not in left_out}


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Writes a recipe as YAML with every option.

    Raises:
        OutputError: The file can't be written.
    """
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False, default_flow_style=None)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"can't write {path}: {error}") from error
