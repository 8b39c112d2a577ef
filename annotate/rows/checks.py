"""Automatic checks of a correction: what a maintainer should look at before accepting it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from annotate.correction import Correction
from annotate.label_maps import islands
from annotate.rows.photo_hash import near_duplicates, photo_hash
from segface_hf.labels import LabelSchema

SMALLEST_SIDE = 64
ISLAND_SHARE = 2e-5
LEAST_ISLAND = 4
_AROUND_EYES = ("skin", "nose", "l_brow", "r_brow", "eyeglasses", "hair", "hat", "l_eye", "r_eye")


@dataclass(frozen=True)
class Finding:
    """One thing that a check noticed.

    Attributes:
        check: Name of the check.
        sentence: What is odd.
        blocks: True where the contribution must not be accepted as it is.
    """

    check: str
    sentence: str
    blocks: bool = False


def check(
    correction: Correction, *, photos: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """Returns what all checks notice about a correction.

    Args:
        correction: The correction; its ids and sizes are valid.
        photos: Photo hashes of the dataset by content id, to recognize look-alikes.
    """
    found = [finding for looks in _CHECKS for finding in looks(correction)]
    others = {i: held for i, held in (photos or {}).items() if i != correction.content_id}
    near = near_duplicates(photo_hash(correction.image), others)
    if near:
        sentence = f"the photo looks like that of {', '.join(near[:3])}"
        found.append(Finding("near-duplicate", sentence))
    return tuple(found)


def _nothing_changed(correction: Correction) -> Iterator[Finding]:
    if not correction.changed_pixels:
        yield Finding("nothing changed", "the mask equals the prediction")


def _size(correction: Correction) -> Iterator[Finding]:
    height, width = correction.mask.shape
    if min(height, width) < SMALLEST_SIDE:
        yield Finding("size", f"the photo is only {width} x {height} pixels")


def _empty(correction: Correction) -> Iterator[Finding]:
    if not correction.mask.any():
        yield Finding("empty", "everything is background", blocks=True)


def _tiny_islands(correction: Correction) -> Iterator[Finding]:
    smallest = max(LEAST_ISLAND, round(correction.mask.size * ISLAND_SHARE))
    before = islands(correction.prediction, smaller_than=smallest)
    after = islands(correction.mask, smaller_than=smallest)
    for class_id, count in sorted(after.items()):
        if count > before.get(class_id, 0):
            name = correction.schema.names[class_id]
            yield Finding("tiny islands", f"{name} has {count} parts below {smallest} pixels")


def _eye_outside_face(correction: Correction) -> Iterator[Finding]:
    """An eye must be surrounded by parts of a face, not by background."""
    schema, mask = correction.schema, correction.mask
    around = np.isin(mask, [schema.id_of(n) for n in _AROUND_EYES if n in schema.names])
    for name in ("l_eye", "r_eye"):
        eye = mask == schema.id_of(name)
        if not eye.any():
            continue
        ring = ndimage.binary_dilation(eye, iterations=2) & ~eye
        if not ring.any() or around[ring].mean() < 0.5:
            yield Finding("anatomy", f"{name} is outside the face")


def _left_right_swap(correction: Correction) -> Iterator[Finding]:
    """Seen along the line from eyes to mouth, the subject's left is the picture's right.

    The centroids of the eyes or brows and of the mouth give the direction of a face, so that a
    tilted head is judged like an upright one. Each connected region of face parts is one face.
    """
    schema = correction.schema
    for face in _faces(correction.mask, schema):
        mouth = _centroid(face, schema, ("mouth", "u_lip", "l_lip"))
        for left, right in (("l_eye", "r_eye"), ("l_brow", "r_brow"), ("l_ear", "r_ear")):
            if not {left, right} <= set(schema.names):
                continue
            a, b = _centroid(face, schema, (left,)), _centroid(face, schema, (right,))
            if mouth is None or a is None or b is None:
                continue
            across, down = a - b, mouth - (a + b) / 2
            if across[1] * down[0] - across[0] * down[1] < 0:
                yield Finding("left-right swap", f"{left} and {right} seem to have changed places")


def _faces(mask: np.ndarray, schema: LabelSchema) -> Iterator[np.ndarray]:
    family = dict(schema.families).get("face", ())
    extra = [schema.id_of(n) for n in ("eyeglasses",) if n in schema.names]
    parts, count = ndimage.label(np.isin(mask, [*family, *extra]), structure=np.ones((3, 3)))
    for number in range(1, count + 1):
        yield np.where(parts == number, mask, 0)


def _centroid(mask: np.ndarray, schema: LabelSchema, names: tuple[str, ...]) -> np.ndarray | None:
    """Returns the (y, x) centroid of some classes, or None where there are none."""
    points = np.argwhere(np.isin(mask, [schema.id_of(name) for name in names]))
    return points.mean(axis=0) if len(points) else None


_CHECKS: tuple[Callable[[Correction], Iterator[Finding]], ...] = (
    _empty,
    _nothing_changed,
    _size,
    _tiny_islands,
    _eye_outside_face,
    _left_right_swap,
)
