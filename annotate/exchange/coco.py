"""COCO: one JSON file, a run-length coded segment for every class of every photo."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from annotate.correction import Correction
from annotate.exchange.labelled import fresh_folder, save_photo
from annotate.exchange.rle import rle_counts
from segface_hf.labels import LabelSchema

ANNOTATIONS = "annotations.json"


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos and `annotations.json`; returns the number of photos."""
    fresh_folder(out)
    images: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    categories: list[dict[str, Any]] = []
    for number, correction in enumerate(corrections, start=1):
        name, (height, width) = save_photo(correction, out), correction.mask.shape
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        segments += coco_segments(correction.mask, image=number, first=len(segments) + 1)
        categories = categories or coco_categories(correction.schema)
    document = {"images": images, "categories": categories, "annotations": segments}
    (out / ANNOTATIONS).write_text(json.dumps(document))
    return len(images)


def coco_categories(schema: LabelSchema) -> list[dict[str, Any]]:
    """Returns every class but the background, with its family."""
    family = {index: name for name, members in schema.families for index in members}
    return [
        {"id": index, "name": name, "supercategory": family.get(index, "person")}
        for index, name in enumerate(schema.names)
        if index
    ]


def coco_segments(mask: np.ndarray, *, image: int = 1, first: int = 1) -> list[dict[str, Any]]:
    """Returns one annotation for each class of a mask, background left out.

    Args:
        mask: uint8 (H, W).
        image: Id of the image.
        first: Id of the first annotation.
    """
    present = [int(index) for index in np.unique(mask) if index]
    return [
        {
            "id": number,
            "image_id": image,
            "category_id": index,
            "iscrowd": 0,
            **_shape(mask == index),
        }
        for number, index in enumerate(present, start=first)
    ]


def _shape(region: np.ndarray) -> dict[str, Any]:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "area": int(region.sum()),
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        "segmentation": {"size": list(region.shape), "counts": rle_counts(region)},
    }
