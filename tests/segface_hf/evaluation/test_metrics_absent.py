"""Classes without true pixels are left out of comparisons, and reported if they are predicted."""

import json
import math

import numpy as np
import pytest

from segface_hf.evaluation.bootstrap import differences
from segface_hf.evaluation.present import caption, summary
from segface_hf.evaluation.report import Measured, compare, report
from segface_hf.evaluation.scores import Scores
from segface_hf.labels import LabelSchema

SCHEMA = LabelSchema(
    name="toy",
    names=("background", "skin", "hat", "necklace"),
    colors=((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)),
)
PERFECT = np.diag([40, 30, 30, 0])
STRAY = PERFECT.copy()
STRAY[1, 1:] = 29, 0, 1


def measured(*confusions):
    return Measured(
        tuple(f"photo{n}" for n in range(len(confusions))), np.stack(confusions), SCHEMA
    )


def test_one_stray_pixel_is_a_zero_in_the_published_mean_and_not_in_a_comparison():
    stray, perfect = (Scores(matrix, SCHEMA) for matrix in (STRAY, PERFECT))
    assert (perfect.mean_f1(), perfect.mean_held_f1()) == (1.0, 1.0)
    assert stray.mean_f1() == pytest.approx((58 / 59 + 1 + 0) / 3)
    assert stray.mean_held_f1() == pytest.approx((58 / 59 + 1) / 2)
    found = differences(np.stack([PERFECT] * 3), np.stack([STRAY] * 3), SCHEMA, rounds=10)
    value, bounds = found["mean_f1"]
    assert value == pytest.approx(1 / 59 / 2)
    assert bounds == pytest.approx((value, value))
    assert found["tail_f1"][0] == 0


def test_stray_pixels_do_not_widen_the_interval_of_a_class_in_few_photos():
    worn = np.diag([40, 30, 20, 10])
    ours, theirs = np.stack([worn] + [STRAY] * 3), np.stack([worn] + [PERFECT] * 3)
    _, (low, high) = differences(ours, theirs, SCHEMA, rounds=200)["mean_f1"]
    # Of three classes one lacks a pixel of 30, and necklace has three false ones where it is.
    assert -0.1 < low <= high <= 0


def test_where_the_masks_hold_every_class_a_comparison_is_the_difference_of_the_scores():
    random = np.random.default_rng(0)
    ours, theirs = (random.integers(1, 50, (9, 4, 4)) for _ in range(2))
    scores = [Scores(matrices.sum(0), SCHEMA) for matrices in (ours, theirs)]
    found = differences(ours, theirs, SCHEMA, rounds=10)
    assert found["mean_f1"][0] == pytest.approx(scores[0].mean_f1() - scores[1].mean_f1())
    assert found["tail_f1"][0] == pytest.approx(scores[0].tail_f1() - scores[1].tail_f1())
    assert found["hat"][0] == pytest.approx(scores[0].f1[2] - scores[1].f1[2])


def test_a_comparison_where_no_mask_holds_a_class_has_no_value():
    empty = measured(np.diag([9, 0, 0, 0]))
    assert compare(empty, empty, rounds=3)["mean_f1"]["difference"] is None
    assert math.isnan(Scores(empty.confusions[0], SCHEMA).mean_held_f1())


@pytest.mark.parametrize(("pixels", "shown"), [(1, "1 pixel"), (1200, "1,200 pixels")])
def test_the_summary_shows_predicted_pixels_of_a_class_without_true_ones(pixels, shown):
    confusion = PERFECT * 1000
    confusion[1, 3] = pixels
    lines = list(summary(report(measured(confusion), rounds=0)))
    assert f"necklace     0.000  in 0 photos, but the model predicts {shown}" in lines
    assert sum("the model predicts" in line for line in lines) == 1
    assert not any("sees" in line for line in summary(report(measured(PERFECT), rounds=0)))


def test_a_photo_without_a_face_that_was_parsed_perfectly_is_not_the_worst():
    half = PERFECT.copy()
    half[1, :2] = 15, 15
    photos = measured(half, np.diag([100, 0, 0, 0]), PERFECT)
    rows = json.loads(json.dumps(report(photos, rounds=0)))["worst_photos"]
    assert [row["stem"] for row in rows] == ["photo0", "photo2", "photo1"]
    assert [row["mean_f1"] for row in rows] == [pytest.approx(5 / 6, abs=1e-5), 1.0, None]


def test_the_contact_sheet_marks_a_photo_without_a_face():
    f1 = measured(PERFECT, np.diag([64, 0, 0, 0])).photo_f1()
    captions = [caption("photo", value) for value in f1]
    assert captions == ["photo  mean F1 1.000", "photo  no part in its mask"]
