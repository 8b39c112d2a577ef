"""Batches are prefetched, impossible runs are refused early, and curves appear during a run."""

from pathlib import Path
from threading import Event

import pytest

from segface_hf.cli.program import main
from segface_hf.training.prefetch import ThreadPrefetcher, prefetcher
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.report import CURVES_FILE
from tests.segface_hf.training.drawn import tiny_recipe

# Python 3.12 warns of forks beside other threads, which these processes don't touch.
FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
TEACHING = "tail: {missing: complete}\npseudo: {teacher: no-one/there}\n"


class Maker:
    """Doubles numbers, remembers which, and lets a test wait for one."""

    def __init__(self):
        self.made, self.events = [], [Event() for _ in range(9)]

    def __call__(self, number):
        self.made.append(number)
        self.events[number].set()
        return 2 * number


def test_the_next_item_is_computed_in_advance():
    maker = Maker()
    assert ThreadPrefetcher(maker).take(3) == 6
    assert maker.events[4].wait(10)


def test_items_taken_in_order_are_each_computed_once():
    maker = Maker()
    batches = ThreadPrefetcher(maker)
    assert [batches.take(number) for number in range(4)] == [0, 2, 4, 6]
    assert maker.events[4].wait(10)
    assert maker.made == [0, 1, 2, 3, 4]


def test_items_taken_out_of_order_are_the_requested_ones():
    batches = ThreadPrefetcher(Maker())
    assert [batches.take(number) for number in (0, 5, 2, 3)] == [0, 10, 4, 6]


def test_an_error_in_the_thread_is_raised_when_the_item_is_taken():
    batches = ThreadPrefetcher(lambda number: 1 // (1 - number))
    assert batches.take(0) == 1
    with pytest.raises(ZeroDivisionError):
        batches.take(1)


def doubled(number):
    """A function that processes can import."""
    return 2 * number


@FORKS
def test_processes_give_the_items_of_a_thread_in_and_out_of_order():
    batches = prefetcher(doubled, processes=2)
    assert [batches.take(number) for number in (0, 1, 2, 7, 8, 3)] == [0, 2, 4, 14, 16, 6]


def train_error(folder, text, out, capsys):
    """The error of `segface train` for a recipe whose teacher, loaded last, doesn't exist."""
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
def test_missing_initial_weights_are_refused_before_the_teacher_is_loaded(
    folder, tmp_path, capsys, text, wrong
):
    said = train_error(folder, text, tmp_path / "run", capsys)
    assert wrong in said
    assert "no-one/there" not in said


def test_an_unwritable_folder_is_refused_before_the_teacher_is_loaded(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    said = train_error(folder, "pretrained: none\n", tmp_path / "file" / "run", capsys)
    assert "can't write to" in said


def test_a_run_of_another_recipe_is_refused_before_the_teacher_is_loaded(folder, tmp_path, capsys):
    write_recipe(tiny_recipe(steps=1), tmp_path / "first.yaml")
    out = str(tmp_path / "run")
    first = ["train", "--data", str(folder), "--out", out, "--config", str(tmp_path / "first.yaml")]
    assert main(first) == 0
    capsys.readouterr()
    said = train_error(folder, "seed: 5\n", Path(out), capsys)
    assert "no-one/there" not in said
    assert out in said


def test_a_missing_teacher_is_refused_after_all_other_checks(folder, tmp_path, capsys):
    assert "no-one/there" in train_error(folder, "pretrained: none\n", tmp_path / "run", capsys)


@pytest.mark.parametrize("how", ["paste", "drawn"])
def test_a_recipe_that_names_an_unknown_class_is_refused(folder, tmp_path, capsys, how):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"tail: {{{how}: {{hatt: 0.5}}}}\n")
    command = ["train", "--data", str(folder), "--out", str(tmp_path), "--config", str(path)]
    assert main(command) == 2
    assert "hatt" in capsys.readouterr().err


def test_curves_are_drawn_after_each_evaluation(folder, tmp_path, capsys):
    """The run ends with an error after its first evaluation, because its loss diverges."""
    rates = {"learning_rate": 1e30, "backbone_rate": 1e30, "warmup_steps": 0}
    write_recipe(tiny_recipe(**rates, evaluate_every=1), tmp_path / "recipe.yaml")
    command = [
        "train",
        "--data",
        str(folder),
        "--val",
        str(folder),
        "--out",
        str(tmp_path / "run"),
        "--config",
        str(tmp_path / "recipe.yaml"),
    ]
    assert main(command) == 2
    assert "the training loss of step 1 is" in capsys.readouterr().err
    assert "step 1, F1" in (tmp_path / "run" / CURVES_FILE).read_text()
