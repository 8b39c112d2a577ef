"""Scores have the values that counting by hand gives, on 4 x 4 masks."""

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest

from segface_hf.errors import DataError
from segface_hf.evaluation.bootstrap import differences, intervals, resampled
from segface_hf.evaluation.boundary import BoundaryCounts, boundary_counts, outline
from segface_hf.evaluation.groups import group_scores, read_groups
from segface_hf.evaluation.present import html_report, summary
from segface_hf.evaluation.report import Measured, report
from segface_hf.evaluation.scores import Scores, TreeScores, confusion_matrix, number
from segface_hf.labels import CELEBAMASK_HQ, IGNORED, LabelSchema

SCHEMA = LabelSchema(
    name="toy",
    names=("background", "l_eye", "r_eye", "hat"),
    colors=((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)),
    mirror_pairs=((1, 2),),
    families=(("eye", (1, 2)),),
)
MASK = np.array([[0, 0, 0, 0], [0, 2, 1, 0], [0, 2, 1, 0], [3, 3, 3, 3]], np.uint8)
GUESS = np.array([[0, 0, 0, 0], [0, 2, 1, 0], [0, 1, 1, 0], [3, 3, 0, 0]], np.uint8)


def scores():
    return Scores(confusion_matrix(MASK, GUESS, 4), SCHEMA, (1, 1, 1, 1))


def test_the_confusion_matrix_counts_true_classes_in_rows():
    expected = [[8, 0, 0, 0], [0, 2, 0, 0], [0, 1, 1, 0], [2, 0, 0, 2]]
    assert confusion_matrix(MASK, GUESS, 4).tolist() == expected


def test_f1_iou_precision_and_recall_follow_their_formulas():
    result = scores()
    assert result.f1.tolist() == pytest.approx([16 / 18, 4 / 5, 2 / 3, 4 / 6])
    assert result.iou.tolist() == pytest.approx([8 / 10, 2 / 3, 1 / 2, 2 / 4])
    assert result.precision.tolist() == pytest.approx([8 / 10, 2 / 3, 1, 1])
    assert result.recall.tolist() == pytest.approx([1, 1, 1 / 2, 2 / 4])


def test_means_leave_out_the_background():
    result = scores()
    assert result.mean_f1() == pytest.approx((4 / 5 + 2 / 3 + 4 / 6) / 3)
    assert result.tail_f1() == pytest.approx(4 / 6)
    assert result.accuracy() == pytest.approx(13 / 16)


def test_the_published_metric_adds_pixels_up_before_it_divides():
    empty = np.zeros((4, 4), np.uint8)
    total = confusion_matrix(MASK, GUESS, 4) + confusion_matrix(empty, np.full_like(empty, 3), 4)
    assert Scores(total, SCHEMA).f1[3] == pytest.approx(2 * 2 / (4 + 2 + 16))


def test_a_class_without_true_or_predicted_pixels_is_left_out_of_means():
    mask = np.array([[0, 1]], np.uint8)
    result = Scores(confusion_matrix(mask, mask, 4), SCHEMA)
    assert np.isnan(result.f1[3])
    assert result.mean_f1() == 1.0
    assert math.isnan(result.tail_f1())
    assert result.by_class()["hat"]["f1"] is None


def test_a_class_predicted_where_none_is_scores_zero():
    mask, guess = np.zeros((1, 2), np.uint8), np.array([[0, 3]], np.uint8)
    assert Scores(confusion_matrix(mask, guess, 4), SCHEMA).f1[3] == 0


def test_unknown_ids_and_unequal_sizes_are_refused():
    with pytest.raises(DataError, match="ids go from 0 to 3, got 7"):
        confusion_matrix(np.full((2, 2), 7, np.uint8), np.zeros((2, 2), np.uint8), 4)
    with pytest.raises(DataError, match="one size"):
        confusion_matrix(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 4)


def test_undefined_scores_become_null():
    assert number(float("nan")) is None
    assert number(0.123456789) == 0.12346


def test_an_outline_is_the_rim_of_a_region_but_not_the_photos_edge():
    region = np.zeros((5, 5), bool)
    region[1:4, 1:4] = True
    assert outline(region).sum() == 8
    assert outline(np.ones((4, 4), bool)).sum() == 0


