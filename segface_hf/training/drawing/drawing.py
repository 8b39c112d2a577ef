"""Draws jewellery, hats, scarves and glasses on photos that lack them.

Copy-paste needs donors, and rare parts have few. Drawings are unlimited and have exact masks, but
look less real than photographed parts, so they complement copies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from zlib import crc32

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from segface_hf.data.swapped import ANCHORS, Groups
from segface_hf.labels import LabelSchema
from segface_hf.training.drawing.canvas import Drawing, PhotoCanvas
from segface_hf.training.drawing.eyewear import draw_eyeglasses
from segface_hf.training.drawing.headwear import draw_hat
from segface_hf.training.drawing.jewelry import draw_earring, draw_necklace
from segface_hf.training.drawing.occluders import draw_occluder

Draw = Callable[[PhotoCanvas], Drawing | None]
Change = Callable[[str, Image.Image, np.ndarray], tuple[Image.Image, np.ndarray]]
"""From a photo's stem, the photo and its mask to another photo and mask."""
_DRAWINGS: Mapping[str, Draw] = MappingProxyType(
    {
        "eyeglasses": draw_eyeglasses,
        "hat": draw_hat,
        "earring": draw_earring,
        "necklace": draw_necklace,
    }
)
DRAWABLE = tuple(_DRAWINGS)
OCCLUDER = "occluder"
# Groups of common names: a drawing is located by one class of each group.
NEEDS: Mapping[str, Groups] = MappingProxyType(
    {
        "eyeglasses": ANCHORS,
        "hat": ANCHORS,
        "earring": (("l_ear", "r_ear"),),
        "necklace": (("neck",),),
        OCCLUDER: ANCHORS,
    }
)
BACKGROUND = 0
# Color of skin in white light; dividing by it keeps drawn parts from being tinted like skin.
_SKIN = (1.0, 0.78, 0.68)


def draw_part(
    image: Tensor, mask: Tensor, name: str, *, schema: LabelSchema, seed: int
) -> tuple[Tensor, Tensor]:
    """Draws a part on a photo.

    Args:
        image: float (3, S, S) in 0 to 1.
        mask: uint8 (S, S) of class ids.
        name: A name of `DRAWABLE`.
        schema: The classes.
        seed: Seed of all randomness.

    Returns:
        New image and mask; the same ones if the photo has no place for the part.
    """
    return _drawn(image, mask, _DRAWINGS[name], schema.id_of(name), schema=schema, seed=seed)


def _drawn(
    image: Tensor, mask: Tensor, draw: Draw, part: int, *, schema: LabelSchema, seed: int
) -> tuple[Tensor, Tensor]:
    canvas = PhotoCanvas(image.numpy(), mask.numpy(), schema, np.random.default_rng(seed))
    drawing = draw(canvas)
    if drawing is None:
        return image, mask
    place = (drawing.rows, drawing.columns)
    below = image[:, *place] * torch.from_numpy(drawing.shade)
    color = (torch.from_numpy(drawing.color) * _light(canvas)).clamp(0, 1)
    image, mask = image.clone(), mask.clone()
    image[:, *place] = below + (color - below) * torch.from_numpy(drawing.cover)
    mask[place][torch.from_numpy(drawing.label)] = part
    return image, mask


def _light(canvas: PhotoCanvas) -> Tensor:
    """Returns the color (3, 1, 1) of the light, estimated from the photo's skin."""
    skin = canvas.pixels_of("skin", "neck")
    white = torch.tensor(_SKIN)
    shown = torch.from_numpy(canvas.image[:, skin].mean(1)) if skin.any() else white / 2
    return (shown / white)[:, None, None]


def drawer(name: str, schema: LabelSchema) -> Change:
    """Returns a change for evaluation that draws a part on photos without it.

    The drawing depends on the photo's stem only, so all models are evaluated on the same photos.

    Args:
        name: A name of `DRAWABLE`, or `OCCLUDER` for an object in front of every face.
        schema: The masks' classes.

    Raises:
        LabelError: The schema lacks the class.
    """
    hidden = name == OCCLUDER
    part = BACKGROUND if hidden else schema.id_of(name)
    draw = draw_occluder if hidden else _DRAWINGS[name]

    def change(stem: str, image: Image.Image, mask: np.ndarray) -> tuple[Image.Image, np.ndarray]:
        if not hidden and (mask == part).any():
            return image, mask
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        ids, seed = torch.from_numpy(mask), crc32(stem.encode())
        drawn, labels = _drawn(pixels, ids, draw, part, schema=schema, seed=seed)
        picture = (drawn * 255).round().byte().permute(1, 2, 0).numpy()
        return Image.fromarray(picture), labels.numpy()

    return change


def draw_parts(
    images: Tensor,
    masks: Tensor,
    *,
    schema: LabelSchema,
    chances: Mapping[str, float],
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """Draws parts on photos of a batch that lack them.

    Args:
        images: float (B, 3, S, S) in 0 to 1.
        masks: uint8 (B, S, S).
        schema: The classes.
        chances: Class name -> probability by photo.
        generator: Source of all randomness.

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


def occlude(
    images: Tensor, masks: Tensor, *, schema: LabelSchema, chance: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draws a hand or another object in front of faces of a batch; its pixels are background.

    Args:
        images: float (B, 3, S, S) in 0 to 1.
        masks: uint8 (B, S, S).
        schema: The classes.
        chance: Probability by photo.
        generator: Source of all randomness.

    Returns:
        New images and masks.
    """
    pictures, labels = list(images), list(masks)
    for row in range(len(pictures)):
        happens = float(torch.rand((), generator=generator)) < chance
        seed = int(torch.randint(2**31, (), generator=generator))
        if happens:
            pictures[row], labels[row] = _drawn(
                pictures[row], labels[row], draw_occluder, BACKGROUND, schema=schema, seed=seed
            )
    return torch.stack(pictures), torch.stack(labels)
