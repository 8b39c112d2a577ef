"""Rendering of label maps: colors, blending over the photo, outlines and a legend."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segface_hf.errors import LabelError
from segface_hf.labels import RGB, LabelSchema

_LEGEND_TEXT = 15
_LEGEND_ROW = 22
_SWATCH = 14
_ROWS_AT_ONCE = 64


def colorize(mask: np.ndarray, schema: LabelSchema) -> Image.Image:
    """Paints a label map in its schema's colors, for display only.

    Args:
        mask: uint8 (H, W) ids.
        schema: Knows the colors.

    Raises:
        LabelError: The mask holds an id that the schema doesn't know.
    """
    schema.check_mask(mask)
    return Image.fromarray(np.asarray(schema.colors, np.uint8)[mask])


def blend(
    image: Image.Image,
    mask: np.ndarray,
    schema: LabelSchema,
    *,
    opacity: float = 0.5,
    hidden: Collection[str] = (),
    colors: Sequence[RGB] | None = None,
    outlines: bool = False,
) -> Image.Image:
    """Blends the colors of a label map over its photo; background is unchanged.

    Args:
        image: RGB, of the mask's size.
        mask: uint8 (H, W) ids.
        schema: Knows names and colors.
        opacity: Of the colors, 0 to 1.
        hidden: Names of classes that are not shown.
        colors: RGB by id instead of the schema's, such as a color-blind reader's palette.
        outlines: Draws each region's border in its full color.

    Returns:
        A new RGB image.

    Raises:
        LabelError: The mask doesn't fit the image or the schema, or a hidden class is unknown.
        ValueError: The opacity is out of range.

    Example:
        >>> blend(image, parse.mask, parse.schema, opacity=0.4, hidden=("cloth",))
    """
    _check(image, mask, schema)
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity is from 0 to 1, got {opacity}")
    shares = np.full(schema.num_classes, float(opacity))
    shares[[0, *(schema.id_of(name) for name in hidden)]] = 0.0
    palette = np.asarray(schema.colors if colors is None else colors, float)
    tables = _tables(palette, shares)
    blended = Image.new("RGB", image.size)
    for top in range(0, image.height, _ROWS_AT_ONCE):
        # One row more, so that outlines see the neighbors below.
        rows = mask[top : top + _ROWS_AT_ONCE + 1]
        strip = image.crop((0, top, image.width, min(top + _ROWS_AT_ONCE, image.height)))
        mixed = _mixed(np.asarray(strip), rows[: strip.height], tables)
        if outlines:
            lines = outline(rows)[: strip.height] & (shares > 0)[rows[: strip.height]]
            mixed[lines] = palette.astype(np.uint8)[rows[: strip.height][lines]]
        blended.paste(Image.fromarray(mixed), (0, top))
    return blended


def _check(image: Image.Image, mask: np.ndarray, schema: LabelSchema) -> None:
    schema.check_mask(mask)
    if image.mode != "RGB" or image.size != mask.shape[::-1]:
        raise LabelError(
            f"expected an RGB image of {mask.shape[1]} x {mask.shape[0]}, the mask's size, "
            f"got {image.mode} of {image.width} x {image.height}"
        )


def _tables(palette: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """uint8 (3, K * 256): the mixed value of each channel, for every id and value of the photo."""
    values = np.arange(256.0) * (1 - shares[:, None])
    mixed = values[None] + (palette * shares[:, None]).T[..., None]
    return mixed.round().astype(np.uint8).reshape(3, -1)


def _mixed(pixels: np.ndarray, mask: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Mixes by table lookup."""
    places = mask.astype(np.intp) << 8
    mixed = np.empty_like(pixels)
    for channel, table in enumerate(tables):
        # "clip" skips a check of every index, which the mask's own check made needless.
        mixed[..., channel] = table.take(places | pixels[..., channel], mode="clip")
    return mixed


def outline(mask: np.ndarray) -> np.ndarray:
    """bool (H, W): the pixels of each region that touch another class to the right or below."""
    lines = np.zeros(mask.shape, bool)
    lines[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    lines[:-1] |= mask[:-1] != mask[1:]
    return lines


def legend(
    schema: LabelSchema,
    names: Sequence[str] | None = None,
    *,
    colors: Sequence[RGB] | None = None,
    columns: int = 1,
) -> Image.Image:
    """Draws a swatch and a name for each class.

    Args:
        schema: Knows names and colors.
        names: Classes to show, such as `parse.present()`; None for all but background.
        colors: RGB by id instead of the schema's.
        columns: How many classes stand beside each other.

    Raises:
        LabelError: An unknown name.
    """
    shown = [schema.id_of(name) for name in (schema.names[1:] if names is None else names)]
    palette = schema.colors if colors is None else colors
    font = ImageFont.load_default(_LEGEND_TEXT)
    widest = max((font.getlength(schema.names[index]) for index in shown), default=0)
    width = int(widest) + _SWATCH + 24
    rows = -(-len(shown) // columns)
    picture = Image.new("RGB", (columns * width, max(1, rows) * _LEGEND_ROW + 8), "white")
    draw = ImageDraw.Draw(picture)
    for place, index in enumerate(shown):
        x, y = 8 + place // max(1, rows) * width, 6 + place % max(1, rows) * _LEGEND_ROW
        draw.rectangle((x, y, x + _SWATCH, y + _SWATCH), fill=palette[index], outline="black")
        draw.text((x + _SWATCH + 8, y - 2), schema.names[index], fill="black", font=font)
    return picture
