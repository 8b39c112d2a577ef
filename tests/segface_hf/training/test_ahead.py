"""What can't work is told before a teacher sees the photos, and a run is drawn while it goes on."""

from pathlib import Path

import pytest

from segface_hf.cli import main
from segface_hf.training.loop import train
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.report import CURVES_FILE
from tests.segface_hf.training.drawn import tiny_recipe

TEACHING = "tail: {missing: complete}\npseudo: {teacher: nobody/home}\n"


def told(folder, text, out, capsys):
    """What `segface train` says of a recipe; its teacher is asked for only after all else."""
    path = folder.parent / "recipe.yaml"
    path.write_text(text + TEACHING)
    command = ["train", "--data", str(folder), "--out", str(out), "--config", str(path)]
    assert main(command) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("model: {backbone: resnet18}\n", "no ImageNet weights are known for 'resnet18'"),
     ("initial: /no/such/checkpoint\n", "/no/such/checkpoint")],
)  # fmt: skip
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


def test_curves_are_drawn_after_every_evaluation(folder, tmp_path, monkeypatch):
    seen = []

    def watched(run, *, log, **others):
        def logged(row):
            log(row)
            seen.append((run.out / CURVES_FILE).read_text().count("<svg"))

        return train(run, log=logged, **others)

    monkeypatch.setattr("segface_hf.training.loop.train", watched)
    write_recipe(tiny_recipe(steps=4, evaluate_every=2), tmp_path / "recipe.yaml")
    command = ["train", "--data", str(folder), "--val", str(folder), "--out", str(tmp_path / "run"),
               "--config", str(tmp_path / "recipe.yaml")]  # fmt: skip
    assert main(command) == 0
    assert seen == [1, 1]
