"""Owns the editor's value: photo, masks and classes in the form that the browser reads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from gradio.data_classes import FileData
from numpy.typing import NDArray

from annotate.label_maps import pack_label_map
from segface_hf.errors import SegFaceError
from segface_hf.labels import LabelSchema
from space.handlers import browser_values

LARGEST_SIDE = 4096
"""Pixels of the longest side that the editor takes."""

Mask = NDArray[np.uint8]


class EditorValueError(SegFaceError):
    """The photo or a mask can't be shown in the editor."""


def editor_value(
    image_path: str | Path,
    mask: Mask,
    prediction: Mask,
    schema: LabelSchema,
    *,
    confidence: Mask | None = None,
    runner_up: Mask | None = None,
    title: str = "",
    value_id: str | None = None,
) -> dict[str, Any]:
    """Build the value of a :class:`~space.web.FaceMaskEditor`.

    Args:
        image_path: The photo as shown: upright RGB, (H, W) pixels, PNG or JPEG without color
            profile, in a folder that Gradio may serve.
        mask: (H, W) uint8 ids to start from.
        prediction: (H, W) uint8 ids that "restore" brings back and changes are counted against.
        schema: Names, colors, mirror pairs and tail classes of the ids.
        confidence: (H, W) uint8 probability of the predicted class, 0..255.
        runner_up: (H, W) uint8 second most probable class; needed with ``confidence``.
        title: What a draft of this work is called when it is offered back.
        value_id: Name of this parse; by default a digest of photo and prediction, so the same
            photo opened again finds its draft.

    Raises:
        EditorValueError: When sizes disagree or are too large.
        LabelError: When a mask holds an unknown id.
    """
    _check_sizes(mask, prediction, confidence, runner_up)
    for name, ids in (("mask", mask), ("prediction", prediction)):
        schema.check_mask(ids, source=name)
    path, safe_colors = Path(image_path), browser_values.safe_colors(schema.num_classes)
    height, width = mask.shape
    return {
        "id": value_id or _digest(path, prediction, schema),
        "title": title,
        "w": width,
        "h": height,
        "image": FileData(path=str(path), orig_name=path.name).model_dump(),
        "labels": pack_label_map(mask),
        "prediction": pack_label_map(prediction),
        "confidence": None if confidence is None else pack_label_map(confidence),
        "runner_up": None if runner_up is None else pack_label_map(runner_up),
        "classes": [
            {"name": browser_values.title(name), "color": list(color), "safe": list(safe)}
            for name, color, safe in zip(schema.names, schema.colors, safe_colors, strict=True)
        ],
        "tail": list(schema.tail),
        "pairs": [list(pair) for pair in schema.mirror_pairs],
    }


def _check_sizes(mask: Mask, *others: Mask | None) -> None:
    height, width = mask.shape
    if max(height, width) > LARGEST_SIDE:
        raise EditorValueError(
            f"The editor takes up to {LARGEST_SIDE} x {LARGEST_SIDE} pixels; this photo has "
            f"{width} x {height}. Make it smaller first."
        )
    for other in others:
        if other is not None and other.shape != mask.shape:
            raise EditorValueError(
                f"Expected every map to be {width} x {height}, got "
                f"{other.shape[1]} x {other.shape[0]}. Make them from the same photo."
            )


def _digest(path: Path, prediction: Mask, schema: LabelSchema) -> str:
    digest = hashlib.sha256(path.read_bytes())
    digest.update(np.ascontiguousarray(prediction).tobytes())
    digest.update(schema.name.encode())
    return digest.hexdigest()[:32]
