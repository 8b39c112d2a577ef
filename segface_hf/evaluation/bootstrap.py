"""Bootstrap intervals: how much scores would vary with other photos of the same kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segface_hf.errors import DataError
from segface_hf.evaluation.scores import Scores, row_means
from segface_hf.labels import LabelSchema

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
    result = {name: percentiles(row_means(f1[:, ids])) for name, ids in parts.items()}
    for index, name in enumerate(schema.names):
        result[name] = percentiles(f1[:, index])
    return result


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
        interval that contains zero means that other photos could reverse the order. Means are
        over the classes that the masks contain, for both models and in every draw.

    Raises:
        DataError: There are no photos, or not equally many.
    """
    if len(first) != len(second):
        raise DataError(
            f"{len(first)} and {len(second)} photos can't be compared in pairs: "
            "evaluate both models on the same photos"
        )
    held = first.sum((0, 2)) > 0
    whole, drawn = (
        [Scores(counts(c), schema).f1 for c in (first, second)]
        for counts in (lambda c: c.sum(0)[None], lambda c: resampled(c, rounds=rounds, seed=seed))
    )
    values, draws = _apart(whole, held, schema), _apart(drawn, held, schema)
    return {name: (float(values[name][0]), percentiles(draws[name])) for name in values}


def _apart(
    f1: Sequence[np.ndarray], held: np.ndarray, schema: LabelSchema
) -> dict[str, np.ndarray]:
    """Differences of two models' means and class scores in each set of photos, (sets,)."""
    parts = {"mean_f1": range(1, schema.num_classes), "tail_f1": schema.tail}
    kept = {name: [index for index in ids if held[index]] for name, ids in parts.items()}
    # A draw may contain no photo of a class: it is 0 for both models then, even with stray pixels.
    first, second = (np.nan_to_num(values) for values in f1)
    means = {
        name: row_means(first[:, ids]) - row_means(second[:, ids]) for name, ids in kept.items()
    }
    return means | dict(zip(schema.names, (f1[0] - f1[1]).T, strict=True))
