"""Draws clear glasses and sunglasses, with frames, lenses, temples and reflections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from segface_hf.training.drawing.canvas import Drawing, DrawnFace, PhotoCanvas, find_face
from segface_hf.training.drawing.fabric import dye

_SCALE = 2
_LEAST_EYES = 0.45
_SUNGLASSES = 0.4
_SEEN_THROUGH = ("l_eye", "r_eye", "l_brow", "r_brow")
_CLEAR_BELOW = 0.4


@dataclass(frozen=True)
class Glasses:
    """A pair of glasses.

    Attributes:
        half: Half the width of a lens, in distances of the eyes.
        height: Half its height, in the same.
        power: Exponent of the superellipse: 2 for an ellipse, more for a box.
        drop: How much narrower a lens is at the bottom, from 0 to 1.
        frame: Thickness of the frame, in distances of the eyes.
        below: Offset of a lens's middle below the eye.
        tint: Share of the light that a lens absorbs, from 0 to 1.
        rimless: Whether only the upper half has a frame.
    """

    half: float
    height: float
    power: float
    drop: float
    frame: float
    below: float
    tint: float
    rimless: bool


def _chosen(random: np.random.Generator) -> Glasses:
    dark = random.random() < _SUNGLASSES
    half = random.uniform(0.36, 0.47) if dark else random.uniform(0.3, 0.45)
    return Glasses(
        half=half,
        height=half * random.uniform(0.6, 1.0),
        power=random.uniform(2, 5),
        drop=random.uniform(0, 0.3),
        frame=random.uniform(0.012, 0.07),
        below=random.uniform(0.0, 0.12),
        tint=random.uniform(0.55, 0.98) if dark else random.uniform(0.0, 0.15),
        rimless=random.random() < 0.15,
    )


def draw_eyeglasses(canvas: PhotoCanvas) -> Drawing | None:
    """Draws glasses on both eyes; None if the face is turned so far that one eye is hidden."""
    face = find_face(canvas)
    if face is None:
        return None
    apart = float(np.hypot(*(face.eyes[1] - face.eyes[0]))) / face.unit
    if apart < _LEAST_EYES:
        return None
    glasses = _chosen(canvas.random)
    lenses = [_outline(glasses, face, side) for side in (0, 1)]
    lines = [_bridge(lenses, face), *_temples(lenses, face, canvas)]
    lens, frame = _painted(glasses, face, lenses, lines, canvas)
    return _finished(glasses, canvas, lens=lens, frame=frame)


def _outline(glasses: Glasses, face: DrawnFace, side: int) -> np.ndarray:
    """Returns points (64, 2) around one lens, in pixels, clockwise from the image's right."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    x = np.sign(cos) * np.abs(cos) ** (2 / glasses.power)
    y = np.sign(sin) * np.abs(sin) ** (2 / glasses.power)
    x = x * (1 - glasses.drop * np.clip(y, 0, 1) / 2)
    # Turning the head shortens the width, not the height.
    across = face.eyes[1] - face.eyes[0]
    down = -face.up * 0.95 * face.unit
    middle = face.eyes[side] + (0.04 if side else -0.04) * across + down * glasses.below
    return middle + x[:, None] * glasses.half * across + y[:, None] * glasses.height * down


def _bridge(lenses: list[np.ndarray], face: DrawnFace) -> np.ndarray:
    """Returns the line (3, 2) between both lenses, over the nose."""
    left = lenses[0][np.argmax(lenses[0] @ face.right - 0.4 * np.abs(_offset(lenses[0], face)))]
    right = lenses[1][np.argmin(lenses[1] @ face.right + 0.4 * np.abs(_offset(lenses[1], face)))]
    return np.stack([left, (left + right) / 2 + 0.06 * face.unit * face.up, right])


def _offset(points: np.ndarray, face: DrawnFace) -> np.ndarray:
    """Returns the height of points above the middle of their lens, in pixels."""
    return np.asarray((points - points.mean(0)) @ face.up - 0.08 * face.unit)


