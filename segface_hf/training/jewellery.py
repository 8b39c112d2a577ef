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

_SCALE = 3
_LEAST_NECK, _LEAST_EAR = 0.012, 0.0015
_COVERED = 0.5
_HALF = 128
# Gold, rose gold, silver, diamond, pearl, black, turquoise, coral: shares of the light.
_COLORS = (
    (1.15, 0.85, 0.35), (1.1, 0.75, 0.6), (0.95, 0.95, 1.0), (1.4, 1.4, 1.45), (1.25, 1.2, 1.1),
    (0.12, 0.12, 0.14), (0.25, 0.8, 0.85), (1.0, 0.35, 0.3),
)  # fmt: skip
# What skin throws back of white light: without it jewellery would be tinted like the skin.
_SKIN = (1.0, 0.78, 0.68)
_EARS = ("l_ear", "r_ear")

Shape = list[tuple[float, float, float]]
"""Discs: centre x and y and radius, in pixels of the photo."""


@dataclass(frozen=True)
class Canvas:
    """What a drawing goes on.

    Attributes:
        mask: uint8 (H, W) of class ids.
        schema: What the ids stand for.
        random: Decides everything.
    """

    mask: np.ndarray
    schema: LabelSchema
    random: np.random.Generator

    def pixels_of(self, *names: str) -> np.ndarray:
        """Returns bool (H, W): where any of these classes is."""
        ids = [self.schema.id_of(name) for name in names if name in self.schema.names]
        return np.isin(self.mask, ids)


def _beads(path: np.ndarray, radius: float, gap: float) -> Shape:
    """Discs of one radius along a path (N, 2), `gap` radii from centre to centre."""
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(path, axis=0).T).cumsum()])
    stations = np.arange(0, lengths[-1], gap * radius)
    x, y = (np.interp(stations, lengths, path[:, axis]) for axis in (0, 1))
    return [(float(a), float(b), radius) for a, b in zip(x, y, strict=True)]


@dataclass(frozen=True)
class Style:
    """How a kind of necklace hangs, in shares of the photo's side and of the neck that shows.

    Attributes:
        radius: Smallest and largest radius of a disc, in sides.
        gap: From centre to centre of two discs, in radii.
        drop: Shortest and longest way down from the sides of the neck, in visible necks.
        strands: Fewest and most strands, one below the other.
        graded: How much larger the discs in the middle are than those at the sides.
    """

    radius: tuple[float, float]
    gap: float
    drop: tuple[float, float]
    strands: tuple[int, int] = (1, 1)
    graded: float = 1.0


_STYLES = (
    Style((0.002, 0.006), 0.7, (0.25, 1.3), strands=(1, 3)),  # chains
    Style((0.006, 0.016), 1.9, (0.25, 1.3)),  # beads, pearls
    Style((0.006, 0.013), 1.8, (0.2, 0.8), strands=(2, 5)),  # strands of pearls
    Style((0.006, 0.02), 0.6, (0.05, 0.35)),  # chokers
    Style((0.004, 0.008), 1.8, (0.1, 0.5), strands=(4, 10)),  # collars
    Style((0.01, 0.022), 1.8, (0.3, 1.1), strands=(1, 2), graded=1.8),  # statement pieces
)


def necklace(canvas: Canvas) -> Shape:
    """A necklace of some style hanging from both sides of the neck, some with a pendant.

    Returns:
        Discs; none where the photo shows too little neck.
    """
    neck, random, side = canvas.pixels_of("neck"), canvas.random, canvas.mask.shape[0]
    if neck.mean() < _LEAST_NECK:
        return []
    rows = np.flatnonzero(neck.any(1))
    top, bottom = np.quantile(rows, [0.35, 1.0])
    start = random.uniform(top, (top + bottom) / 2)
    columns = np.flatnonzero(neck[int(start)])
    if len(columns) < side * 0.06:
        return []
    style = _STYLES[random.integers(len(_STYLES))]
    drop = random.uniform(*style.drop) * (bottom - start) + random.uniform(0, 0.05) * side
    path = _hanging(random, ends=(columns[0], columns[-1]), start=start, drop=drop, side=side)
    return _strands(style, path, random, side=side)


def _hanging(
    random: np.random.Generator, *, ends: tuple[int, int], start: float, drop: float, side: int
) -> np.ndarray:
    """The line (200, 2) of a necklace: x and y in pixels, from one end to the other."""
    across, half = np.linspace(-1, 1, 200), (ends[1] - ends[0]) / 2 * random.uniform(1.0, 1.2)
    x = sum(ends) / 2 + across * half + random.normal(0, 0.01) * side
    y = start + drop * (1 - np.abs(across) ** random.uniform(1.3, 2.6))
    return np.stack([x, y + random.normal(0, 0.04) * drop * across], 1)


def _strands(style: Style, path: np.ndarray, random: np.random.Generator, *, side: int) -> Shape:
    """Discs of every strand along a path, and a pendant at its middle now and then."""
    radius, shape = side * random.uniform(*style.radius), []
    below = radius * random.uniform(1.7, 2.6)
    for strand in range(random.integers(style.strands[0], style.strands[1] + 1)):
        shape += _beads(path + np.array([0, strand * below]), radius, style.gap)
    middle, half = path[100], max(1.0, (path[-1, 0] - path[0, 0]) / 2)
    grown = [
        (x, y, r * (1 + (style.graded - 1) * max(0.0, 1 - abs(x - middle[0]) / half)))
        for x, y, r in shape
    ]
    if random.random() < 0.3:
        grown.append((*middle, radius * random.uniform(1.8, 3.5)))
    return grown


def earring(canvas: Canvas) -> Shape:
    """A stud, a drop or a hoop at the lobe of every visible ear.

    Returns:
        Discs; none where no ear is to be seen.
    """
    random, side, shape = canvas.random, canvas.mask.shape[0], []
    kind = random.integers(3)
    radius, length = side * random.uniform(0.006, 0.014), side * random.uniform(0.03, 0.1)
    for name in _EARS:
        ear = canvas.pixels_of(name)
        if ear.mean() < _LEAST_EAR:
            continue
        y, x = np.nonzero(ear)
        lobe = y >= np.quantile(y, 0.93)
        at = np.array([x[lobe].mean(), y[lobe].mean()])
        if kind == 0:
            shape.append((at[0], at[1], radius))
        elif kind == 1:
            steps = np.linspace(0, 1, 20)[:, None]
            shape += _beads(at + steps * [0, length], radius * random.uniform(0.3, 1), 1.5)
            shape.append((at[0], at[1] + length, radius * random.uniform(1, 1.8)))
        else:
            turn = np.linspace(0, 2 * np.pi, 60)[:, None]
            ring = np.hstack([random.uniform(0.4, 1) * np.sin(turn), 1 - np.cos(turn)])
            shape += _beads(at + ring * length / 2, radius * random.uniform(0.25, 0.5), 0.7)
    return shape


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
