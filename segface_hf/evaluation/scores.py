"""Scores from one confusion matrix over all pixels: F1, IoU, precision, recall, class tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segface_hf.errors import DataError
from segface_hf.labels import IGNORED, LabelSchema


def confusion_matrix(mask: np.ndarray, prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts pixels by true class (rows) and predicted class (columns).

    Args:
        mask: uint8 (H, W) of true ids; `IGNORED` pixels aren't counted.
        prediction: uint8 (H, W) of predicted ids.
        num_classes: K.

    Returns:
        int64 (K, K).

    Raises:
        DataError: The sizes differ, or an id is K or more.
    """
    if mask.shape != prediction.shape:
        raise DataError(
            f"mask and prediction must have one size, got {mask.shape} and {prediction.shape}"
        )
    known = mask != IGNORED
    mask, prediction = mask[known], prediction[known]
    largest = max(int(mask.max(initial=0)), int(prediction.max(initial=0)))
    if largest >= num_classes:
        raise DataError(f"ids go from 0 to {num_classes - 1}, got {largest}")
    joint = mask.astype(np.int64) * num_classes + prediction
    counts = np.bincount(joint.ravel(), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides; NaN where the divisor is 0, because the score is undefined and not zero."""
    whole = np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


@dataclass(frozen=True)
class Scores:
    """Scores of a set of masks.

    A class that neither the masks nor the predictions hold has no score: NaN here, null in JSON,
    and it is left out of means.

    Attributes:
        confusion: int64 (K, K), or (..., K, K) for several sets; rows are true classes.
        schema: What the ids stand for.
        images_with: Photos whose mask holds each class, (K,).

    Example:
        >>> Scores(confusion_matrix(mask, prediction, 19), CELEBAMASK_HQ).mean_f1
    """

    confusion: np.ndarray
    schema: LabelSchema
    images_with: tuple[int, ...] = ()

    @property
    def _hits(self) -> np.ndarray:
        return np.diagonal(self.confusion, axis1=-2, axis2=-1).astype(np.float64)

    @property
    def _true(self) -> np.ndarray:
        return self.confusion.sum(-1)

    @property
    def _predicted(self) -> np.ndarray:
        return self.confusion.sum(-2)

    @property
    def f1(self) -> np.ndarray:
        """F1 of each class over all pixels, (..., K)."""
        return ratio(2 * self._hits, self._true + self._predicted)

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of each class over all pixels, (..., K)."""
        return ratio(self._hits, self._true + self._predicted - self._hits)

    @property
    def precision(self) -> np.ndarray:
        """Share of the pixels predicted as a class that are of it, (..., K)."""
        return ratio(self._hits, self._predicted)

    @property
    def recall(self) -> np.ndarray:
        """Share of the pixels of a class that were predicted as it, (..., K)."""
        return ratio(self._hits, self._true)

    @property
    def held_f1(self) -> np.ndarray:
        """F1 of each class that the masks hold, NaN for others, (..., K).

        Means that are compared use it. Otherwise one stray pixel of a class that no mask contains
        would count as a whole class in one of two means only.
        """
        return np.where(self._true > 0, self.f1, np.nan)

    def mean_f1(self) -> float:
        """The published metric: mean F1 over all classes but the background."""
        return mean_over(self.f1, range(1, self.schema.num_classes))

    def mean_held_f1(self) -> float:
        """Mean F1 over the classes but background that the masks hold, to compare with others."""
        return mean_over(self.held_f1, range(1, self.schema.num_classes))

    def mean_iou(self) -> float:
        """Mean IoU over all classes but the background."""
        return mean_over(self.iou, range(1, self.schema.num_classes))

    def tail_f1(self) -> float:
        """Mean F1 over the rare accessories."""
        return mean_over(self.f1, self.schema.tail)

    def accuracy(self) -> float:
        """Share of all pixels with the right class."""
        return float(self._hits.sum() / max(1, self.confusion.sum()))

    def by_class(self) -> dict[str, dict[str, Any]]:
        """Returns every class's scores by name, undefined ones as None."""
        columns = {
            "f1": self.f1,
            "iou": self.iou,
            "precision": self.precision,
            "recall": self.recall,
        }
        table: dict[str, dict[str, Any]] = {}
        for index, name in enumerate(self.schema.names):
            row: dict[str, Any] = {key: number(values[index]) for key, values in columns.items()}
            row["pixels"] = int(self._true[index])
            row["predicted_pixels"] = int(self._predicted[index])
            if self.images_with:
                row["images"] = self.images_with[index]
            table[name] = row
        return table


def mean_over(values: np.ndarray, ids: Sequence[int]) -> float:
    """Returns the mean of the defined values at these ids, NaN where there are none."""
    chosen = np.asarray(values)[list(ids)] if len(ids) else np.array([])
    defined = chosen[~np.isnan(chosen)]
    return float(defined.mean()) if len(defined) else float("nan")


def row_means(values: np.ndarray) -> np.ndarray:
    """Returns the means of the defined values of each row, (N, K) -> (N,), NaN where none is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(1), defined.sum(1))


def number(value: float) -> float | None:
    """Rounds a score for JSON, NaN as None."""
    return None if np.isnan(value) else round(float(value), 5)


def ancestry(schema: LabelSchema) -> np.ndarray:
    """Returns bool (K, K + families): each class's own node and the families it belongs to.

    The background has no node, because it is not a part of a face.
    """
    nodes = np.zeros((schema.num_classes, schema.num_classes + len(schema.families)), dtype=bool)
    for index in range(1, schema.num_classes):
        nodes[index, index] = True
    for offset, (_, members) in enumerate(schema.families):
        nodes[list(members), schema.num_classes + offset] = True
    return nodes


@dataclass(frozen=True)
class TreeScores:
    """Hierarchical precision, recall and F1 (Kiritchenko et al., 2006) over all pixels.

    A pixel's true class and its families are compared with the predicted ones: a right eye taken
    for a left one is right about `face` and `eye`, wrong about the class.

    Attributes:
        confusion: int64 (K, K), rows are true classes.
        schema: Holds the families.
    """

    confusion: np.ndarray
    schema: LabelSchema

    @property
    def hierarchical_f1(self) -> float:
        """F1 over all nodes of the tree, weighted by pixels."""
        nodes = ancestry(self.schema).astype(np.float64)
        shared = (self.confusion * (nodes @ nodes.T)).sum()
        true = (self.confusion.sum(1) * nodes.sum(1)).sum()
        predicted = (self.confusion.sum(0) * nodes.sum(1)).sum()
        return float(ratio(np.array(2 * shared), np.array(true + predicted)))

    @property
    def family_f1(self) -> dict[str, float]:
        """F1 of each family, its members taken as one class."""
        scores = {}
        for name, members in self.schema.families:
            ids = list(members)
            hits = self.confusion[np.ix_(ids, ids)].sum()
            total = self.confusion[ids].sum() + self.confusion[:, ids].sum()
            scores[name] = float(ratio(np.array(2 * hits), np.array(total)))
        return scores

    @property
    def left_right(self) -> dict[str, float]:
        """For each mirror pair, the share of its pixels that got the other side's class.

        Only pixels count whose true and predicted class are both in the pair.
        """
        shares = {}
        for a, b in self.schema.mirror_pairs:
            block = self.confusion[np.ix_([a, b], [a, b])]
            name = f"{self.schema.names[a]} / {self.schema.names[b]}"
            shares[name] = float(ratio(np.array(block[0, 1] + block[1, 0]), np.array(block.sum())))
        return shares
