"""One parse as a COCO document: a segment for every class, and the faces beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annotate.exchange.coco import coco_categories, coco_segments

if TYPE_CHECKING:
    from segface_hf.parser import FaceParse


def coco_document(parse: FaceParse, *, file_name: str) -> dict[str, Any]:
    """Returns a COCO document of one picture, with a `faces` list of boxes and scores."""
    height, width = parse.mask.shape
    return {
        "info": {"description": f"face parts by {parse.model_id}", "version": "1"},
        "images": [{"id": 1, "file_name": file_name, "width": width, "height": height}],
        "categories": coco_categories(parse.schema),
        "annotations": coco_segments(parse.mask),
        "faces": [
            {
                "box": [round(float(v), 1) for v in face.box],
                "score": round(float(face.confidence), 4),
            }
            for face in parse.faces
        ],
    }
