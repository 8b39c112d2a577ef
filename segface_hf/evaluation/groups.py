"""Subgroups: scores of the photos that share a value in a CSV, such as age or glasses."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segface_hf.errors import DataError
from segface_hf.evaluation.scores import Scores, number
from segface_hf.labels import LabelSchema

STEM_COLUMN = "stem"
FEW_PHOTOS = 20


def read_groups(path: str | Path) -> dict[str, dict[str, str]]:
    """Reads a CSV with a `stem` column, and one more column for each way to group photos.

    Returns:
        Column -> stem -> value; empty cells are left out.

    Raises:
        DataError: The file can't be read, has no such columns, or names a photo twice.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{str(path)!r:.300} can't be read as CSV: {reason!s:.100}") from error
    columns = [name for name in (rows[0] if rows else {}) if name and name != STEM_COLUMN]
    if not rows or STEM_COLUMN not in rows[0] or not columns:
        raise DataError(f"{path} needs a header with '{STEM_COLUMN}' and at least one more column")
    rows_of = Counter(row[STEM_COLUMN] for row in rows)
    twice = sorted(stem for stem, count in rows_of.items() if count > 1)
    if twice:
        raise DataError(f"{path} names {twice[:3]} more than once: one row a photo")
    return {
        column: {row[STEM_COLUMN]: row[column] for row in rows if row[column]} for column in columns
    }


def check_groups(groups: Mapping[str, Mapping[str, str]], stems: Sequence[str]) -> None:
    """Checks that every column groups some of the photos.

    Raises:
        DataError: A column names none of them.
    """
    for column, values in groups.items():
        if not set(stems) & values.keys():
            raise DataError(f"column '{column}' names none of the photos: compare its stems")


def group_scores(
    stems: Sequence[str],
    confusions: np.ndarray,
    schema: LabelSchema,
    groups: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, dict[str, Any]]]:
    """Scores every group of photos.

    Args:
        stems: N names of photos.
        confusions: int64 (N, K, K).
        schema: What ids stand for.
        groups: What `read_groups` gave.

    Returns:
        Column -> value -> photos, mean F1, tail mean, and whether the group is small.

    Raises:
        DataError: A column names none of the photos.
    """
    check_groups(groups, stems)
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for column, values in groups.items():
        labels = np.array([values.get(stem, "") for stem in stems])
        present = sorted({label for label in labels.tolist() if label})
        tables[column] = {value: _row(confusions[labels == value], schema) for value in present}
    return tables


def _row(confusions: np.ndarray, schema: LabelSchema) -> dict[str, Any]:
    scores = Scores(confusions.sum(0), schema)
    return {
        "photos": len(confusions),
        "mean_f1": number(scores.mean_f1()),
        "tail_f1": number(scores.tail_f1()),
        "few_photos": len(confusions) < FEW_PHOTOS,
    }
