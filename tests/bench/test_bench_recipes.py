"""The comparison of training recipes: what differs between them, and one real comparison."""

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from bench.recipes import PLAIN, RECIPES, recipe_of
from tests.segface_hf.training.drawn import draw_face, write_pair

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def args():
    return Namespace(initial="start", teacher=None, steps=2, batch=2, workers=1, side=64)


@pytest.mark.parametrize("name", [n for n in RECIPES if n not in (PLAIN, "pseudo-labels")])
def test_each_recipe_differs_from_the_plain_one_only_in_the_option_of_its_name(name, args):
    plain, other = (recipe_of(n, args, 0).to_dict() for n in (PLAIN, name))
    changed = {key for key in plain if plain[key] != other[key]}
    assert changed == set(RECIPES[name])


def test_recipes_are_compared_on_the_same_photos(tmp_path):
    for seed in range(3):
        write_pair(tmp_path / "data", f"face{seed}", *draw_face(seed, glasses=seed == 0))
    command = [
        sys.executable, "-m", "bench.recipes", "--data", str(tmp_path / "data"),
        "--val", str(tmp_path / "data"), "--out", str(tmp_path / "runs"), "--steps", "1",
        "--batch", "2", "--side", "32", "--workers", "1", "--only", "no Dice",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[-4].startswith("| recipe | mean f1 | difference |")
    assert lines[-2].startswith("| plain | 0.")
    assert lines[-1].startswith("| no Dice | 0.")
    assert " to " in lines[-1]
