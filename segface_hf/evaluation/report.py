"""The evaluation report: every score of a model on a data folder, as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segface_hf.evaluation.bootstrap import differences, intervals
from segface_hf.evaluation.boundary import BoundaryCounts
from segface_hf.evaluation.groups import group_scores
from segface_hf.evaluation.scores import Scores, TreeScores, number, row_means
from segface_hf.labels import LabelSchema


@dataclass(frozen=True)
class Measured:
    """The counts of every photo.

    Attributes:
        stems: N names.
        confusions: int64 (N, K, K).
        boundaries: int64 (N, K, 4), or None where outlines were not compared.
        schema: What ids stand for.
        swapped: N flags of masks whose left and right seem to be swapped, or none.
        crops: How many of them are aligned crops of one face; the others are whole photos.
    """

    stems: tuple[str, ...]
    confusions: np.ndarray
    schema: LabelSchema
    boundaries: np.ndarray | None = None
    swapped: tuple[bool, ...] = ()
    crops: int = 0

    @property
    def scores(self) -> Scores:
        """Scores of all photos together."""
        images_with = (self.confusions.sum(-1) > 0).sum(0)
        return Scores(
            self.confusions.sum(0), self.schema, tuple(int(count) for count in images_with)
        )

    def photo_f1(self) -> np.ndarray:
        """Returns (N,): each photo's mean F1 over the classes but background that its mask has.

        NaN if the mask has none; such a photo has no score and is never the worst.
        """
        return row_means(Scores(self.confusions, self.schema).held_f1[:, 1:])

    def worst(self, count: int) -> tuple[int, ...]:
        """Returns the positions of the photos with the lowest mean F1, worst first.

        Those without a score come last.
        """
        return tuple(int(i) for i in np.argsort(self.photo_f1(), kind="stable")[:count])


def report(
    measured: Measured,
    *,
    rounds: int = 1000,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    worst: int = 10,
) -> dict[str, Any]:
    """Collects every score.

    Args:
        measured: Counts of every photo.
        rounds: Bootstrap resamplings; 0 leaves intervals out.
        groups: What `groups.read_groups` returned.
        worst: How many of the worst photos to list.

    Returns:
        Plain values; undefined scores are None.
    """
    scores, tree = measured.scores, TreeScores(measured.confusions.sum(0), measured.schema)
    result: dict[str, Any] = {
        "photos": len(measured.stems),
        "aligned_crops": measured.crops,
        "metric": "F1 from one confusion matrix over all pixels; means leave out the background",
        "mean_f1": number(scores.mean_f1()),
        "mean_iou": number(scores.mean_iou()),
        "tail_f1": number(scores.tail_f1()),
        "pixel_accuracy": number(scores.accuracy()),
        "hierarchical_f1": number(tree.hierarchical_f1),
        "families": {name: number(value) for name, value in tree.family_f1.items()},
        "left_right_confusion": {name: number(v) for name, v in tree.left_right.items()},
        "classes": scores.by_class(),
    }
    if measured.boundaries is not None:
        _add_boundaries(result, measured.boundaries)
    if rounds:
        _add_intervals(result, measured, rounds)
    if groups:
        result["groups"] = group_scores(
            measured.stems, measured.confusions, measured.schema, groups
        )
    if any(measured.swapped):
        result["swapped_masks"] = _without_swapped(measured)
    result["worst_photos"] = _worst(measured, worst)
    return result


def compare(measured: Measured, other: Measured, *, rounds: int = 1000) -> dict[str, Any]:
    """Compares a model with another on the same photos, as plain values.

    Returns:
        `mean_f1`, `tail_f1` and every class -> `difference` and `difference_95`; means over the
        classes that the masks hold.
    """
    found = differences(measured.confusions, other.confusions, measured.schema, rounds=rounds)
    return {
        name: {"difference": number(value), "difference_95": [number(bound) for bound in bounds]}
        for name, (value, bounds) in found.items()
    }


def _without_swapped(measured: Measured) -> dict[str, Any]:
    """The score without masks that have swapped sides, which lower the score of a correct model."""
    kept = [not wrong for wrong in measured.swapped]
    scores = Scores(measured.confusions[kept].sum(0), measured.schema)
    return {"count": sum(measured.swapped), "mean_f1_without_them": number(scores.mean_f1())}


def _add_boundaries(result: dict[str, Any], counts: np.ndarray) -> None:
    values = BoundaryCounts(counts.sum(0)).f1
    for row, value in zip(result["classes"].values(), values, strict=True):
        row["boundary_f1"] = number(value)
    defined = values[1:][~np.isnan(values[1:])]
    result["mean_boundary_f1"] = number(float(defined.mean())) if len(defined) else None


def _add_intervals(result: dict[str, Any], measured: Measured, rounds: int) -> None:
    bounds = intervals(measured.confusions, measured.schema, rounds=rounds)
    result["bootstrap_rounds"] = rounds
    for key in ("mean_f1", "tail_f1"):
        result[f"{key}_95"] = [number(bound) for bound in bounds[key]]
    for name, row in result["classes"].items():
        row["f1_95"] = [number(bound) for bound in bounds[name]]


def _worst(measured: Measured, count: int) -> Sequence[dict[str, Any]]:
    f1 = measured.photo_f1()
    return [{"stem": measured.stems[i], "mean_f1": number(f1[i])} for i in measured.worst(count)]
