"""Draws headscarves, shawls, turbans, beanies, caps and brimmed hats.

Each is fitted to face, hair and neck of the mask: a scarf leaves the face free and covers the hair,
a hat sits above the brows and covers everything above its rim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from segface_hf.training.drawing.canvas import Drawing, DrawnFace, PhotoCanvas, find_face
from segface_hf.training.drawing.fabric import dyed, enlarged, folds, noise, rounded

_STEP = 2
_FACE = (
    "skin", "l_brow", "r_brow", "l_eye", "r_eye", "nose", "mouth", "l_lip", "u_lip", "eyeglasses",
)  # fmt: skip
_NARROWEST = 0.55
_SHARP = 6.0


@dataclass(frozen=True)
class HeadShape:
    """A head that gets headwear, on a grid of every second pixel.

    Attributes:
        canvas: The photo.
        face: Position of the face.
        across: (h, w) distance to the right of the face's middle, in halves of its width.
        above: (h, w) height above the eyes, in units of the face.
    """

    canvas: PhotoCanvas
    face: DrawnFace
    across: np.ndarray
    above: np.ndarray

    def pixels_of(self, *names: str) -> np.ndarray:
        """Returns bool (h, w): pixels of any of these classes."""
        return self.canvas.pixels_of(*names)[::_STEP, ::_STEP]

    def smooth(self, region: np.ndarray, width: float) -> np.ndarray:
        """Blurs a region by a width in units of the face; the level 0.5 is its smoothed rim."""
        sigma = width * self.face.unit / _STEP
        return np.asarray(gaussian_filter(region.astype(np.float32), sigma))


def draw_hat(canvas: PhotoCanvas) -> Drawing | None:
    """Draws headwear of a random style; None if there is no face or it is turned too far."""
    face = find_face(canvas)
    if face is None or face.half < _NARROWEST:
        return None
    across, above = face.coordinates(canvas.mask.shape, step=_STEP)
    head = HeadShape(canvas, face, (across - face.middle) / face.half, above)
    return _STYLES[canvas.random.integers(len(_STYLES))](head)


def _ellipse(head: HeadShape, *, above: float, half: float, height: float) -> np.ndarray:
    return np.asarray((head.across / half) ** 2 + ((head.above - above) / height) ** 2 < 1)


def _headscarf(head: HeadShape) -> Drawing | None:
    """Tight around the face, over hair, ears and neck, down to the shoulders."""
    random = head.canvas.random
    rim = random.uniform(0.6, 1.15) - random.uniform(0.1, 0.5) * head.across**2
    free = head.pixels_of(*_FACE) & (head.above < rim)
    free &= (np.abs(head.across) < random.uniform(0.85, 1.0)) & (head.above > -2.0)
    return _draped(head, free=head.smooth(free, 0.07) > 0.5)


def _shawl(head: HeadShape) -> Drawing | None:
    """Loose: some hair shows above the forehead, and the neck may."""
    random = head.canvas.random
    low = random.uniform(-0.3, 0.0)
    free = _ellipse(
        head, above=low, half=random.uniform(0.95, 1.2), height=random.uniform(1.3, 1.75) - low
    )
    if random.random() < 0.5:
        free |= head.pixels_of("neck") & (np.abs(head.across) < random.uniform(0.5, 0.9))
    return _draped(head, free=(head.smooth(free, 0.05) > 0.5) & ~head.pixels_of("background"))


def _draped(head: HeadShape, *, free: np.ndarray) -> Drawing | None:
    """Cloth around what stays free, over all hair, falling to a hem on the chest."""
    random, across, above = head.canvas.random, head.across, head.above
    dome = _ellipse(
        head, above=0.2, half=random.uniform(1.15, 1.35), height=random.uniform(1.75, 2.15)
    )
    hem = -random.uniform(2.3, 4.5) + random.uniform(-0.3, 0.5) * across**2
    fall = random.uniform(0.3, 1.0) * np.clip(-above - 0.6, 0, None)
    drape = (np.abs(across) < random.uniform(1.0, 1.2) + fall) & (above < 0.2) & (above > hem)
    hidden = head.pixels_of("hair", "neck", "l_ear", "r_ear") & (above > hem - 0.5)
    region = head.smooth(dome | drape | hidden, 0.14) > 0.5
    around = distance_transform_edt(~free) * _STEP / head.face.unit
    along = around + random.uniform(-0.25, 0.25) * across
    return _finished(head, region & ~free, along=along, count=random.uniform(2, 6))


def _line(head: HeadShape, lowest: float = 0.6) -> np.ndarray:
    """Returns the height of pixels above the rim of a hat, in units of the face."""
    random = head.canvas.random
    rim = random.uniform(lowest, 1.1) + random.normal(0, 0.05) * head.across
    return head.above - (rim - random.uniform(0.0, 0.25) * head.across**2)


def _crown(head: HeadShape, line: np.ndarray, *, height: float, half: float) -> np.ndarray:
    """Returns the region that a hat covers above its rim: forehead, and hair near the head."""
    dome = _ellipse(head, above=0.3, half=half, height=height)
    hidden = head.pixels_of("hair", "skin") & (np.abs(head.across) < half + 0.25)
    crown = head.smooth(dome | hidden, 0.12) > 0.5
    return np.asarray(crown & (line > 0))


def _beanie(head: HeadShape) -> Drawing | None:
    """Knitted, with ribs, many with a fold at the rim."""
    random, line = head.canvas.random, _line(head)
    crown = _crown(head, line, height=random.uniform(1.7, 2.4), half=random.uniform(1.1, 1.25))
    ribs = 1 + random.uniform(0.02, 0.2) * np.sin(head.across * random.uniform(12, 40))
    if random.random() < 0.6:
        edge = random.uniform(0.25, 0.5)
        ribs *= np.where(line < edge, 1.1, 1.0) * (1 - 0.4 * (np.abs(line - edge) < 0.03))
    return _finished(head, crown, along=line, count=1.0, pattern=ribs, shadow=0.35)


def _turban(head: HeadShape) -> Drawing | None:
    """Wound cloth, wide, with folds that run to the middle of the forehead."""
    random, line = head.canvas.random, _line(head)
    crown = _crown(head, line, height=random.uniform(1.9, 2.5), half=random.uniform(1.2, 1.45))
    along = line + random.uniform(-0.5, 0.5) * head.across + random.uniform(0, 0.6) * head.across**2
    return _finished(head, crown, along=along, count=random.uniform(3, 7), shadow=0.25)


def _cap(head: HeadShape) -> Drawing | None:
    """Smooth, with a visor that casts a shadow on the forehead."""
    random, line = head.canvas.random, _line(head, lowest=0.85)
    crown = _crown(head, line, height=random.uniform(1.7, 2.1), half=random.uniform(1.1, 1.2))
    middle, half = random.normal(0, 0.2), random.uniform(0.75, 1.0)
    bow = 1 - ((head.across - middle) / half) ** 2
    visor = (line <= 0.03) & (line > -random.uniform(0.2, 0.5) * np.clip(bow, 0, None) ** 0.6)
    visor &= bow > 0
    tone = np.where(visor, random.uniform(0.45, 1.1), 1 - 0.2 * (np.abs(line) < 0.05))
    return _finished(head, crown | visor, along=head.across, count=0.8, pattern=tone, shadow=0.6)


def _brimmed(head: HeadShape) -> Drawing | None:
    """Felt or straw: a crown with a band, and a brim all around."""
    random = head.canvas.random
    depth, half = random.uniform(0.15, 0.5), random.uniform(1.5, 2.7)
    line = _line(head, lowest=0.45 + depth)
    crown = _crown(head, line, height=random.uniform(1.9, 2.6), half=random.uniform(1.05, 1.2))
    brim = (head.across / half) ** 2 + (line / depth) ** 2 < 1
    band = (line < random.uniform(0.1, 0.35)) & crown
    tone = np.where(band, random.uniform(0.15, 1.0), np.where(brim & ~crown, 0.85, 1.0))
    weave = 1 + random.uniform(0, 0.25) * noise(line.shape, 120, random)
    region = head.smooth(crown | brim, 0.03) > 0.5
    return _finished(head, region, along=head.across, count=0.5, pattern=tone * weave, shadow=0.6)


_STYLES: tuple[Callable[[HeadShape], Drawing | None], ...] = (
    _headscarf,
    _headscarf,
    _shawl,
    _turban,
    _beanie,
    _cap,
    _brimmed,
)


def _finished(
    head: HeadShape,
    region: np.ndarray,
    *,
    along: np.ndarray,
    count: float,
    pattern: np.ndarray | float = 1.0,
    shadow: float = 0.3,
) -> Drawing | None:
    """Colors, folds, shades and enlarges a region, and adds its shadow on the face."""
    if not region.any():
        return None
    random, size = head.canvas.random, head.canvas.mask.shape
    shading = folds(along.astype(np.float32), random, count=count) * pattern
    shading *= rounded(region, head.smooth(region, 0.15)) * _lit(head)
    color = dyed(head.across, head.above, random) * shading
    fine = enlarged(head.smooth(region, 0.015), size)
    cover = np.clip((fine - 0.5) * _SHARP + 0.5, 0, 1)
    cast = shadow * head.smooth(region, 0.12) * head.pixels_of(*_FACE, "neck", "hair")
    grown = np.stack([enlarged(channel, size) for channel in color])
    return Drawing(grown, cover, cover > 0.5, 1 - enlarged(cast, size))


def _lit(head: HeadShape) -> np.ndarray:
    """Returns the skin's light gradient, extrapolated over the head."""
    x, y = (np.clip(value, -1.0, 1.0) for value in head.canvas.slope())
    down, right = (np.linspace(-0.5, 0.5, count) for count in head.across.shape)
    return np.asarray(np.clip(1 + x * right[None] + y * down[:, None], 0.5, 1.6), np.float32)
