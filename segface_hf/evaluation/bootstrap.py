"""Bootstrap intervals: how much scores would vary with other photos of the same kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
    return sums(confusions, draw_counts(len(confusions), rounds=rounds, seed=seed))


def draw_counts(photos: int, *, rounds: int, seed: int = 0) -> np.ndarray:
    """Returns how often each photo is in each draw with replacement: int64 (rounds, photos).

    Raises:
        DataError: There are no photos.
    """
    if photos == 0:
        raise DataError("no photos to draw from: evaluate at least one")
    random = np.random.default_rng(seed)
    return random.multinomial(photos, np.full(photos, 1 / photos), size=rounds)


def sums(confusions: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Adds confusion matrices (N, K, K), each as often as the counts (sets, N) say."""
    flat = confusions.reshape(len(confusions), -1).astype(np.float64)
    summed = (counts @ flat).round().astype(np.int64)
    return summed.reshape(len(counts), *confusions.shape[1:])


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
    counts = draw_counts(len(first), rounds=rounds, seed=seed)
    parts = {"mean_f1": range(1, schema.num_classes), "tail_f1": schema.tail}
    values, draws = paired(first, second, schema, counts=counts, means=parts)
    return {name: (value, percentiles(draws[name])) for name, value in values.items()}


def paired(
    first: np.ndarray,
    second: np.ndarray,
    schema: LabelSchema,
    *,
    counts: np.ndarray,
    means: Mapping[str, Iterable[int]],
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Returns differences in F1, first minus second, over all photos and in every draw.

    Args:
        first: int64 (N, K, K), one model's matrices.
        second: int64 (N, K, K), the other's.
        schema: Names the classes.
        counts: int64 (rounds, N), how often each photo is in each draw.
        means: Name -> ids whose mean is compared; only classes that the masks hold count.

    Returns:
        Every name of `means` and every class -> its difference; and -> (rounds,) differences.
    """
    held = first.sum((0, 2)) > 0
    once = np.ones((1, len(first)), np.int64)
    values, draws = (
        _apart([Scores(sums(c, n), schema).f1 for c in (first, second)], held, schema, means)
        for n in (once, counts)
    )
    return {name: float(value[0]) for name, value in values.items()}, draws


def _apart(
    f1: Sequence[np.ndarray],
    held: np.ndarray,
    schema: LabelSchema,
    means: Mapping[str, Iterable[int]],
) -> dict[str, np.ndarray]:
    """Returns differences of two models' means and class scores in each set of photos, (sets,)."""
    kept = {name: [index for index in ids if held[index]] for name, ids in means.items()}
    # A draw may contain no photo of a class: it is 0 for both models then, even with stray pixels.
    first, second = (np.nan_to_num(values) for values in f1)
    apart = {
        name: row_means(first[:, ids]) - row_means(second[:, ids]) for name, ids in kept.items()
    }
    return apart | dict(zip(schema.names, (f1[0] - f1[1]).T, strict=True))
