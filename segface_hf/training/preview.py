"""Preview of the first batches as a picture, to check data and recipe before training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from segface_hf.errors import OutputError
from segface_hf.labels import IGNORED
from segface_hf.overlay import blend
from segface_hf.training.prepare import TrainingData
from segface_hf.training.recipe import Recipe
from segface_hf.training.sampling import step_generator

_COLUMNS, _ROWS, _TILE = 4, 6, 192
_UNSURE_GRAY = 128


def preview(data: TrainingData, recipe: Recipe) -> Image.Image:
    """Draws the augmented photos of the first steps, each beside its mask in colors.

    Ignored pixels are gray. A run of this recipe trains on exactly these batches.

    Args:
        data: The prepared photos.
        recipe: The run's recipe.
    """
    tiles: list[Image.Image] = []
    side, step = recipe.resolution_at(0.0), 0
    while len(tiles) < _COLUMNS * _ROWS:
        images, masks = data.batch(recipe, side=side, generator=step_generator(recipe.seed, step))
        tiles += [_pair(*both, data) for both in zip(images, masks, strict=True)]
        step += 1
    sheet = Image.new("RGB", (_COLUMNS * 2 * _TILE, _ROWS * _TILE))
    for index, tile in enumerate(tiles[: _COLUMNS * _ROWS]):
        row, column = divmod(index, _COLUMNS)
        sheet.paste(tile, (column * 2 * _TILE, row * _TILE))
    return sheet


def _pair(image: Tensor, mask: Tensor, data: TrainingData) -> Image.Image:
    """One photo and its overlay, side by side."""
    pixels = (image.clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy()
    ids = mask.numpy().astype(np.uint8)
    unsure = ids == IGNORED
    shown = Image.fromarray(pixels)
    known = np.where(unsure, 0, ids).astype(np.uint8)
    overlay = np.array(blend(shown, known, data.photos.schema, opacity=0.6))
    overlay[unsure] = _UNSURE_GRAY
    pair = Image.new("RGB", (2 * _TILE, _TILE))
    for column, picture in enumerate((shown, Image.fromarray(overlay))):
        pair.paste(picture.resize((_TILE, _TILE), Image.Resampling.BILINEAR), (column * _TILE, 0))
    return pair


def write_preview(data: TrainingData, recipe: Recipe, path: str | Path) -> None:
    """Writes the preview as a picture.

    Raises:
        OutputError: The file can't be written, or its suffix is not that of a picture.
    """
    try:
        preview(data, recipe).save(path)
    except (OSError, ValueError) as error:
        raise OutputError(f"can't write the preview {path}: {error}; name a .png file") from error
