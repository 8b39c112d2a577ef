"""Agreement of two masks of one photo: by class, as a map, and merged into one mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from annotate.errors import ReviewError
from annotate.label_maps import changed
from segface_hf.labels import LabelSchema


@dataclass(frozen=True)
class ClassNumbers:
    """One class in two masks: its pixels in each, in both, and the intersection over union."""

    name: str
    first: int
    second: int
    both: int

    @property
    def iou(self) -> float | None:
        """Intersection over union, 0 to 1, or None where neither mask has the class."""
        union = self.first + self.second - self.both
        return self.both / union if union else None


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far two masks agree.

    Attributes:
        classes: Numbers of each class, by id.
        disagreement: bool (H, W), where they differ.
        kappa: Cohen's kappa over pixels: 1 is full agreement, 0 that of chance.
    """

    classes: tuple[ClassNumbers, ...]
    disagreement: np.ndarray
    kappa: float

    @property
    def share(self) -> float:
        """Share of the pixels on which they agree."""
        return float(1 - self.disagreement.mean())


def agree(first: np.ndarray, second: np.ndarray, *, schema: LabelSchema) -> Agreement:
    """Compares two masks of one photo.

    Raises:
        ReviewError: They are not of one size.
        LabelError: One holds ids that the schema does not know.
    """
    for name, mask in (("first mask", first), ("second mask", second)):
        schema.check_mask(mask, source=name)
    if first.shape != second.shape:
        raise ReviewError(
            f"masks of one photo have one size, got {first.shape[::-1]} and {second.shape[::-1]}"
        )
    count = schema.num_classes
    pairs = np.bincount(first.ravel().astype(np.int64) * count + second.ravel(), minlength=count**2)
    table = pairs.reshape(count, count)
    rows, columns, both = table.sum(axis=1), table.sum(axis=0), np.diag(table)
    classes = tuple(
        ClassNumbers(name, int(rows[i]), int(columns[i]), int(both[i]))
        for i, name in enumerate(schema.names)
    )
    total = first.size
    observed, expected = both.sum() / total, (rows @ columns) / total**2
    kappa = 1.0 if expected == 1 else float((observed - expected) / (1 - expected))
    return Agreement(classes, changed(first, second), kappa)


@dataclass(frozen=True)
class Dispute:
    """One connected region in which two masks differ.

    Attributes:
        number: Its number, from 1, largest first.
        pixels: Its size.
        box: (x0, y0, x1, y1) in pixels, the end not included.
        first: Its most frequent class in the first mask.
        second: Its most frequent class in the second mask.
    """

    number: int
    pixels: int
    box: tuple[int, int, int, int]
    first: str
    second: str


def disputes(
    first: np.ndarray, second: np.ndarray, *, schema: LabelSchema
) -> tuple[tuple[Dispute, ...], np.ndarray]:
    """Returns the regions in which two masks differ, and int (H, W) with their numbers."""
    parts, count = ndimage.label(agree(first, second, schema=schema).disagreement)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable") + 1
    rank = np.zeros(count + 1, np.int64)
    rank[order] = np.arange(1, count + 1)
    numbered, found = rank[parts], []
    for number, where in enumerate(ndimage.find_objects(numbered), start=1):
        inside = numbered[where] == number
        names = [schema.names[np.bincount(m[where][inside]).argmax()] for m in (first, second)]
        box = (where[1].start, where[0].start, where[1].stop, where[0].stop)
        found.append(Dispute(number, int(inside.sum()), box, *names))
    return tuple(found), numbered


def adjudicate(
    first: np.ndarray, second: np.ndarray, *, schema: LabelSchema, takes: Mapping[int, int]
) -> np.ndarray:
    """Merges two masks into one.

    Args:
        first: uint8 (H, W); taken outside the named disputes.
        second: uint8 (H, W).
        schema: What the ids stand for.
        takes: By number of a dispute, 1 or 2: the mask to take there.

    Raises:
        ReviewError: A dispute that does not exist, or a mask other than 1 and 2.
    """
    found, numbered = disputes(first, second, schema=schema)
    wrong = [n for n, mask in takes.items() if not 1 <= n <= len(found) or mask not in (1, 2)]
    if wrong:
        raise ReviewError(f"choose mask 1 or 2 for disputes 1 to {len(found)}, got {wrong}")
    chosen = [number for number, mask in takes.items() if mask == 2]
    return np.where(np.isin(numbered, chosen), second, first)
