"""One parse as COCO JSON: a segment for every class, as uncompressed run lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from annotate.rle import rle_counts
from segface_hf.labels import LabelSchema

if TYPE_CHECKING:
    from segface_hf.parser import FaceParse


def coco_document(parse: FaceParse, *, file_name: str) -> dict[str, Any]:
    """Returns a COCO document with one picture: a segment a class, a `faces` list beside them."""
    height, width = parse.mask.shape
    present = [i for i in np.unique(parse.mask).tolist() if i]
    return {
        "info": {"description": f"face parts by {parse.model_id}", "version": "1"},
        "images": [{"id": 1, "file_name": file_name, "width": width, "height": height}],
        "categories": _categories(parse.schema),
        "annotations": [
            _annotation(parse.mask == index, number=number, category=index)
            for number, index in enumerate(present, start=1)
        ],
        "faces": [
            {
                "box": [round(float(v), 1) for v in face.box],
                "score": round(float(face.confidence), 4),
            }
            for face in parse.faces
        ],
    }


def _categories(schema: LabelSchema) -> list[dict[str, Any]]:
    family = {index: name for name, members in schema.families for index in members}
    return [
        {"id": index, "name": name, "supercategory": family.get(index, "person")}
        for index, name in enumerate(schema.names)
        if index
    ]


def _annotation(region: np.ndarray, *, number: int, category: int) -> dict[str, Any]:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "id": number,
        "image_id": 1,
        "category_id": category,
        "iscrowd": 0,
        "area": int(region.sum()),
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        "segmentation": {"size": list(region.shape), "counts": rle_counts(region)},
    }
