"""`segface train` and `segface evaluate` do what their help says, end to end on drawn faces."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.cli.program import main
from segface_hf.cli.train import resolution_note, validation_folder
from segface_hf.config import SegFaceConfig
from segface_hf.errors import ConfigError, DataError
from segface_hf.evaluation.bootstrap import resampled
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe_file import read_recipe, write_recipe
from segface_hf.training.report import Progress
from tests.segface_hf.training.drawn import tiny_recipe

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "astronaut.jpg"


@pytest.fixture
def trained(folder, tmp_path, recipe, capsys):
    write_recipe(recipe, tmp_path / "recipe.yaml")
    out = tmp_path / "run"
    code = main(
        [
            "train",
            "--data",
            str(folder),
            "--val",
            str(folder),
            "--out",
            str(out),
            "--config",
            str(tmp_path / "recipe.yaml"),
            "--threads",
            "1",
        ]
    )
    assert code == 0
    assert "6 photos, 6 to evaluate, 0 masks with swapped sides" in capsys.readouterr().out
    return out


def test_train_writes_recipe_metrics_curves_and_models(trained, recipe):
    assert read_recipe(trained / "run.yaml") == recipe
    assert (trained / "curves.svg").read_text().startswith("<svg")
    for name in ("last", "best"):
        assert (trained / name / "model.safetensors").stat().st_size > 0
        card = (trained / name / "README.md").read_text()
        assert "Trained on 6 photos" in card
        assert ("Mean F1" in card) == (name == "best")


def test_evaluate_writes_json_page_and_sheet(trained, folder, tmp_path, capsys):
    groups = tmp_path / "groups.csv"
    groups.write_text("stem,glasses\nface0,yes\nface1,yes\nface2,no\n")
    code = main(
        [
            "evaluate",
            "--model",
            str(trained / "last"),
            "--data",
            str(folder),
            "--threads",
            "1",
            "--json",
            str(tmp_path / "e.json"),
            "--html",
            str(tmp_path / "e.html"),
            "--worst",
            "2",
            "--sheet",
            str(tmp_path / "e.png"),
            "--groups",
            str(groups),
            "--bootstrap",
            "20",
        ]
    )
    assert code == 0
    values = json.loads((tmp_path / "e.json").read_text())
    assert values["photos"] == 6
    assert values["classes"]["eyeglasses"]["images"] == 2
    assert len(values["worst_photos"]) == 2
    assert set(values["groups"]["glasses"]) == {"yes", "no"}
    assert "<h2>By glasses</h2>" in (tmp_path / "e.html").read_text()
    with Image.open(tmp_path / "e.png") as sheet:
        assert sheet.size == (3 * 224, 2 * (224 + 18))
    assert "mean_f1" in capsys.readouterr().out


def test_a_model_that_needs_landmarks_is_not_scored_without(folder, tmp_path, capsys):
    options = {**tiny_recipe().model_options(), "schema": "lapa", "warp": "tanh"}
    SegFace(SegFaceConfig.from_dict(options)).save_pretrained(tmp_path / "lapa")
    arguments = ["--model", str(tmp_path / "lapa"), "--data", str(folder)]
    assert main(["evaluate", *arguments]) != 0
    assert "sees faces aligned by landmarks and warped" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="which training doesn't read"):
        tiny_recipe(model=options)


@pytest.mark.parametrize("option", ["--groups", "--sheet"])
def test_evaluate_refuses_unusable_options_before_it_measures(folder, tmp_path, option, capsys):
    wrong = tmp_path / "other.csv"
    wrong.write_text("stem,glasses\nelsewhere,yes\n")
    assert main(["evaluate", "--data", str(folder), option, str(wrong)]) != 0
    error = capsys.readouterr().err
    assert "names none of the photos" in error or "name it .png or .jpg" in error
    assert "photo/s" not in error


def test_evaluate_compares_two_checkpoints_photo_by_photo(trained, folder, tmp_path, capsys):
    page, scores = tmp_path / "e.html", tmp_path / "e.json"
    code = main(
        [
            "evaluate",
            "--model",
            str(trained / "last"),
            "--against",
            str(trained / "last"),
            "--data",
            str(folder),
            "--threads",
            "1",
            "--bootstrap",
            "20",
            "--no-boundary",
            "--json",
            str(scores),
            "--html",
            str(page),
        ]
    )
    assert code == 0
    row = json.loads(scores.read_text())["against"]["f1"]["mean_f1"]
    assert row == {"difference": 0.0, "difference_95": [0.0, 0.0]}
    assert "against mean_f1" in capsys.readouterr().out
    assert "<h2>Against" in page.read_text()


def test_evaluate_refuses_a_model_of_other_classes_before_it_measures(
    trained, folder, tmp_path, capsys
):
    other = shutil.copytree(trained / "last", tmp_path / "other")
    config = (other / "config.json").read_text()
    (other / "config.json").write_text(config.replace('"necklace"', '"scarf"'))
    code = main(
        [
            "evaluate",
            "--model",
            str(trained / "last"),
            "--against",
            str(other),
            "--no-boundary",
            "--data",
            str(folder),
            "--threads",
            "1",
            "--bootstrap",
            "0",
        ]
    )
    assert code == 2
    error = capsys.readouterr().err
    assert "differ in ['necklace', 'scarf']: compare models of the same classes" in error
    assert "photo/s" not in error


def test_evaluate_refuses_a_rival_that_needs_landmarks_before_it_measures(
    trained, folder, tmp_path, capsys
):
    options = {**tiny_recipe().model_options(), "schema": "celebamask_hq", "warp": "tanh"}
    SegFace(SegFaceConfig.from_dict(options)).save_pretrained(tmp_path / "warped")
    common = ["evaluate", "--model", str(trained / "last"), "--data", str(folder)]
    assert main([*common, "--against", str(tmp_path / "warped")]) == 2
    error = capsys.readouterr().err
    assert "landmarks" in error
    assert "photo/s" not in error


def test_evaluate_refuses_a_mask_with_an_unknown_id_by_name(trained, folder, tmp_path, capsys):
    Image.fromarray(np.full((64, 64), 200, np.uint8)).save(folder / "masks" / "face5.png")
    code = main(
        [
            "evaluate",
            "--model",
            str(trained / "last"),
            "--data",
            str(folder),
            "--json",
            str(tmp_path / "e.json"),
        ]
    )
    assert code == 2
    assert "face5.png: id 200 is not a class" in capsys.readouterr().err
    assert not (tmp_path / "e.json").exists()


def test_a_preview_shows_the_first_steps_and_trains_nothing(folder, tmp_path, capsys):
    write_recipe(tiny_recipe(tail={"paste": {"eyeglasses": 1.0}}), tmp_path / "recipe.yaml")
    sheets = []
    for name in ("a.png", "b.png"):
        code = main(
            [
                "train",
                "--data",
                str(folder),
                "--out",
                str(tmp_path / "run"),
                "--config",
                str(tmp_path / "recipe.yaml"),
                "--preview",
                str(tmp_path / name),
            ]
        )
        assert code == 0
        sheets.append(np.array(Image.open(tmp_path / name)))
    assert "nothing was trained" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
    assert np.array_equal(*sheets)
    photo, overlay = sheets[0][:192, :192], sheets[0][:192, 192:384]
    assert photo.std() > 20
    assert np.abs(photo.astype(int) - overlay).mean() > 10


def test_an_unwritable_preview_is_an_error(folder, tmp_path, capsys):
    write_recipe(tiny_recipe(), tmp_path / "recipe.yaml")
    common = ["train", "--data", str(folder), "--out", str(tmp_path / "run")]
    common += ["--config", str(tmp_path / "recipe.yaml")]
    for name in ("none/batch.png", "batch.txt"):
        assert main([*common, "--preview", str(tmp_path / name)]) != 0
        assert "name" in capsys.readouterr().err


@pytest.mark.parametrize("bad", ["size", "id"])
def test_a_bad_validation_mask_is_refused_before_training(folder, tmp_path, recipe, bad, capsys):
    validation = shutil.copytree(folder, tmp_path / "own")
    mask = np.zeros((64, 64) if bad == "id" else (10, 10), np.uint8)
    Image.fromarray(mask + 77 * (bad == "id")).save(validation / "masks" / "face3.png")
    write_recipe(recipe, tmp_path / "recipe.yaml")
    code = main(
        [
            "train",
            "--data",
            str(folder),
            "--val",
            str(validation),
            "--threads",
            "1",
            "--out",
            str(tmp_path / "run"),
            "--config",
            str(tmp_path / "recipe.yaml"),
        ]
    )
    assert code != 0
    assert "own/masks/face3.png" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_folder_named_val_is_not_evaluated_on_itself(folder):
    assert validation_folder(folder.rename(folder.with_name("val")), None) is None


def test_train_says_which_option_is_unknown(folder, tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("stepps: 3")
    code = main(
        [
            "train",
            "--data",
            str(folder),
            "--out",
            str(tmp_path / "run"),
            "--config",
            str(tmp_path / "bad.yaml"),
        ]
    )
    assert code == 2
    assert "recipe has no options ['stepps']" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_ctrl_c_requests_a_stop_and_a_second_one_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with Progress(0, 4, 2) as progress:
        assert not progress.stopped()
        os.kill(os.getpid(), signal.SIGINT)
        assert progress.stopped()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_note_says_that_the_last_stage_has_another_side_than_the_checkpoint():
    assert resolution_note(tiny_recipe()) == ""
    assert resolution_note(tiny_recipe(resolutions=[[0.0, 64], [0.5, 32]])) == ""
    note = resolution_note(tiny_recipe(resolutions=[[0.0, 32], [0.5, 64]]))
    assert note.endswith("set model.resolution to 64, or end resolutions with 32")


def test_a_recipe_may_name_its_schema():
    recipe = tiny_recipe(model={**tiny_recipe().model_options(), "schema": "lapa"}, tail={})
    assert recipe.model_config().labels.num_classes == 11


def test_resampling_without_photos_is_refused(tmp_path):
    with pytest.raises(DataError, match="at least one"):
        resampled(np.zeros((0, 2, 2), np.int64), rounds=3)
