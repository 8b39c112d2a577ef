"""A parse is a value that checks itself and tells its areas."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segface_hf.errors import LabelError
from segface_hf.faces import UNREADABLE, Face, FaceParse
from segface_hf.labels import CELEBAMASK_HQ


def test_areas_and_present_classes_are_read_off_the_mask() -> None:
    parse = FaceParse(np.array([[0, 2], [2, 14]], np.uint8), CELEBAMASK_HQ)
    assert parse.areas() == {"background": 1, "skin": 2, "hair": 1}
    assert parse.present() == ("skin", "hair")


def test_a_mask_with_an_unknown_id_is_refused() -> None:
    with pytest.raises(LabelError, match="19 is not a class"):
        FaceParse(np.full((2, 2), 19, np.uint8), CELEBAMASK_HQ)


def test_a_confidence_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence is uint8 of shape"):
        FaceParse(np.zeros((2, 2), np.uint8), CELEBAMASK_HQ, confidence=np.zeros((3, 2), np.uint8))


def test_a_face_refuses_a_reversed_box_and_four_landmarks() -> None:
    with pytest.raises(ValueError, match="a box is"):
        Face((5.0, 0.0, 1.0, 2.0), None, 0.9)
    with pytest.raises(ValueError, match=r"shape \(5, 2\)"):
        Face((0.0, 0.0, 1.0, 2.0), np.zeros((4, 2), np.float32), 0.9)


def test_a_face_survives_json_and_rounds_where_asked() -> None:
    marks = np.arange(10, dtype=np.float32).reshape(5, 2) / 3
    face = Face((0.123, 1.0, 20.456, 30.0), marks, 0.98765)
    again = Face.from_dict(json.loads(json.dumps(face.to_dict())))
    assert (again.box, again.confidence) == (face.box, face.confidence)
    assert np.array_equal(again.landmarks, marks)
    rounded = face.to_dict(digits=1)
    assert rounded["box"] == [0.1, 1.0, 20.5, 30.0]
    assert rounded["landmarks"][4] == [2.7, 3.0]
    assert rounded["confidence"] == 0.9877
    bare = Face((0.0, 0.0, 1.0, 1.0), None, 0.5, UNREADABLE)
    assert Face.from_dict(bare.to_dict()).problem == UNREADABLE
    assert Face.from_dict(bare.to_dict()).landmarks is None
    with pytest.raises(ValueError, match="a face has a box of 4 numbers"):
        Face.from_dict({"box": [0, 0, 1, 1], "confidence": 0.5})


def test_pixels_of_classes_are_selected_by_name() -> None:
    parse = FaceParse(np.array([[0, 2], [16, 14]], np.uint8), CELEBAMASK_HQ)
    found = parse.region("hair", "hat")
    assert found.dtype == bool
    assert found.tolist() == [[False, False], [True, True]]
    assert not parse.region().any()
    with pytest.raises(LabelError, match="no class 'beard'"):
        parse.region("hair", "beard")
