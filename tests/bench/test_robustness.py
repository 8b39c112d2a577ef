"""Photos are damaged, drawn on and turned as asked, and the model is scored on what comes out."""

import json

import numpy as np
import pytest
from PIL import Image

from bench.robustness import DAMAGES, main
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe_file import write_recipe
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8))


@pytest.fixture
def scores(tmp_path):
    """Scores an untrained model on two drawn faces, one with glasses."""
    SegFace(tiny_recipe().model_config()).save_pretrained(tmp_path / "model")
    for seed in range(2):
        write_pair(tmp_path / "data", f"face{seed}", *draw_face(seed, glasses=seed == 1))
    write_recipe(tiny_recipe(), tmp_path / "run.yaml")

    def run(*options):
        out = tmp_path / "scores.json"
        out.unlink(missing_ok=True)
        common = ("--model", tmp_path / "model", "--data", tmp_path / "data", "--json", out)
        code = main([str(word) for word in (*common, *options)])
        return json.loads(out.read_text()) if code == 0 else code

    return run


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_photo_keeps_its_size_and_leaves_the_original(name):
    before = np.asarray(PHOTO).copy()
    result = DAMAGES[name](PHOTO)
    assert result.size == PHOTO.size
    assert result.mode == "RGB"
    assert np.array_equal(np.asarray(PHOTO), before)
    assert not np.array_equal(np.asarray(result), before)


def test_gray_has_equal_channels_and_dark_a_third_of_the_light():
    gray = np.asarray(DAMAGES["gray"](PHOTO))
    assert np.array_equal(gray[..., 0], gray[..., 1])
    dark = np.asarray(DAMAGES["dark"](PHOTO)).mean()
    assert dark == pytest.approx(0.35 * np.asarray(PHOTO).mean(), rel=0.02)


def test_parts_are_drawn_on_photos_that_lack_them(scores):
    counts = [
        scores(*options)["classes"]["eyeglasses"]["images"]
        for options in ((), ("--drawn", "eyeglasses"))
    ]
    assert counts == [1, 2]


def test_logits_are_adjusted_for_classes_that_the_recipe_made_more_frequent(
    scores, tmp_path, capsys
):
    known = ("--recipe", tmp_path / "run.yaml", "--trained-on", tmp_path / "data")
    for strength, recall in (("-500", 1.0), ("500", 0.0)):
        values = scores("--adjust", strength, *known)
        assert values["classes"]["eyeglasses"]["recall"] == recall
    write_recipe(tiny_recipe(model={"schema": "lapa"}, tail={}), tmp_path / "lapa.yaml")
    assert scores("--adjust", "1", "--recipe", tmp_path / "lapa.yaml", *known[2:]) == 2
    assert "is of other classes: name the model's own run.yaml" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        scores("--adjust", "1")
    assert "--adjust needs --recipe" in capsys.readouterr().err


def test_the_pipeline_is_measured_on_turned_photos(scores, tmp_path):
    for path in (tmp_path / "data").rglob("face1.*"):
        path.unlink()
    values = scores("--tilt", "20")
    assert values["landmarks"]["photos_without_a_face_found"] <= 1
    assert values["tilt"]["degrees"] == 20
