"""Drawn jewellery: necklaces and earrings painted on photos without them, lit like the skin.

Copying needs donors, and necklaces have few. A drawing is never twice the same, and its mask is
exact; what it lacks is the look of a photographed thing, so it adds to copies, not replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Generator, Tensor

from segface_hf.labels import LabelSchema
from segface_hf.training.jewellery_shapes import Canvas, Shape, earring, necklace

_SCALE = 3
_COVERED = 0.5
_HALF = 128
# Gold, rose gold, silver, diamond, pearl, black, turquoise, coral: shares of the light.
_COLORS = (
    (1.15, 0.85, 0.35), (1.1, 0.75, 0.6), (0.95, 0.95, 1.0), (1.4, 1.4, 1.45), (1.25, 1.2, 1.1),
    (0.12, 0.12, 0.14), (0.25, 0.8, 0.85), (1.0, 0.35, 0.3),
)  # fmt: skip
# What skin throws back of white light: without it jewellery would be tinted like the skin.
_SKIN = (1.0, 0.78, 0.68)
_DRAWINGS: Mapping[str, tuple[Callable[[Canvas], Shape], tuple[str, ...]]] = MappingProxyType(
    {
        "necklace": (necklace, ("neck", "cloth", "background")),
        "earring": (earring, ("l_ear", "r_ear", "neck", "background", "cloth", "skin")),
    }
)
"""Class name -> what draws it, and the classes that it may cover."""

DRAWABLE = tuple(_DRAWINGS)


@dataclass(frozen=True)
class Drawing:
    """Painted jewellery and where it lies.

    Attributes:
        color: float (3, h, w), a factor on the light of the place.
        cover: float (h, w), from 0 to 1.
        rows: Its rows in the photo.
        columns: Its columns.
    """

    color: Tensor
    cover: Tensor
    rows: slice
    columns: slice


def _paint(shape: Shape, size: int, random: np.random.Generator) -> Drawing | None:
    """Paints shaded discs, smoothed by drawing them larger; None where they miss the photo."""
    discs = np.array(shape)
    low = np.floor((discs[:, :2] - discs[:, 2:]).min(0)).clip(0, size).astype(int)
    high = np.ceil((discs[:, :2] + discs[:, 2:]).max(0)).clip(0, size).astype(int)
    if (high <= low).any():
        return None
    width, height = (high - low).tolist()
    picture = Image.new("RGBA", (width * _SCALE, height * _SCALE))
    brush = ImageDraw.Draw(picture)
    color = np.array(_COLORS[random.integers(len(_COLORS))]) * random.uniform(0.7, 1.2)
    # Cut stones and polished metal throw back each its own part of the light.
    sparkle = random.uniform(0, 0.5)
    # A darker rim, a body and a highlight towards the upper left.
    layers = ((1.0, 0.0, 0.45), (0.8, 0.1, 1.0), (0.35, 0.35, 1 + random.uniform(0.2, 1.0)))
    for x, y, radius in discs - [*low, 0]:
        shine = np.exp(random.normal(0, sparkle))
        for grow, move, factor in layers:
            r, cx, cy = radius * grow, x - move * radius, y - move * radius
            tone = np.clip(color * factor * shine * _HALF, 0, 255).astype(int).tolist()
            box = [v * _SCALE for v in (cx - r, cy - r, cx + r, cy + r)]
            brush.ellipse(box, fill=(*tone, 255))
    small = torch.from_numpy(np.array(picture.resize((width, height), Image.Resampling.BOX)))
    painted = small.permute(2, 0, 1).float()
    place = (slice(low[1], high[1]), slice(low[0], high[0]))
    return Drawing(painted[:3] / _HALF, painted[3] / 255, *place)


def draw_part(
    image: Tensor, mask: Tensor, name: str, *, schema: LabelSchema, seed: int
) -> tuple[Tensor, Tensor]:
    """Draws one kind of jewellery on a photo.

    Args:
        image: float (3, S, S) in 0 to 1.
        mask: uint8 (S, S) of class ids.
        name: A name of `DRAWABLE`.
        schema: What the ids stand for.
        seed: Decides everything.

    Returns:
        New image and mask; the same ones where there is nothing to wear it on.
    """
    random = np.random.default_rng(seed)
    draw, wearers = _DRAWINGS[name]
    canvas = Canvas(mask.numpy(), schema, random)
    shape = draw(canvas)
    drawing = _paint(shape, mask.shape[-1], random) if shape else None
    if drawing is None:
        return image, mask
    place = (drawing.rows, drawing.columns)
    cover = torch.zeros(mask.shape)
    cover[place] = drawing.cover
    cover *= torch.from_numpy(canvas.pixels_of(*wearers))
    skin = torch.from_numpy(canvas.pixels_of("skin", "neck"))
    shown = image[:, skin].mean(1) if bool(skin.any()) else torch.tensor(_SKIN) / 2
    light = (shown / torch.tensor(_SKIN))[:, None, None]
    color, image = (drawing.color * light).clamp(0, 1), image.clone()
    image[:, *place] += (color - image[:, *place]) * cover[place]
    return image, mask.masked_fill(cover > _COVERED, schema.id_of(name))


def draw_parts(
    images: Tensor, masks: Tensor, *, schema: LabelSchema, chances: Mapping[str, float],
    generator: Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Gives photos of a batch drawn jewellery that they lack.

    Args:
        images: float (B, 3, S, S) in 0 to 1.
        masks: uint8 (B, S, S).
        schema: What the ids stand for.
        chances: Class name -> probability by photo.
        generator: Decides everything.

    Returns:
        New images and masks.
    """
    pictures, labels = list(images), list(masks)
    for row in range(len(pictures)):
        for name, chance in chances.items():
            happens = float(torch.rand((), generator=generator)) < chance
            seed = int(torch.randint(2**31, (), generator=generator))
            if happens and not bool((labels[row] == schema.id_of(name)).any()):
                pictures[row], labels[row] = draw_part(
                    pictures[row], labels[row], name, schema=schema, seed=seed
                )
    return torch.stack(pictures), torch.stack(labels)
