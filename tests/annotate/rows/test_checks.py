"""Automatic checks on faces drawn with rectangles."""

from __future__ import annotations

import numpy as np
import pytest

from annotate.label_maps import swapped
from annotate.rows.checks import check
from annotate.rows.photo_hash import photo_hash
from segface_hf.labels import CELEBAMASK_HQ

ID = CELEBAMASK_HQ.label2id


def face(height=96, width=96):
    """A frontal face: the subject's left eye is on the right of the picture."""
    mask = np.zeros((height, width), np.uint8)
    mask[16:88, 16:80] = ID["skin"]
    for name, (y, x) in {
        "r_brow": (28, 28),
        "l_brow": (28, 60),
        "r_eye": (36, 28),
        "l_eye": (36, 60),
        "nose": (48, 44),
        "mouth": (68, 44),
    }.items():
        mask[y : y + 6, x : x + 8] = ID[name]
    return mask


@pytest.fixture
def found(drawn):
    def look(mask, **others):
        rng = np.random.default_rng(0)
        image = rng.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
        prediction = others.pop("prediction", np.zeros_like(mask))
        correction = drawn(0, image=image, mask=mask, prediction=prediction)
        return [(f.check, f.sentence, f.blocks) for f in check(correction, **others)]

    return look


def test_a_good_mask_has_no_findings(found):
    assert found(face()) == []


def test_a_mask_that_confirms_the_prediction_is_noticed(found):
    assert found(face(), prediction=face()) == [
        ("nothing changed", "the mask equals the prediction", False)
    ]


def test_an_empty_mask_is_stopped(found):
    assert ("empty", "everything is background", True) in found(face() * 0, prediction=face())


def test_a_tiny_photo_is_noticed(found, drawn):
    assert ("size", "the photo is only 96 x 40 pixels", False) in found(face()[:40])


def test_new_tiny_islands_are_noticed_and_those_of_the_prediction_are_not(found):
    mask = face()
    mask[2, 2] = mask[5, 5] = ID["hat"]
    assert found(mask) == [("tiny islands", "hat has 2 parts below 4 pixels", False)]
    prediction = mask.copy()
    prediction[90, 90] = ID["hat"]
    assert found(mask, prediction=prediction) == []


def test_an_eye_outside_the_face_is_noticed(found):
    mask = face()
    mask[mask == ID["l_eye"]] = ID["skin"]
    mask[90:94, 2:10] = ID["l_eye"]
    assert ("anatomy", "l_eye is outside the face", False) in found(mask)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_swapped_sides_are_noticed_whichever_way_the_head_is_turned(found, turns):
    turned = np.rot90(face(), turns).copy()
    assert found(turned) == []
    sentences = [sentence for _, sentence, _ in found(swapped(turned, CELEBAMASK_HQ.mirror_ids))]
    assert sentences == [
        "l_eye and r_eye seem to have changed places",
        "l_brow and r_brow seem to have changed places",
    ]


def test_two_faces_are_checked_separately(found):
    good, bad = face(), swapped(face(), CELEBAMASK_HQ.mirror_ids)
    assert found(np.hstack([good, good])) == []
    assert len(found(np.hstack([good, bad]))) == 2


def test_a_photo_that_the_dataset_has_is_noticed(found, drawn):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    photos = {"a" * 32: photo_hash(image), "b" * 32: photo_hash(255 - image)}
    assert found(face(), photos=photos) == [
        ("near-duplicate", f"the photo looks like that of {'a' * 32}", False)
    ]
