"""Draws hands and other objects in front of the face; their pixels are background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from segface_hf.training.drawing.canvas import Drawing, DrawnFace, PhotoCanvas, find_face
from segface_hf.training.drawing.fabric import dyed, enlarged, noise

_STEP = 2
_SHARP = 6.0
_HANDS = 0.65
# Fingers of a hand: angle to the middle one, and length in units of the face.
_FINGERS = ((-0.45, 0.62), (-0.2, 0.85), (0.0, 0.95), (0.22, 0.88), (0.85, 0.55))


@dataclass(frozen=True)
class Rod:
    """A rounded rod, or a ball if both ends are equal.

    Attributes:
        start: (2,) position right and up, in units of the face.
        end: (2,) the other end.
        radius: Radius at the start, in the same units.
        taper: Ratio of the radius at the end to that at the start.
    """

    start: np.ndarray
    end: np.ndarray
    radius: float
    taper: float = 1.0

    def height(self, across: np.ndarray, above: np.ndarray) -> np.ndarray:
        """Returns the height (h, w) of its surface, from 0 at the rim to 1 in the middle."""
        along = self.end - self.start
        length = max(float(along @ along), 1e-6)
        x, y = across - self.start[0], above - self.start[1]
        share = np.clip((x * along[0] + y * along[1]) / length, 0, 1)
        radius = self.radius * (1 + (self.taper - 1) * share)
        away = ((x - share * along[0]) ** 2 + (y - share * along[1]) ** 2) / radius**2
        return np.sqrt(np.clip(1 - away, 0, None))


def draw_occluder(canvas: PhotoCanvas) -> Drawing | None:
    """Draws a hand or an object in front of part of the face; None if no face is visible."""
    face = find_face(canvas)
    if face is None:
        return None
    kind = _hand if canvas.random.random() < _HANDS else _thing
    rods, colors = kind(canvas, face)
    across, above = face.coordinates(canvas.mask.shape, step=_STEP)
    height = np.max([rod.height(across, above) for rod in rods], axis=0)
    if not height.any():
        return None
    return _finished(canvas, face, height, colors(across, above))


Colors = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _place(canvas: PhotoCanvas, face: DrawnFace) -> tuple[np.ndarray, np.ndarray]:
    """Returns a point on the face, and the direction in which an arm leaves the picture."""
    random = canvas.random
    at = np.array([face.middle + random.uniform(-0.9, 0.9) * face.half, random.uniform(-1.6, 1.0)])
    turn = random.normal(0, 0.7) + np.sign(at[0] - face.middle) * 0.4
    return at, np.array([np.sin(turn), -np.cos(turn)])


def _hand(canvas: PhotoCanvas, face: DrawnFace) -> tuple[list[Rod], Colors]:
    """Returns a palm, closed or spread fingers, and a forearm to the picture's edge."""
    random, (at, away) = canvas.random, _place(canvas, face)
    size, spread, side = random.uniform(1.1, 1.7), random.uniform(0.4, 1.4), random.choice([-1, 1])
    rods = [Rod(at, at + away * 0.45 * size, 0.36 * size, 0.85)]
    wrist = at + away * 0.6 * size
    rods.append(Rod(wrist, wrist + away * 6, 0.27 * size, 1.6))
    curl = random.uniform(0.45, 1.0)
    for lean, length in _FINGERS:
        turn = side * lean * spread + random.normal(0, 0.05)
        ahead = -away @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        aside = np.array([-away[1], away[0]]) * lean * side * 0.55 * size
        root = at + aside - 0.1 * away
        rods.append(Rod(root, root + ahead * length * curl * size, 0.115 * size, 0.8))
    tone = random.normal(1.0, 0.05, 3) * random.uniform(0.75, 1.2)
    return rods, lambda across, above: _skin(canvas, across.shape) * tone[:, None, None]


def _skin(canvas: PhotoCanvas, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the slightly uneven color (3, h, w) of the photo's skin, relative to the light."""
    tone = np.array([1.0, 0.78, 0.68])[:, None, None]
    return np.asarray(tone * (1 + 0.05 * noise(shape, 12, canvas.random)))


def _thing(canvas: PhotoCanvas, face: DrawnFace) -> tuple[list[Rod], Colors]:
    """Returns a stick with a knob, such as a microphone, or random rods and balls."""
    random, (at, away) = canvas.random, _place(canvas, face)
    size = random.uniform(0.12, 0.45)
    rods = [Rod(at, at, size), Rod(at, at + away * random.uniform(0.5, 5), size * 0.6, 1.2)]
    for _ in range(random.integers(0, 4)):
        shift = random.normal(0, 0.6, (2, 2))
        rods.append(Rod(at + shift[0], at + shift[1], size * random.uniform(0.3, 1.2)))
    return rods, lambda across, above: dyed(across, above, random)


def _finished(
    canvas: PhotoCanvas, face: DrawnFace, height: np.ndarray, colors: np.ndarray
) -> Drawing:
    """Shades and enlarges the object, and adds its shadow."""
    size, random = canvas.mask.shape, canvas.random
    sigma = face.unit / _STEP
    shade = 0.45 + 0.6 * gaussian_filter(height, 0.02 * sigma)
    region = (height > 0).astype(np.float32)
    fine = enlarged(gaussian_filter(region, 0.012 * sigma), size)
    cover = np.clip((fine - 0.5) * _SHARP + 0.5, 0, 1)
    cast = random.uniform(0.1, 0.6) * gaussian_filter(region, 0.1 * sigma)
    color = np.stack([enlarged(channel, size) for channel in colors * shade])
    return Drawing(color, cover, cover > 0.5, 1 - enlarged(cast, size))
