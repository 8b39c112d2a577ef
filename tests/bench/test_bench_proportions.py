"""Proportions are measured in distances of the eyes, on faces that look ahead."""

import numpy as np
import pytest

from bench.proportions import compared, medians, proportions
from segface_hf.labels import CELEBAMASK_HQ
from tests.segface_hf.drawn import EYES, PARTS, face_mask

APART = EYES[1][0] - EYES[0][0]
BOXES = {name: box for name, *box in PARTS}


def test_a_nose_is_as_wide_and_as_high_as_it_was_drawn():
    left, top, right, bottom = BOXES["nose"]
    face = proportions(face_mask(1024))
    assert face["nose width"] == pytest.approx((right - left) / APART, rel=0.03)
    assert face["nose height"] == pytest.approx((bottom - top) / APART, rel=0.03)
    assert face["nose area"] == pytest.approx(
        np.pi / 4 * (right - left) * (bottom - top) / APART**2, rel=0.05
    )
    assert face["eyes apart"] == pytest.approx(APART, rel=0.01)


def test_brows_lie_above_the_eyes_and_lips_below():
    face = proportions(face_mask(512))
    assert face["left brow below eyes"] == pytest.approx((0.42 - EYES[0][1]) / APART, abs=0.01)
    assert face["lips below eyes"] > face["nose below eyes"] > 0


def test_the_size_of_the_picture_does_not_matter():
    small, large = proportions(face_mask(512)), proportions(face_mask(1024))
    assert small.keys() == large.keys()
    for name in small:
        assert small[name] == pytest.approx(large[name], rel=0.05, abs=0.02), name


@pytest.mark.parametrize("name", ["l_eye", "nose"])
def test_a_face_without_the_measured_parts_is_left_out(name):
    assert proportions(face_mask(256, without=[name])) is None


def test_turned_tilted_and_spectacled_faces_are_left_out():
    mask = face_mask(256)
    aside = np.where(mask == CELEBAMASK_HQ.id_of("nose"), CELEBAMASK_HQ.id_of("skin"), mask)
    spots = np.argwhere(mask == CELEBAMASK_HQ.id_of("nose"))
    aside[spots[:, 0], spots[:, 1] + 25] = CELEBAMASK_HQ.id_of("nose")
    assert proportions(aside) is None
    assert proportions(np.rot90(mask)) is None
    assert proportions(face_mask(256, extra=[("eyeglasses", 0.3, 0.4, 0.5, 0.5)])) is None


def test_folders_are_compared_by_medians_of_what_both_have():
    ours = medians([{"a": 1.0, "b": 5.0}, {"a": 3.0}, {"a": 9.0}])
    assert ours == {"a": (3.0, 3), "b": (5.0, 1)}
    rows = compared(ours, medians([{"a": 2.0}]))
    assert rows == [{"measure": "a", "first": 3.0, "second": 2.0, "faces": "3, 1"}]
