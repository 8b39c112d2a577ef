"""Drawn jewellery: shaded discs of necklaces and earrings, painted."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from segface_hf.training.drawing.canvas import Canvas, Drawing
from segface_hf.training.jewellery_shapes import Shape, earring, necklace

_SCALE = 3
_COVERED = 0.5
_HALF = 128
# Gold, rose gold, silver, diamond, pearl, black, turquoise, coral: shares of the light.
_COLORS = (
    (1.15, 0.85, 0.35), (1.1, 0.75, 0.6), (0.95, 0.95, 1.0), (1.4, 1.4, 1.45), (1.25, 1.2, 1.1),
    (0.12, 0.12, 0.14), (0.25, 0.8, 0.85), (1.0, 0.35, 0.3),
)  # fmt: skip


def draw_necklace(canvas: Canvas) -> Drawing | None:
    """A necklace under chin and hair; None where the photo shows too little neck."""
    return _paint(necklace(canvas), canvas, canvas.pixels_of("neck", "cloth", "background"))


def draw_earring(canvas: Canvas) -> Drawing | None:
    """An earring at every ear, under the hair; None where no ear is to be seen."""
    wearers = ("l_ear", "r_ear", "neck", "background", "cloth", "skin")
    return _paint(earring(canvas), canvas, canvas.pixels_of(*wearers))


def _paint(shape: Shape, canvas: Canvas, wearers: np.ndarray) -> Drawing | None:
    """Paints shaded discs, smoothed by drawing them larger; None where they miss the photo."""
    if not shape:
        return None
    discs = np.array(shape)
    size = np.array(canvas.mask.shape[::-1])
    low = np.floor((discs[:, :2] - discs[:, 2:]).min(0)).clip(0, size).astype(int)
    high = np.ceil((discs[:, :2] + discs[:, 2:]).max(0)).clip(0, size).astype(int)
    if (high <= low).any():
        return None
    width, height = (high - low).tolist()
    picture = Image.new("RGBA", (width * _SCALE, height * _SCALE))
    _paint_discs(ImageDraw.Draw(picture), discs - [*low, 0], canvas.random)
    painted = np.array(picture.resize((width, height), Image.Resampling.BOX), np.float32)
    place = (slice(low[1], high[1]), slice(low[0], high[0]))
    cover = painted[..., 3] / 255 * wearers[place]
    color = painted[..., :3].transpose(2, 0, 1) / _HALF
    return Drawing(color, cover, cover > _COVERED, np.ones_like(cover), *place)


def _paint_discs(
    brush: ImageDraw.ImageDraw, discs: np.ndarray, random: np.random.Generator
) -> None:
    color = np.array(_COLORS[random.integers(len(_COLORS))]) * random.uniform(0.7, 1.2)
    # Cut stones and polished metal throw back each its own part of the light.
    sparkle = random.uniform(0, 0.5)
    # A darker rim, a body and a highlight towards the upper left.
    layers = ((1.0, 0.0, 0.45), (0.8, 0.1, 1.0), (0.35, 0.35, 1 + random.uniform(0.2, 1.0)))
    for x, y, radius in discs:
        shine = np.exp(random.normal(0, sparkle))
        for grow, move, factor in layers:
            r, cx, cy = radius * grow, x - move * radius, y - move * radius
            tone = np.clip(color * factor * shine * _HALF, 0, 255).astype(int).tolist()
            box = [v * _SCALE for v in (cx - r, cy - r, cx + r, cy + r)]
            brush.ellipse(box, fill=(*tone, 255))
