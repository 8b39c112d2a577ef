"""Evaluation of a model on a data folder: predictions at the photos' own size, and their counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from segface_hf._progress import MedianBar
from segface_hf.data.folder import Pair, iterate_pairs
from segface_hf.data.swapped import sides_are_swapped
from segface_hf.evaluation.boundary import boundary_counts
from segface_hf.evaluation.predictor import Predictor
from segface_hf.evaluation.report import Measured
from segface_hf.evaluation.scores import Scores, confusion_matrix
from segface_hf.labels import LabelSchema


@dataclass(frozen=True, eq=False)
class PhotoResult:
    """One photo, compared.

    Attributes:
        stem: The name of the photo.
        mask: uint8 (H, W), the truth.
        prediction: uint8 (H, W).
        confusion: int64 (K, K).
        is_crop: Whether it was predicted as one aligned crop.
    """

    stem: str
    mask: np.ndarray
    prediction: np.ndarray
    confusion: np.ndarray
    is_crop: bool


def compare_photo(
    predictor: Predictor, stem: str, image: Image.Image, mask: np.ndarray
) -> PhotoResult:
    """Predicts one photo and compares it with its true mask, in the photo's own pixels."""
    is_crop = predictor.takes_as_crop(mask)
    prediction = (predictor.crop if is_crop else predictor.photo)(image)
    confusion = confusion_matrix(mask, prediction, predictor.schema.num_classes)
    return PhotoResult(stem, mask, prediction, confusion, is_crop)


def evaluate_photos(predictor: Predictor, pairs: Sequence[Pair]) -> Iterator[PhotoResult]:
    """Predicts and compares photos one by one.

    Raises:
        DataError: Names the file that can't be used, such as a mask with an unknown id.
    """
    for pair, image, mask in iterate_pairs(pairs, predictor.schema):
        yield compare_photo(predictor, pair.stem, image, mask)


def measure(
    predictor: Predictor,
    pairs: Sequence[Pair],
    *,
    boundary: bool = True,
    progress: bool = False,
) -> Measured:
    """Counts every photo.

    Args:
        predictor: Of the model.
        pairs: Photos and masks.
        boundary: Whether to compare outlines too, which takes most of the time.
        progress: Whether a bar shows how far it is.

    Raises:
        DataError: Names the file that can't be used.
    """
    results = evaluate_photos(predictor, pairs)
    bar = MedianBar(results, total=len(pairs), desc="evaluate", unit="photo", disable=not progress)
    return measured_of(bar, predictor.schema, boundary=boundary)


def measured_of(results: Iterable[PhotoResult], schema: LabelSchema, *, boundary: bool) -> Measured:
    """Collects the counts of compared photos, and lets their pixels go."""
    stems, confusions, outlines, swapped, crops = [], [], [], [], []
    for result in results:
        stems.append(result.stem)
        confusions.append(result.confusion)
        swapped.append(result.is_crop and sides_are_swapped(result.mask, schema))
        crops.append(result.is_crop)
        if boundary:
            outlines.append(boundary_counts(result.mask, result.prediction, schema.num_classes))
    return Measured(
        tuple(stems),
        np.stack(confusions),
        schema,
        np.stack(outlines) if outlines else None,
        tuple(swapped),
        sum(crops),
    )


def score(confusions: Sequence[np.ndarray], schema: LabelSchema) -> Scores:
    """Adds the photos' confusion matrices and counts the photos that hold each class."""
    stacked = np.stack(confusions)
    images_with = (stacked.sum(-1) > 0).sum(0)
    return Scores(stacked.sum(0), schema, tuple(int(count) for count in images_with))
