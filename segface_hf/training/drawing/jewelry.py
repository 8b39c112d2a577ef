"""Draws necklaces and earrings as shaded discs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from segface_hf.training.drawing.canvas import Drawing, PhotoCanvas

_LEAST_NECK, _LEAST_EAR = 0.012, 0.0015
_EARS = ("l_ear", "r_ear")

Shape = list[tuple[float, float, float]]
"""Discs: center x, center y and radius, in pixels of the photo."""


def _beads(path: np.ndarray, radius: float, gap: float) -> Shape:
    """Returns discs of one radius along a path (N, 2), `gap` radii from center to center."""
    lengths = np.concatenate([[0.0], np.hypot(*np.diff(path, axis=0).T).cumsum()])
    stations = np.arange(0, lengths[-1], gap * radius)
    x, y = (np.interp(stations, lengths, path[:, axis]) for axis in (0, 1))
    return [(float(a), float(b), radius) for a, b in zip(x, y, strict=True)]


@dataclass(frozen=True)
class JewelryStyle:
    """Proportions of a kind of necklace, relative to the photo's side and the visible neck.

    Attributes:
        radius: Smallest and largest radius of a disc, in sides.
        gap: Distance between the centers of two discs, in radii.
        drop: Smallest and largest drop from the sides of the neck, in visible necks.
        strands: Smallest and largest number of strands, one below the other.
        graded: Ratio of the radius in the middle to that at the sides.
    """

    radius: tuple[float, float]
    gap: float
    drop: tuple[float, float]
    strands: tuple[int, int] = (1, 1)
    graded: float = 1.0


_STYLES = (
    JewelryStyle((0.002, 0.006), 0.7, (0.25, 1.3), strands=(1, 3)),  # chains
    JewelryStyle((0.006, 0.016), 1.9, (0.25, 1.3)),  # beads, pearls
    JewelryStyle((0.006, 0.013), 1.8, (0.2, 0.8), strands=(2, 5)),  # strands of pearls
    JewelryStyle((0.006, 0.02), 0.6, (0.05, 0.35)),  # chokers
    JewelryStyle((0.004, 0.008), 1.8, (0.1, 0.5), strands=(4, 10)),  # collars
    JewelryStyle((0.01, 0.022), 1.8, (0.3, 1.1), strands=(1, 2), graded=1.8),  # statement pieces
)


def necklace(canvas: PhotoCanvas) -> Shape:
    """Returns a necklace of a random style that hangs from both sides of the neck.

    Returns:
        Discs; none if too little neck is visible.
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
    """Returns the line (200, 2) of a necklace: x and y in pixels, from one end to the other."""
    across, half = np.linspace(-1, 1, 200), (ends[1] - ends[0]) / 2 * random.uniform(1.0, 1.2)
    x = sum(ends) / 2 + across * half + random.normal(0, 0.01) * side
    y = start + drop * (1 - np.abs(across) ** random.uniform(1.3, 2.6))
    return np.stack([x, y + random.normal(0, 0.04) * drop * across], 1)


def _strands(
    style: JewelryStyle, path: np.ndarray, random: np.random.Generator, *, side: int
) -> Shape:
    """Returns the discs of all strands along a path, sometimes with a pendant at its middle."""
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


def _stud(at: np.ndarray, random: np.random.Generator, side: int) -> Shape:
    return [(*at, side * random.uniform(0.006, 0.016))]


def _drop(at: np.ndarray, random: np.random.Generator, side: int) -> Shape:
    radius, length = side * random.uniform(0.006, 0.014), side * random.uniform(0.03, 0.12)
    line = at + np.linspace(0, 1, 20)[:, None] * [0, length]
    end = (at[0], at[1] + length, radius * random.uniform(1, 1.8))
    return [*_beads(line, radius * random.uniform(0.3, 1), 1.5), end]


def _hoop(at: np.ndarray, random: np.random.Generator, side: int) -> Shape:
    length, turn = side * random.uniform(0.03, 0.2), np.linspace(0, 2 * np.pi, 80)[:, None]
    ring = np.hstack([random.uniform(0.4, 1) * np.sin(turn), 1 - np.cos(turn)])
    return _beads(at + ring * length / 2, side * random.uniform(0.002, 0.006), 0.7)


def _chandelier(at: np.ndarray, random: np.random.Generator, side: int) -> Shape:
    """Rows of beads that become wider downwards."""
    radius, widest = side * random.uniform(0.003, 0.008), int(random.integers(2, 7))
    shape: Shape = []
    for row in range(random.integers(4, 14)):
        y, half = at[1] + row * 1.8 * radius, min(row, widest) * 0.9 * radius
        shape += [
            (x, y, radius) for x in np.arange(at[0] - half, at[0] + half + 1e-6, 1.8 * radius)
        ]
    return shape


_EARRINGS = (_stud, _drop, _hoop, _chandelier)


def earring(canvas: PhotoCanvas) -> Shape:
    """Returns earrings of a random style at the lobe of every visible ear.

    Returns:
        Discs; none if no ear is visible.
    """
    random, side, shape = canvas.random, canvas.mask.shape[0], []
    style, seed = _EARRINGS[random.integers(len(_EARRINGS))], int(random.integers(2**31))
    for name in _EARS:
        ear = canvas.pixels_of(name)
        if ear.mean() < _LEAST_EAR:
            continue
        y, x = np.nonzero(ear)
        lobe = y >= np.quantile(y, 0.93)
        at = np.array([x[lobe].mean(), y[lobe].mean()])
        # The same seed twice makes a pair.
        shape += style(at, np.random.default_rng(seed), side)
    return shape


_SCALE = 3
_COVERED = 0.5
_HALF = 128
# Gold, rose gold, silver, diamond, pearl, black, turquoise, coral, relative to the light.
_COLORS = (
    (1.15, 0.85, 0.35),
    (1.1, 0.75, 0.6),
    (0.95, 0.95, 1.0),
    (1.4, 1.4, 1.45),
    (1.25, 1.2, 1.1),
    (0.12, 0.12, 0.14),
    (0.25, 0.8, 0.85),
    (1.0, 0.35, 0.3),
)


def draw_necklace(canvas: PhotoCanvas) -> Drawing | None:
    """Draws a necklace under chin and hair; None if too little neck is visible."""
    return _paint(necklace(canvas), canvas, canvas.pixels_of("neck", "cloth", "background"))


def draw_earring(canvas: PhotoCanvas) -> Drawing | None:
    """Draws an earring at every ear, under the hair; None if no ear is visible."""
    wearers = ("l_ear", "r_ear", "neck", "background", "cloth", "skin")
    return _paint(earring(canvas), canvas, canvas.pixels_of(*wearers))


def _paint(shape: Shape, canvas: PhotoCanvas, wearers: np.ndarray) -> Drawing | None:
    """Paints shaded discs with supersampling; None if they are outside the photo."""
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
    # Cut stones and polished metal reflect different shares of the light.
    sparkle = random.uniform(0, 0.5)
    # A darker rim, a body, and a highlight towards the upper left.
    layers = ((1.0, 0.0, 0.45), (0.8, 0.1, 1.0), (0.35, 0.35, 1 + random.uniform(0.2, 1.0)))
    for x, y, radius in discs:
        shine = np.exp(random.normal(0, sparkle))
        for grow, move, factor in layers:
            r, cx, cy = radius * grow, x - move * radius, y - move * radius
            tone = np.clip(color * factor * shine * _HALF, 0, 255).astype(int).tolist()
            box = [v * _SCALE for v in (cx - r, cy - r, cx + r, cy + r)]
            brush.ellipse(box, fill=(*tone, 255))
