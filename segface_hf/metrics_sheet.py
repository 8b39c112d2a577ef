"""A contact sheet of photos, true masks and predictions side by side, for the eyes of the user."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from segface_hf.labels import LabelSchema

_TILE, _CAPTION = 224, 18
_UNLABELLED = 128


def caption(stem: str, f1: float) -> str:
    """Returns what stands above a photo: its name and its mean F1, NaN where it has none."""
    return f"{stem}  " + ("no part in its mask" if math.isnan(f1) else f"mean F1 {f1:.3f}")


def contact_sheet(
    rows: Sequence[tuple[str, Image.Image, np.ndarray, np.ndarray]], schema: LabelSchema
) -> Image.Image:
    """Draws one row a photo: the photo, its mask and the prediction.

    Args:
        rows: Caption, photo, true mask and prediction.
        schema: Holds the colours; pixels without a label are grey.
    """
    sheet = Image.new("RGB", (3 * _TILE, max(1, len(rows)) * (_TILE + _CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    colors = np.full((256, 3), _UNLABELLED, np.uint8)
    colors[: schema.num_classes] = schema.colors
    for index, (caption, image, mask, prediction) in enumerate(rows):
        top = index * (_TILE + _CAPTION)
        draw.text((4, top + 3), caption, fill="black")
        pictures = (image, Image.fromarray(colors[mask]), Image.fromarray(colors[prediction]))
        for column, picture in enumerate(pictures):
            tile = picture.resize((_TILE, _TILE), Image.Resampling.BILINEAR)
            sheet.paste(tile, (column * _TILE, top + _CAPTION))
    return sheet
