"""The page about recipes names every option with its default, and all recipes are valid."""

import re
from dataclasses import fields
from pathlib import Path

import yaml

from segface_hf.training.recipe import SMALL_MODEL, Augment, Distill, Loss, Pseudo, Recipe, Tail
from segface_hf.training.recipe_file import read_recipe

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = DOCS / "recipes" / "README.md"
GROUPS = {
    "augment": Augment,
    "loss": Loss,
    "tail": Tail,
    "pseudo": Pseudo,
    "distill": Distill,
}


def options():
    """Every option but `model` and its default."""
    recipe = Recipe()
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if field.name in GROUPS:
            for inner in fields(GROUPS[field.name]):
                yield f"{field.name}.{inner.name}", getattr(value, inner.name)
        elif field.name != "model":
            yield field.name, value


def documented():
    """Options that the page names, and what it writes as their defaults."""
    table = PAGE.read_text(encoding="utf-8").split("## Every option")[1].split("\n## ")[0]
    for row in table.splitlines():
        if row.startswith("| `"):
            named, defaults = row.split(" | ")[:2]
            names = re.findall(r"`([a-z_.]+)`", named)
            several = defaults.split(", ") if len(names) > 1 else [defaults]
            yield from zip(names, several, strict=True)


def says(text, default):
    """Whether a cell of the table gives a default."""
    if isinstance(default, bool):
        return text == str(default).lower()
    if isinstance(default, int | float):
        return float(text) == default
    return text == (f"`{default}`" if default else "none")


def test_every_option_is_documented_with_its_default_and_no_other():
    page = list(documented())
    assert len(page) == len(dict(page))
    written, defaults = dict(page), dict(options())
    size = f"width {SMALL_MODEL['width']}, {SMALL_MODEL['resolution']} px"
    assert written.pop("model") == f"Lite0, {size}"
    assert SMALL_MODEL["backbone"] == "tf_efficientnet_lite0"
    # Without a teacher of its own, the run's start is asked.
    assert (written.pop("pseudo.teacher"), defaults.pop("pseudo.teacher")) == ("`initial`", "")
    assert sorted(written) == sorted(defaults)
    assert [name for name, default in defaults.items() if not says(written[name], default)] == []


def test_every_recipe_of_the_shipped_checkpoints_is_valid():
    recipes = sorted((DOCS / "recipes").rglob("*.yaml"))
    assert {path.parent.name for path in recipes} >= {"embedded", "synthetic"}
    assert all(read_recipe(path).steps > 0 for path in recipes)


def test_the_page_about_training_is_short():
    assert (DOCS / "training.md").stat().st_size < 12_000


def test_the_example_recipe_is_valid():
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        assert Recipe.from_dict(yaml.safe_load(example)).steps > 0
