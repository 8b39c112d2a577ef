"""Parts that masks lack are ignored or completed by a teacher, and suspects are set aside."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from segface_hf.data.photo_set import PhotoSet
from segface_hf.errors import ConfigError, DataError
from segface_hf.labels import CELEBAMASK_HQ, IGNORED
from segface_hf.modeling.segface import SegFace
from segface_hf.training.prepare import prepare, with_lowered
from segface_hf.training.recipe import Tail
from segface_hf.training.teacher import Teacher, fill_missing_parts, suspect_stems
from tests.segface_hf.training.drawn import tiny_recipe

SIDE = 64
NAMED = CELEBAMASK_HQ.id_of


class BandTeacher(nn.Module):
    """A teacher that sees eyeglasses in the middle band of every photo, and skin elsewhere."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.config = tiny_recipe().model_config()
        self.margin = margin

    def logits(self, pixels):
        logits = torch.zeros(len(pixels), CELEBAMASK_HQ.num_classes, *pixels.shape[-2:])
        third = pixels.shape[-2] // 3
        logits[:, NAMED("skin")] = 20.0
        logits[:, NAMED("eyeglasses"), third : 2 * third] = 20.0 + self.margin
        return logits


@pytest.fixture
def photos():
    """Two faces of skin; the second mask has its eyeglasses, or one pixel of them."""
    masks = torch.full((2, SIDE, SIDE), NAMED("skin"), dtype=torch.uint8)
    masks[1, 30, 30] = NAMED("eyeglasses")
    return PhotoSet(torch.zeros(2, 3, SIDE, SIDE).byte(), masks, ("bare", "worn"), CELEBAMASK_HQ)


def test_a_part_that_the_mask_lacks_is_ignored(photos):
    changed, stems = fill_missing_parts(photos, Teacher(BandTeacher(9.0), 0.9))
    assert stems == ("bare",)
    assert (changed.masks[0, 26:38] == IGNORED).all()
    assert (changed.masks[0, :20] == NAMED("skin")).all()
    assert (changed.masks[0, 44:] == NAMED("skin")).all()
    assert not (photos.masks == IGNORED).any()


def test_a_fragment_of_a_part_stays_as_it_is(photos):
    changed, _ = fill_missing_parts(photos, Teacher(BandTeacher(9.0), 0.9))
    assert torch.equal(changed.masks[1], photos.masks[1])


def test_complete_completes_fragments_and_ignores_missing_parts(photos):
    changed, stems = fill_missing_parts(photos, Teacher(BandTeacher(9.0), 0.9), complete=True)
    assert stems == ("bare", "worn")
    assert (changed.masks[1, 26:38] == NAMED("eyeglasses")).all()
    assert (changed.masks[1, :20] == NAMED("skin")).all()
    assert not (changed.masks[1] == IGNORED).any()
    assert (changed.masks[0, 26:38] == IGNORED).all()


def test_more_than_a_quarter_of_a_part_is_not_a_fragment(photos):
    photos.masks[1, 24:32] = NAMED("eyeglasses")
    changed, _ = fill_missing_parts(photos, Teacher(BandTeacher(9.0), 0.9), complete=True)
    assert torch.equal(changed.masks[1], photos.masks[1])


def test_pixels_without_a_label_stay_without_one(photos):
    photos.masks[:, :, 32:] = IGNORED
    changed, _ = fill_missing_parts(photos, Teacher(BandTeacher(9.0), 0.9), complete=True)
    assert (changed.masks[:, :, 32:] == IGNORED).all()
    assert (changed.masks[1, 26:38, :32] == NAMED("eyeglasses")).all()


def test_an_unsure_teacher_changes_nothing(photos):
    changed, stems = fill_missing_parts(photos, Teacher(BandTeacher(0.5), 0.9))
    assert stems == ()
    assert torch.equal(changed.masks, photos.masks)


def test_ignoring_missing_parts_needs_a_teacher(folder):
    with pytest.raises(ConfigError, match=r"tail\.missing is 'ignore', .* set pseudo\.teacher"):
        prepare(folder, tiny_recipe(tail={"missing": "ignore"}))
    with pytest.raises(ConfigError, match=r"tail\.missing is one of .* got 'drop'"):
        Tail(missing="drop")


def test_masks_that_the_teacher_contradicts_are_suspects(photos):
    third = SIDE // 3
    photos.masks[1, third : 2 * third] = NAMED("eyeglasses")
    assert suspect_stems(photos, Teacher(BandTeacher(9.0), 0.9)) == ("bare",)
    assert suspect_stems(photos, Teacher(BandTeacher(0.5), 0.9)) == ()


def test_suspects_are_set_aside_or_drawn_a_quarter_as_often(folder, tmp_path):
    torch.manual_seed(0)
    teacher = str(SegFace(tiny_recipe().model_config()).save_pretrained(tmp_path / "teacher"))

    def read(how, confidence):
        pseudo = {"teacher": teacher, "confidence": confidence}
        recipe = tiny_recipe(tail={"suspects": how}, pseudo=pseudo)
        return recipe, prepare(folder, recipe)

    # An untrained teacher contradicts every mask where all of its pixels count.
    recipe, data = read("lower", 0.0)
    assert set(data.suspects) == set(data.photos.stems)
    first = replace(data, suspects=data.photos.stems[:1], weights=torch.ones(len(data.photos)))
    lowered = with_lowered(first, recipe).weights
    assert float(lowered[0]) == pytest.approx(float(lowered[1]) / 4)
    assert read("set_aside", 1.0)[1].suspects == ()
    with pytest.raises(DataError, match=r"every mask in .* is a suspect"):
        read("set_aside", 0.0)
    with pytest.raises(ConfigError, match=r"tail\.suspects is one of"):
        Tail(suspects="drop")
