"""Masks whose left and right classes are swapped, and the points that locate a face."""

from __future__ import annotations

import numpy as np

from segface_hf.data.class_names import ids_named, side_of
from segface_hf.data.photo_set import PhotoSet
from segface_hf.labels import LabelSchema

_MINIMUM_PIXELS = 6
Groups = tuple[tuple[str, ...], ...]
ANCHORS: Groups = (("l_eye",), ("r_eye",), ("nose",), ("mouth", "l_lip", "u_lip"))
"""Common names of the classes that locate a face: one of each group."""


def center_of(mask: np.ndarray, ids: tuple[int, ...]) -> tuple[float, float] | None:
    """Returns the center (x, y) in pixels of the given classes, None where they are too small."""
    rows, columns = np.nonzero(np.isin(mask, ids))
    if len(rows) < _MINIMUM_PIXELS:
        return None
    return float(columns.mean()), float(rows.mean())


def anchor_points(mask: np.ndarray, schema: LabelSchema) -> np.ndarray | None:
    """Returns the centers (x, y) of eyes, nose and mouth as (4, 2), None where one is missing."""
    points = []
    for names in ANCHORS:
        ids = ids_named(schema.names, names)
        point = center_of(mask, ids) if ids else None
        if point is None:
            return None
        points.append(point)
    return np.array(points)


def sides_are_swapped(mask: np.ndarray, schema: LabelSchema) -> bool:
    """Returns whether mirrored classes are on the wrong sides of an upright face.

    The subject's left is the image's right, so the left member of each pair must have the larger
    x. Every pair with both members in the mask votes; a tie counts as correct. A pair votes only if
    its names say the sides, by the separate words `l` and `r`, or `left` and `right`.

    Args:
        mask: uint8 (H, W) of class ids, the face upright.
        schema: Its names and `mirror_pairs`.
    """
    votes = 0
    for pair in schema.mirror_pairs:
        by_side = {side_of(schema.names[index]): index for index in pair}
        if by_side.keys() != {"l", "r"}:
            continue
        a, b = center_of(mask, (by_side["l"],)), center_of(mask, (by_side["r"],))
        if a is not None and b is not None:
            votes += 1 if a[0] > b[0] else -1
    return votes < 0


def swapped_photos(photos: PhotoSet) -> tuple[str, ...]:
    """Returns the stems of photos whose masks have left and right swapped."""
    return tuple(
        stem
        for stem, mask in zip(photos.stems, photos.masks, strict=True)
        if sides_are_swapped(mask.numpy(), photos.schema)
    )
