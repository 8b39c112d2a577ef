"""Pseudo-labels: who labels, which pixels count, and what is refused."""

import pytest
import torch
from PIL import Image

from segface_hf.cli import main
from segface_hf.errors import ConfigError, DataError
from segface_hf.model import SegFace
from segface_hf.training.data import IGNORED
from segface_hf.training.prepare import prepare
from segface_hf.training.pseudo import find_photos, label_frame
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.recipe_parts import Pseudo
from tests.segface_hf.training.drawn import draw_face, tiny_recipe


@pytest.fixture
def teacher(tmp_path, recipe):
    torch.manual_seed(0)
    model = SegFace(recipe.model_config())
    model.save_pretrained(tmp_path / "teacher")
    return str(tmp_path / "teacher")


@pytest.fixture
def unlabelled(tmp_path):
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    for seed in range(3):
        Image.fromarray(draw_face(20 + seed)[0]).save(folder / f"new{seed}.png")
    return folder


def test_pixels_that_the_teacher_doubts_do_not_count(teacher):
    model = SegFace.from_pretrained(teacher).eval()
    image = Image.fromarray(draw_face(3)[0])
    everything = label_frame(model, image, confidence=0.0)
    assert int(everything.max()) < model.config.labels.num_classes
    nothing = label_frame(model, image, confidence=1.0)
    assert (nothing == IGNORED).all()


def test_a_flipped_photo_gets_the_flipped_labels(teacher):
    model = SegFace.from_pretrained(teacher).eval()
    image = Image.fromarray(draw_face(3)[0])
    ids = label_frame(model, image, confidence=0.0)
    flipped = label_frame(model, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), confidence=0.0)
    swap = torch.tensor(model.config.labels.mirror_ids, dtype=torch.uint8)
    agreeing = swap[flipped.long()].flip(1) == ids
    assert agreeing.float().mean() > 0.98


def test_labelled_photos_join_those_with_masks(folder, unlabelled, teacher):
    recipe = tiny_recipe(pseudo={"teacher": teacher, "confidence": 0.0})
    data = prepare(folder, recipe, unlabelled=unlabelled)
    alone = prepare(folder, recipe)
    assert len(data.photos) == len(alone.photos) + 3
    assert data.photos.stems[-3:] == ("new0", "new1", "new2")
    images, masks = data.batch(recipe, side=32, generator=torch.Generator().manual_seed(0))
    assert images.shape == (3, 3, 32, 32)
    assert masks.shape == (3, 32, 32)


def test_a_run_trains_on_them_from_the_command_line(folder, unlabelled, teacher, tmp_path, capsys):
    write_recipe(tiny_recipe(pseudo={"teacher": teacher}), tmp_path / "recipe.yaml")
    code = main(
        ["train", "--data", str(folder), "--unlabelled", str(unlabelled), "--threads", "1",
         "--out", str(tmp_path / "run"), "--config", str(tmp_path / "recipe.yaml")]
    )  # fmt: skip
    assert code == 0
    assert "9 photos" in capsys.readouterr().out


def test_photos_without_a_teacher_are_refused(folder, unlabelled, recipe):
    with pytest.raises(ConfigError, match=r"set pseudo\.teacher or initial"):
        prepare(folder, recipe, unlabelled=unlabelled)


def test_a_teacher_of_other_classes_is_refused(folder, unlabelled, tmp_path):
    model = {**dict(tiny_recipe().model_options()), "schema": "lapa"}
    SegFace(tiny_recipe(model=model).model_config()).save_pretrained(tmp_path / "lapa")
    recipe = tiny_recipe(pseudo={"teacher": str(tmp_path / "lapa")})
    with pytest.raises(ConfigError, match="other classes"):
        prepare(folder, recipe, unlabelled=unlabelled)


def test_a_folder_without_photos_and_a_wrong_confidence_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no photos of type"):
        find_photos(tmp_path)
    with pytest.raises(ConfigError, match=r"pseudo\.confidence is from 0 to 1, got 3"):
        Pseudo(confidence=3)
