"""Recipe files: a recipe as YAML, every option spelt out."""

from __future__ import annotations

from pathlib import Path

import yaml

from segface_hf.errors import ConfigError, OutputError
from segface_hf.training.recipe import Recipe


def read_recipe(path: str | Path) -> Recipe:
    """Reads a recipe from a YAML file.

    Raises:
        ConfigError: The file is missing, no YAML, or holds unknown or bad options.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"can't read the recipe {path}: {error}") from error
    return Recipe.from_dict({} if values is None else values)


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Writes a recipe as YAML, every option spelt out.

    Raises:
        OutputError: The file can't be written.
    """
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False, default_flow_style=None)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"can't write {path}: {error}") from error
