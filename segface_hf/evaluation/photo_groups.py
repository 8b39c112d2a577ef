"""Subgroups that follow from photos and masks: face size, brightness and tilt, in thirds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from segface_hf.data.folder import Pair, iterate_pairs
from segface_hf.data.frames import photo_frames
from segface_hf.labels import IGNORED, LabelSchema

THIRDS: Mapping[str, tuple[str, str, str]] = {
    "face size": ("small", "medium", "large"),
    "brightness": ("dark", "medium", "bright"),
    "tilt": ("upright", "medium", "tilted"),
}


def photo_groups(pairs: Sequence[Pair], schema: LabelSchema) -> dict[str, dict[str, str]]:
    """Groups photos by thirds of each property.

    Args:
        pairs: Photos and masks.
        schema: What the ids stand for.

    Returns:
        Column -> stem -> value, as `groups.read_groups` gives it. A photo without a readable face
        is left out; so is a column in which the photos don't differ.
    """
    measured = {
        pair.stem: facts
        for pair, image, mask in iterate_pairs(pairs, schema)
        if (facts := properties(image, mask, schema)) is not None
    }
    columns = {}
    for index, (column, names) in enumerate(THIRDS.items()):
        values = {stem: facts[index] for stem, facts in measured.items()}
        if thirds := in_thirds(values, names):
            columns[column] = thirds
    return columns


def properties(
    image: Image.Image, mask: np.ndarray, schema: LabelSchema
) -> tuple[float, float, float] | None:
    """Measures the largest face, framed as the parser frames it; None where the mask shows none.

    Args:
        image: RGB.
        mask: uint8 (H, W) of class ids and `IGNORED`.
        schema: What the ids stand for.

    Returns:
        Side of the face's frame in pixels; mean brightness of the face's pixels, 0 to 255; tilt in
        degrees, from 0 on.
    """
    frames = photo_frames(image, mask, schema, detector=None)
    face = list(dict(schema.families).get("face", range(1, schema.num_classes)))
    pixels = np.isin(mask, face) & (mask != IGNORED)
    if not frames or not pixels.any():
        return None
    largest = max(frames, key=lambda frame: frame.side)
    return largest.side, float(np.asarray(image.convert("L"))[pixels].mean()), abs(largest.angle)


def in_thirds(values: Mapping[str, float], names: Sequence[str]) -> dict[str, str]:
    """Names the third that each value is in; empty where all values are equal."""
    if len(set(values.values())) < 2:
        return {}
    edges = np.quantile(list(values.values()), [1 / 3, 2 / 3])
    return {key: names[int(np.searchsorted(edges, value))] for key, value in values.items()}
