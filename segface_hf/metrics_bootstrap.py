"""Bootstrap intervals: how far scores would move with other photos of the same kind."""

from __future__ import annotations

import numpy as np

from segface_hf.errors import DataError
from segface_hf.labels import LabelSchema
from segface_hf.metrics import Scores

Interval = tuple[float, float]


def resampled(confusions: np.ndarray, *, rounds: int, seed: int = 0) -> np.ndarray:
    """Draws photos with replacement and adds their confusion matrices.

    Args:
        confusions: int64 (N, K, K), one matrix a photo.
        rounds: How many draws of N photos.
        seed: Of the draws.

    Returns:
        int64 (rounds, K, K).

    Raises:
        DataError: There are no photos.
    """
    count = len(confusions)
    if count == 0:
        raise DataError("no photos to draw from: evaluate at least one")
    random = np.random.default_rng(seed)
    draws = random.multinomial(count, np.full(count, 1 / count), size=rounds)
    flat = confusions.reshape(count, -1).astype(np.float64)
    return (draws @ flat).round().astype(np.int64).reshape(rounds, *confusions.shape[1:])


def intervals(
    confusions: np.ndarray, schema: LabelSchema, *, rounds: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """Returns 95 % intervals of the mean F1, the tail mean and every class's F1.

    Args:
        confusions: int64 (N, K, K), one matrix a photo.
        schema: Names the classes.
        rounds: How many resamplings.
        seed: Of the draws.
    """
    f1 = Scores(resampled(confusions, rounds=rounds, seed=seed), schema).f1
    parts = {"mean_f1": list(range(1, schema.num_classes)), "tail_f1": list(schema.tail)}
    result = {name: percentiles(_row_means(f1[:, ids])) for name, ids in parts.items()}
    for index, name in enumerate(schema.names):
        result[name] = percentiles(f1[:, index])
    return result


def _row_means(values: np.ndarray) -> np.ndarray:
    """Means of the defined values of each row, NaN where there are none."""
    defined = ~np.isnan(values)
    counts = defined.sum(1)
    sums = np.where(defined, values, 0).sum(1)
    return np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)


def percentiles(values: np.ndarray) -> Interval:
    """Returns the 2.5th and 97.5th percentile of the defined values, NaN where there are none."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def differences(
    first: np.ndarray, second: np.ndarray, schema: LabelSchema, *, rounds: int = 1000, seed: int = 0
) -> dict[str, tuple[float, Interval]]:
    """Compares two models on the same photos: first minus second, and how sure that is.

    Args:
        first: int64 (N, K, K), one model's matrices.
        second: int64 (N, K, K), the other's on the same photos, in the same order.
        schema: Names the classes.
        rounds: How many resamplings; both models get the same draws.
        seed: Of the draws.

    Returns:
        `mean_f1`, `tail_f1` and every class -> the difference in F1 and its 95 % interval. An
        interval that holds zero says that other photos could turn the order round.

    Raises:
        DataError: There are no photos, or not equally many.
    """
    if len(first) != len(second):
        raise DataError(
            f"{len(first)} and {len(second)} photos can't be compared in pairs: "
            "evaluate both models on the same photos"
        )
    parts = {"mean_f1": list(range(1, schema.num_classes)), "tail_f1": list(schema.tail)}
    parts |= {name: [index] for index, name in enumerate(schema.names)}
    drawn, whole = (
        [Scores(counts(c), schema).f1 for c in (first, second)]
        for counts in (lambda c: resampled(c, rounds=rounds, seed=seed), lambda c: c.sum(0)[None])
    )
    return {
        name: (
            float((_row_means(whole[0][:, ids]) - _row_means(whole[1][:, ids]))[0]),
            percentiles(_row_means(drawn[0][:, ids]) - _row_means(drawn[1][:, ids])),
        )
        for name, ids in parts.items()
    }
