"""Boundary F1: how closely predicted outlines follow true ones, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from segface_hf.evaluation.scores import ratio
from segface_hf.labels import IGNORED

TOLERANCE = 0.003


@dataclass(frozen=True)
class BoundaryCounts:
    """Outline pixels of each class, added up over photos.

    Attributes:
        counts: int64 (..., K, 4): true outline pixels, those with a predicted one nearby,
            predicted outline pixels, those with a true one nearby.
    """

    counts: np.ndarray

    @property
    def f1(self) -> np.ndarray:
        """Boundary F1 of each class (Csurka et al., BMVC 2013), NaN without an outline."""
        true, found, predicted, right = np.moveaxis(self.counts, -1, 0)
        recall, precision = ratio(found, true), ratio(right, predicted)
        recall, precision = np.where(true > 0, recall, 0), np.where(predicted > 0, precision, 0)
        f1 = ratio(2 * recall * precision, np.maximum(recall + precision, 1e-12))
        return np.where(true + predicted > 0, f1, np.nan)


def boundary_counts(
    mask: np.ndarray, prediction: np.ndarray, num_classes: int, *, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Counts outline pixels that have their counterpart nearby.

    Args:
        mask: uint8 (H, W) of true ids; what is predicted on `IGNORED` pixels doesn't count.
        prediction: uint8 (H, W) of predicted ids.
        num_classes: K.
        tolerance: Distance that still counts as near, in diagonals of the photo; at least a pixel.

    Returns:
        int64 (K, 4), as `BoundaryCounts` holds them.
    """
    prediction = np.where(mask == IGNORED, IGNORED, prediction)
    reach = max(1, round(tolerance * float(np.hypot(*mask.shape))))
    # Next to unlabeled pixels the true outline is unknown: an outline there may match another
    # one, but does not need a match itself.
    certain = ~_dilated(mask == IGNORED, reach)
    counts = np.zeros((num_classes, 4), dtype=np.int64)
    held = np.bincount(np.concatenate([mask.ravel(), prediction.ravel()]))[:num_classes]
    for index in np.flatnonzero(held):
        window = _window(mask, prediction, int(index), margin=reach + 1)
        true, guess = outline(mask[window] == index), outline(prediction[window] == index)
        near_true, near_guess = _dilated(true, reach), _dilated(guess, reach)
        true, guess = true & certain[window], guess & certain[window]
        counts[index] = (
            true.sum(),
            (true & near_guess).sum(),
            guess.sum(),
            (guess & near_true).sum(),
        )
    return counts


def outline(region: np.ndarray) -> np.ndarray:
    """Returns the pixels of a region that touch its outside; the photo's edge doesn't count."""
    padded = np.pad(region, 1, mode="edge")
    return region & ~ndimage.binary_erosion(padded)[1:-1, 1:-1]


def _dilated(lines: np.ndarray, reach: int) -> np.ndarray:
    if not lines.any():
        return lines
    near: np.ndarray = ndimage.distance_transform_edt(~lines) <= reach
    return near


def _window(
    mask: np.ndarray, prediction: np.ndarray, index: int, *, margin: int
) -> tuple[slice, slice]:
    """The part of the photo around one class, so that small parts cost little."""
    rows, columns = np.nonzero((mask == index) | (prediction == index))
    top, left = max(0, rows.min() - margin), max(0, columns.min() - margin)
    return slice(top, rows.max() + margin + 1), slice(left, columns.max() + margin + 1)
