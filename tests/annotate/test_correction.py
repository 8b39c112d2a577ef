"""A correction checks itself, and its id stands for its content."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from PIL import Image

from annotate.correction import Consent, Correction, Effort, ModelUsed
from annotate.errors import ConsentError, CorrectionError
from segface_hf.errors import LabelError
from segface_hf.labels import HELEN, LAPA


def test_the_id_depends_on_pixels_ids_and_schema_only(drawn):
    one = drawn(1)
    again = drawn(1, contributor="else", source="elsewhere", effort=Effort(9.0), consent=None)
    assert one.content_id == again.content_id
    mask = one.mask.copy()
    mask[0, 0] = 5
    assert drawn(1, mask=mask).content_id != one.content_id
    assert drawn(2).content_id != one.content_id
    small = np.zeros((24, 32), np.uint8)
    lapa = drawn(1, mask=small, prediction=small, schema=LAPA)
    assert lapa.content_id != drawn(1, mask=small, prediction=small, schema=HELEN).content_id


def test_two_corrections_of_one_photo_share_the_photo_id(drawn):
    one = drawn(1)
    assert drawn(1, mask=one.prediction).photo_id == one.photo_id
    assert drawn(2).photo_id != one.photo_id


def test_transposed_pixels_are_another_photo(drawn):
    flat = np.zeros((4, 6, 3), np.uint8)
    mask = np.zeros((4, 6), np.uint8)
    tall = drawn(1, image=flat.reshape(6, 4, 3), mask=mask.T, prediction=mask.T)
    assert drawn(1, image=flat, mask=mask, prediction=mask).photo_id != tall.photo_id


def test_a_correction_copies_its_arrays(drawn):
    mask = drawn(1).mask.copy()
    correction = drawn(1, mask=mask)
    mask[:] = 0
    assert correction.mask.max() > 0
    with pytest.raises(ValueError, match="read-only"):
        correction.mask[0, 0] = 1


def test_a_pil_photo_is_taken_as_rgb_pixels(drawn):
    gray = Image.fromarray(np.full((24, 32), 7, np.uint8))
    assert drawn(1, image=gray).image[0, 0].tolist() == [7, 7, 7]


def test_numbers_come_from_the_masks(drawn):
    correction = drawn(1)
    assert correction.changed_pixels == 6 * 16
    assert correction.areas_before[16] == 0
    assert correction.areas_after[16] == 6 * 16
    assert sum(correction.areas_after) == 24 * 32


@pytest.mark.parametrize(
    ("fields", "error", "sentence"),
    [
        ({"mask": np.zeros((2, 2), np.uint8)}, CorrectionError, "mask is 2 x 2 pixels"),
        ({"mask": np.full((24, 32), 19, np.uint8)}, LabelError, "id 19 is not a class"),
        ({"mask": np.zeros((24, 32))}, LabelError, "expected a uint8 mask"),
        ({"image": np.zeros((24, 32), np.uint8)}, CorrectionError, "a photo is uint8"),
        ({"contributor": "../else"}, CorrectionError, "is not an account name"),
        ({"source": "x" * 501}, CorrectionError, "at most 500 characters"),
        ({"source": "\ud800"}, CorrectionError, "control character"),
        ({"source": "a\0b"}, CorrectionError, "control character"),
        ({"source": "\x1b[2J"}, CorrectionError, "control character"),
        ({"contributor": ["ada"]}, CorrectionError, "is not an account name"),
        ({"app_version": "\udfff"}, CorrectionError, "the version of the app"),
        ({"created_at": datetime(2026, 1, 1)}, CorrectionError, "needs a time zone"),
    ],
)
def test_invalid_fields_of_a_correction_are_refused(drawn, fields, error, sentence):
    with pytest.raises(error, match=sentence):
        drawn(1, **fields)


def test_times_are_kept_in_utc_and_milliseconds(drawn):
    local = datetime(2026, 1, 1, 2, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert drawn(1, created_at=local).created_at == datetime(
        2026, 1, 1, 0, 0, 0, 123000, tzinfo=UTC
    )


def test_plausible_claims_of_the_editor_are_kept():
    claim = {"seconds": 12.5, "tools": {"fill": 2, "brush": 3, "X": 1, "a b": 1, "pick": "many"}}
    assert Effort.claimed(claim) == Effort(12.5, (("brush", 3), ("fill", 2)))
    claim = {"tools": {"brush": True, "fill": 1.0, "wand": [1], "lasso": 2}}
    assert Effort.claimed(claim) == Effort(0.0, (("lasso", 2),))
    for seconds in (float("nan"), -1, 1e9, "long", None, True, [1]):
        assert Effort.claimed({"seconds": seconds, "tools": None}) == Effort()


def test_a_photo_that_is_one_line_is_refused(drawn):
    line = np.zeros((1, 20_000), np.uint8)
    with pytest.raises(CorrectionError, match="sides have at most 16384 pixels"):
        drawn(1, image=np.zeros((1, 20_000, 3), np.uint8), mask=line, prediction=line)


@pytest.mark.parametrize("tools", [(("brush", True),), (("brush", 1.5),), (("a b", 1),)])
def test_an_effort_has_names_and_whole_counts(tools):
    with pytest.raises(CorrectionError, match="a tool has a name and a count"):
        Effort(1.0, tools)


def test_a_model_has_a_name():
    with pytest.raises(CorrectionError, match="name the model"):
        ModelUsed(" ")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"right": ""}, "why you may share this photo"),
        ({"people": "dunno"}, "the people in it agree"),
        ({"right": "licensed"}, "name the license that lets you share"),
        ({"license": ""}, "needs a license"),
        ({"photo_license": "x" * 201}, "at most 200 characters"),
        ({"photo_license": "\ud800"}, "without control characters"),
        ({"right": ["own"]}, "a statement is a text"),
        ({"license": True}, "a statement is a text"),
    ],
)
def test_incomplete_consent_is_refused(fields, sentence):
    with pytest.raises(ConsentError, match=sentence):
        Consent(**{"right": "own", "people": "agreed", **fields})


def test_corrections_are_compared_by_identity_not_by_arrays(drawn):
    assert isinstance(drawn(1), Correction)
    assert drawn(1) != drawn(1)