def test_boundary_f1_forgives_one_pixel_and_no_more():
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 8:20] = 3
    near, far = np.roll(mask, 1, axis=1), np.roll(mask, 6, axis=1)
    perfect, close, apart = (
        BoundaryCounts(boundary_counts(mask, guess, 4)).f1[3] for guess in (mask, near, far)
    )
    assert perfect == 1
    assert close == 1
    assert apart < 0.75
    assert np.isnan(BoundaryCounts(boundary_counts(mask, mask, 4)).f1[1])


def test_predictions_on_unlabeled_pixels_are_not_counted():
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 8:20] = 3
    guess = mask.copy()
    guess[:, 16:] = 2
    mask[:, 16:] = IGNORED
    counts = confusion_matrix(mask, guess, 4)
    assert counts.sum() == 32 * 16
    assert Scores(counts, SCHEMA).f1[3] == 1
    outlines = boundary_counts(mask, guess, 4)
    assert BoundaryCounts(outlines).f1[3] == 1
    assert np.isnan(BoundaryCounts(outlines).f1[2])
    # Three sides of the square: where it meets the unknown is no outline.
    assert outlines[3, 0] == 7 + 7 + 10


def test_an_outline_next_to_unlabeled_pixels_may_match_and_need_not():
    mask = np.zeros((200, 200), np.uint8)
    mask[:, :100] = 3
    guess = np.roll(mask, 2, axis=1)
    guess[:, :2] = 3
    for gap in (101, 102, 150):
        seen = mask.copy()
        seen[:, gap:] = IGNORED
        f1 = BoundaryCounts(boundary_counts(seen, guess, 4, tolerance=0.01)).f1[3]
        assert np.isnan(f1) if gap < 104 else f1 == 1


def test_a_missing_class_has_boundary_f1_zero():
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 2:5] = 3
    assert BoundaryCounts(boundary_counts(mask, np.zeros_like(mask), 4)).f1[3] == 0


def test_the_right_family_counts_for_part():
    confusion = np.zeros((4, 4), np.int64)
    confusion[1, 2] = 10
    tree = TreeScores(confusion, SCHEMA)
    # Nodes: l_eye and eye against r_eye and eye; one of two is shared.
    assert tree.hierarchical_f1 == pytest.approx(0.5)
    assert tree.family_f1 == {"eye": 1.0}
    confusion[1, 2], confusion[1, 3] = 0, 10
    assert TreeScores(confusion, SCHEMA).hierarchical_f1 == 0


def test_left_right_confusion_is_the_share_of_swapped_pixels():
    confusion = scores().confusion
    assert TreeScores(confusion, SCHEMA).left_right == {"l_eye / r_eye": 0.25}
    # What is taken for no side, or is of none, is another mistake.
    confusion[1, 3] = confusion[0, 2] = 50
    assert TreeScores(confusion, SCHEMA).left_right == {"l_eye / r_eye": 0.25}


def test_resampling_equal_photos_gives_intervals_of_no_width():
    confusions = np.stack([scores().confusion] * 5)
    bounds = intervals(confusions, SCHEMA, rounds=50)
    assert bounds["mean_f1"] == pytest.approx([scores().mean_f1()] * 2)
    assert (resampled(confusions, rounds=3).sum((1, 2)) == 5 * 16).all()


def test_intervals_hold_the_score_and_widen_with_disagreement():
    other = confusion_matrix(MASK, np.zeros_like(MASK), 4)
    confusions = np.stack([scores().confusion, other] * 10)
    low, high = intervals(confusions, SCHEMA, rounds=200)["mean_f1"]
    assert low < Scores(confusions.sum(0), SCHEMA).mean_f1() < high


def test_the_difference_of_two_models_is_taken_on_the_same_photos():
    good, bad = np.stack([np.eye(4, dtype=np.int64)] * 4), np.stack([scores().confusion] * 4)
    value, (low, high) = differences(good, bad, SCHEMA, rounds=20)["mean_f1"]
    assert value == pytest.approx(1 - scores().mean_f1())
    assert (low, high) == pytest.approx((value, value))


