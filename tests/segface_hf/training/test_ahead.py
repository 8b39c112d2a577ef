"""Batches are made ahead, what can't work is told ahead, and a run is drawn while it goes on."""

from pathlib import Path
from threading import Event

import pytest

from segface_hf.cli.program import main
from segface_hf.training.prepare import Ahead
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.report import CURVES_FILE
from tests.segface_hf.training.drawn import tiny_recipe

TEACHING = "tail: {missing: complete}\npseudo: {teacher: nobody/home}\n"


class Maker:
    """Doubles numbers, remembers which, and lets a test wait for one."""

    def __init__(self):
        self.made, self.events = [], [Event() for _ in range(9)]

    def __call__(self, number):
        self.made.append(number)
        self.events[number].set()
        return 2 * number


def test_the_following_item_is_made_before_it_is_asked_for():
    maker = Maker()
    assert Ahead(maker).take(3) == 6
    assert maker.events[4].wait(10)


def test_items_in_order_are_each_made_once():
    maker = Maker()
    ahead = Ahead(maker)
    assert [ahead.take(number) for number in range(4)] == [0, 2, 4, 6]
    assert maker.events[4].wait(10)
    assert maker.made == [0, 1, 2, 3, 4]


def test_an_item_out_of_turn_is_the_one_that_was_asked_for():
    ahead = Ahead(Maker())
    assert [ahead.take(number) for number in (0, 5, 2, 3)] == [0, 10, 4, 6]


def test_what_goes_wrong_ahead_is_told_when_the_item_is_asked_for():
    ahead = Ahead(lambda number: 1 // (1 - number))
    assert ahead.take(0) == 1
    with pytest.raises(ZeroDivisionError):
        ahead.take(1)


def told(folder, text, out, capsys):
    """What `segface train` says of a recipe; its teacher is asked for only after all else."""
    path = folder.parent / "recipe.yaml"
    path.write_text(text + TEACHING)
    command = ["train", "--data", str(folder), "--out", str(out), "--config", str(path)]
    assert main(command) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("model: {backbone: resnet18}\n", "no ImageNet weights are known for 'resnet18'"),
        ("initial: /no/such/checkpoint\n", "/no/such/checkpoint"),
    ],
)
def test_weights_that_are_not_there_are_told_before_the_teacher(
    folder, tmp_path, capsys, text, wrong
):
    said = told(folder, text, tmp_path / "run", capsys)
    assert wrong in said
    assert "nobody/home" not in said


def test_a_folder_that_can_not_be_written_is_told_before_the_teacher(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    said = told(folder, "pretrained: none\n", tmp_path / "file" / "run", capsys)
    assert "can't write to" in said


def test_another_recipes_run_is_told_before_the_teacher(folder, tmp_path, capsys):
    write_recipe(tiny_recipe(steps=1), tmp_path / "first.yaml")
    out = str(tmp_path / "run")
    first = ["train", "--data", str(folder), "--out", out, "--config", str(tmp_path / "first.yaml")]
    assert main(first) == 0
    capsys.readouterr()
    said = told(folder, "seed: 5\n", Path(out), capsys)
    assert "nobody/home" not in said
    assert out in said


def test_the_teacher_is_what_is_missing_where_all_else_is_there(folder, tmp_path, capsys):
    assert "nobody/home" in told(folder, "pretrained: none\n", tmp_path / "run", capsys)


@pytest.mark.parametrize("how", ["paste", "drawn"])
def test_a_class_that_the_model_lacks_is_told_with_the_recipe(folder, tmp_path, capsys, how):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"tail: {{{how}: {{hatt: 0.5}}}}\n")
    command = ["train", "--data", str(folder), "--out", str(tmp_path), "--config", str(path)]
    assert main(command) == 2
    assert "hatt" in capsys.readouterr().err


def test_curves_are_drawn_while_the_run_goes_on(folder, tmp_path, capsys):
    """The run never comes to its end: its loss is no number after the first evaluation."""
    rates = {"learning_rate": 1e30, "backbone_rate": 1e30, "warmup_steps": 0}
    write_recipe(tiny_recipe(**rates, evaluate_every=1), tmp_path / "recipe.yaml")
    command = ["train", "--data", str(folder), "--val", str(folder), "--out", str(tmp_path / "run"),
               "--config", str(tmp_path / "recipe.yaml")]  # fmt: skip
    assert main(command) == 2
    assert "the loss of step 1 is" in capsys.readouterr().err
    assert "step 1, F1" in (tmp_path / "run" / CURVES_FILE).read_text()