def _temples(lenses: list[np.ndarray], face: DrawnFace, canvas: PhotoCanvas) -> list[np.ndarray]:
    """Returns lines (2, 2) from the outer ends of the lenses to the visible ears."""
    lines = []
    for lens, direction, name in zip(lenses, (-1, 1), ("r_ear", "l_ear"), strict=True):
        rows, columns = np.nonzero(canvas.pixels_of(name))
        if len(rows) < 0.001 * canvas.mask.size:
            continue
        outer = lens[np.argmax(direction * (lens @ face.right) + 0.3 * (lens @ face.up))]
        ear = np.array([columns.mean(), np.quantile(rows, 0.15)])
        if direction * float((ear - outer) @ face.right) > 0:
            lines.append(np.stack([outer, ear]))
    return lines


def _painted(
    glasses: Glasses,
    face: DrawnFace,
    lenses: list[np.ndarray],
    lines: list[np.ndarray],
    canvas: PhotoCanvas,
) -> tuple[np.ndarray, np.ndarray]:
    """Paints lenses and frame with supersampling; returns two covers (H, W) from 0 to 1."""
    size = canvas.mask.shape[::-1]
    pictures = [Image.new("L", (size[0] * _SCALE, size[1] * _SCALE)) for _ in range(2)]
    inner, outer = (ImageDraw.Draw(picture) for picture in pictures)
    width = max(1, round(glasses.frame * face.unit * _SCALE))
    for lens in lenses:
        points = [tuple(point) for point in lens * _SCALE]
        inner.polygon(points, fill=255)
        rim = points[32:] + points[:1] if glasses.rimless else [*points, *points[:2]]
        outer.line(rim, fill=255, width=width, joint="curve")
    for line in lines:
        outer.line([tuple(point) for point in line * _SCALE], fill=255, width=width)
    lens_cover, frame_cover = (
        np.array(picture.resize(size, Image.Resampling.BOX), np.float32) / 255
        for picture in pictures
    )
    return lens_cover, frame_cover


def _finished(
    glasses: Glasses, canvas: PhotoCanvas, *, lens: np.ndarray, frame: np.ndarray
) -> Drawing:
    """Colors frame and lenses; hair covers the frame outside the lenses."""
    random = canvas.random
    hair = canvas.pixels_of("hair") & (lens < 0.5)
    frame = frame * ~hair
    tint, shine = _lenses(glasses, lens, random)
    veil = np.maximum(lens * glasses.tint, shine)
    body = dye(random)[:, None, None] * np.float32(random.uniform(0.6, 1.2))
    cover = np.maximum(frame, veil)
    mixed = np.where(frame > veil, body, tint).astype(np.float32)
    label = (frame > 0.5) | (lens > 0.5)
    if glasses.tint < _CLEAR_BELOW:
        label &= ~canvas.pixels_of(*_SEEN_THROUGH) | (frame > 0.5)
    return Drawing(mixed, cover.astype(np.float32), label, 1 - _shadow(frame, random))


def _lenses(
    glasses: Glasses, lens: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns colors (3, H, W) of the lenses and the cover (H, W) of a diagonal reflection."""
    height, width = lens.shape
    down, right = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    dark = dye(random)[:, None, None] * np.float32(0.35 * (1 - glasses.tint) + 0.05)
    wave = np.sin((down + right * random.uniform(-1, 1)) * random.uniform(10, 40))
    bright = random.uniform(0, 0.35) if random.random() < 0.5 else 0.0
    shine = (np.clip(wave - 0.4, 0, 1) * bright * lens).astype(np.float32)
    lit = shine > lens * glasses.tint
    colors = np.where(lit, np.float32(1.3), dark + shine * np.float32(0.8))
    return colors.astype(np.float32), shine


def _shadow(frame: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Returns the strength (H, W) of the frame's shadow on the skin."""
    picture = Image.fromarray((frame * 255).astype(np.uint8))
    blurred = np.array(picture.filter(ImageFilter.GaussianBlur(len(frame) * 0.012)), np.float32)
    moved = np.roll(blurred, int(len(frame) * random.uniform(0.005, 0.02)), axis=0)
    return np.asarray(moved / 255 * random.uniform(0, 0.6), np.float32)
