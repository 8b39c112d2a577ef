"""The page about training names every option, with its default."""

import re
from dataclasses import fields
from pathlib import Path

import yaml

from segface_hf.training.recipe import Recipe
from segface_hf.training.recipe_parts import Augment, Loss, Pseudo, Tail

PAGE = Path(__file__).resolve().parents[3] / "docs" / "training.md"
GROUPS = {"augment": Augment, "loss": Loss, "tail": Tail, "pseudo": Pseudo}


def options():
    for field in fields(Recipe):
        if field.name in GROUPS:
            yield from (f"{field.name}.{inner.name}" for inner in fields(GROUPS[field.name]))
        else:
            yield field.name


def test_every_option_is_documented_and_no_other():
    text = PAGE.read_text(encoding="utf-8")
    table = text.split("## Every option")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)]
    assert sorted(named) == sorted(options())


def test_the_example_recipe_is_valid():
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        assert Recipe.from_dict(yaml.safe_load(example)).steps > 0