def test_a_difference_that_a_few_photos_decide_has_an_interval_around_zero():
    perfect, poor = np.eye(4, dtype=np.int64) * 20, scores().confusion
    first, second = np.stack([perfect, poor] * 3), np.stack([poor, perfect] * 3)
    value, (low, high) = differences(first, second, SCHEMA, rounds=200)["mean_f1"]
    assert value == pytest.approx(0)
    assert low < 0 < high


def test_models_that_saw_different_photos_are_not_compared():
    with pytest.raises(DataError, match=r"2 and 3 photos .* same photos"):
        differences(np.zeros((2, 4, 4), int), np.zeros((3, 4, 4), int), SCHEMA)


def test_groups_are_scored_apart_and_small_ones_are_marked(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("stem,light\na,dark\nb,bright\n")
    other = confusion_matrix(MASK, MASK, 4)
    table = group_scores(
        ("a", "b"), np.stack([scores().confusion, other]), SCHEMA, read_groups(path)
    )
    assert table["light"]["bright"]["mean_f1"] == 1.0
    assert table["light"]["dark"]["mean_f1"] == number(scores().mean_f1())
    assert table["light"]["dark"]["few_photos"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a header"),
        ("name,light\na,dark\n", "needs a header"),
        ("stem\na\n", "at least one more column"),
        ("stem,light\na,dark\na,dark\n", "more than once"),
    ],
)
def test_a_groups_file_that_cannot_be_used_is_named(tmp_path, text, message):
    path = tmp_path / "groups.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_groups(path)


def test_a_groups_file_of_a_whole_dataset_is_read_in_seconds(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("stem,light\n" + "".join(f"photo{n},dark\n" for n in range(30_000)))
    began = time.process_time()
    assert len(read_groups(path)["light"]) == 30_000
    assert time.process_time() - began < 5  # of this process alone: a busy machine slows no test


def measured():
    other = confusion_matrix(MASK, MASK, 4)
    outlines = np.stack([boundary_counts(MASK, g, 4) for g in (GUESS, MASK)])
    confusions = np.stack([scores().confusion, other])
    return Measured(("bad", "good"), confusions, SCHEMA, outlines)


def test_the_report_is_plain_json_with_the_worst_photo_first():
    values = json.loads(json.dumps(report(measured(), rounds=20)))
    assert values["photos"] == 2
    assert [row["stem"] for row in values["worst_photos"]] == ["bad", "good"]
    assert values["classes"]["hat"]["images"] == 2
    low, high = values["classes"]["hat"]["f1_95"]
    assert low <= values["classes"]["hat"]["f1"] <= high
    assert 0 < values["mean_boundary_f1"] <= 1


def test_masks_with_swapped_sides_are_counted_and_scored_without():
    with_one = replace(measured(), swapped=(True, False))
    values = report(with_one, rounds=0)
    assert values["swapped_masks"] == {"count": 1, "mean_f1_without_them": 1.0}
    assert "swapped_masks" not in report(measured(), rounds=0)


def test_the_summary_shows_mixed_up_sides_and_every_group():
    groups = {"light": {"bad": "dark", "good": "bright"}}
    lines = list(summary(report(measured(), rounds=0, groups=groups)))
    assert "left and right mixed up: l_eye / r_eye 0.1250" in lines
    bright = "light bright: mean_f1 1.0000, tail_f1 1.0000 in 1 photo (few: uncertain)"
    assert bright in lines
    assert sum(line.startswith("light dark: mean_f1 0.7111") for line in lines) == 1


def test_the_page_shows_every_class_and_escapes_names():
    page = html_report(report(measured(), rounds=0), title="<model> & data")
    assert "&lt;model&gt; &amp; data" in page
    assert "<model>" not in page
    assert all(f"<td>{name}</td>" in page for name in SCHEMA.names)


def test_the_page_opens_with_the_mean_boundary_f1_where_outlines_were_compared():
    values = report(measured(), rounds=0)
    page = html_report(values, title="model")
    assert f"mean boundary F1 {values['mean_boundary_f1']:.3f}" in page
    without = report(replace(measured(), boundaries=None), rounds=0)
    assert "mean boundary F1" not in html_report(without, title="model")


def test_the_class_tree_covers_every_celebamask_part_that_has_a_twin():
    in_families = {index for _, ids in CELEBAMASK_HQ.families for index in ids}
    assert {i for pair in CELEBAMASK_HQ.mirror_pairs for i in pair} <= in_families
