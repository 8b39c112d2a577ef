"""What goes on beyond a face's frame: hair, neck and clothes, parsed once more in a wider frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from segface_hf.labels import LabelSchema
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.merge import CropParse, border_distance

SPREADING = ("neck", "cloth", "hair", "hat", "necklace")
# Faces of the training photos were shrunk to 0.6 of their usual size at most.
WIDER = 1.7
# Hair and clothes reach further down than up, by this share of the frame's side.
_DROP = 0.1
# A part that a frame cuts off so close to the photo's edge ends there anyway.
_AT_THE_EDGE = 0.015
# Towards the wide frame's rim a part must be this much likelier (in logits) than background, so
# that it ends where the model is least sure of it and not along a line.
_FADE_FROM = 0.7
_FADE = 6.0
# Compression leaves flat areas this uneven.
_FLAT = 3


def wider_frame(frame: Frame) -> Frame:
    """Returns the frame of what lies around a face."""
    center = frame.to_photo(np.array([[0.5, 0.5 + _DROP]]))[0]
    return Frame((float(center[0]), float(center[1])), frame.side * WIDER, frame.angle)


def goes_on(
    frame: Frame, labels: np.ndarray, schema: LabelSchema, *, photo: tuple[int, int]
) -> bool:
    """Whether a spreading part meets the frame's border inside a photo of (width, height)."""
    border = np.zeros(labels.shape, bool)
    border[[0, -1], :] = border[:, [0, -1]] = True
    rows, columns = np.nonzero(border & _spreads(schema)[labels])
    places = frame.to_photo((np.stack([columns, rows], -1) + 0.5) / len(labels))
    margin = max(_AT_THE_EDGE, 1 / len(labels)) * frame.side
    inside = (places > margin) & (places < np.array(photo) - margin)
    return bool(inside.all(1).any())


def only_spreading(parse: CropParse, schema: LabelSchema) -> CropParse:
    """Keeps the spreading parts of a wide frame's parse, and of them what is not too unlikely."""
    erased = ~_spreads(schema)[parse.labels]
    if parse.logits is not None:
        fade = (border_distance(len(parse.labels)) - _FADE_FROM) / (1 - _FADE_FROM)
        lead = parse.logits.max(-1) - parse.logits[..., 0]
        erased |= lead < _FADE * np.clip(fade, 0, 1)
    return _erase(parse, erased)


def without_padding(
    parse: CropParse, schema: LabelSchema, *, frame: Frame, photo: Image.Image
) -> CropParse:
    """Makes background of what was added around a photo: letterboxes, corners of a turned scan.

    A model that sees such a flat area below a neck takes it, and its blurred rim, for cloth.
    """
    color = padding_color(photo)
    if color is None:
        return parse
    pixels = frame.crop(photo, len(parse.labels)).astype(np.int16)
    padding = (np.abs(pixels - color) <= _FLAT).all(-1)
    for axis in (0, 1):
        steps = np.diff(pixels, axis=axis, append=pixels.take([-1], axis))
        padding &= np.abs(steps).max(-1) <= _FLAT
    cloth = np.isin(parse.labels, [schema.id_of("cloth")] if "cloth" in schema.names else [])
    return _erase(parse, padding | (cloth & _grown(_grown(padding))))


def padding_color(photo: Image.Image) -> np.ndarray | None:
    """The (3,) colour of a photo's corners where all four are flat and equal, else None."""
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    corner = max(1, min(photo.size) // 100)
    starts = places * (np.array(photo.size) - corner)
    patches = [np.asarray(photo.crop((x, y, x + corner, y + corner))) for x, y in starts]
    pixels = np.stack(patches).reshape(-1, 3).astype(np.int16)
    return pixels[0] if np.ptp(pixels, axis=0).max() <= _FLAT else None


def _grown(region: np.ndarray) -> np.ndarray:
    """Adds the pixels around a region: resampling mixes its rim with the photo."""
    grown = region.copy()
    grown[1:] |= region[:-1]
    grown[:-1] |= region[1:]
    grown[:, 1:] |= region[:, :-1]
    grown[:, :-1] |= region[:, 1:]
    return grown


def _erase(parse: CropParse, erased: np.ndarray) -> CropParse:
    """Makes pixels background, in the labels and in the logits."""
    labels = np.where(erased, np.uint8(0), parse.labels)
    logits = parse.logits
    if logits is not None:
        logits = logits.copy()
        logits[erased, 0] = logits[erased].max(-1) + 1
    return replace(parse, labels=labels, logits=logits)


def _spreads(schema: LabelSchema) -> np.ndarray:
    """bool (256,): which ids spread."""
    table = np.zeros(256, bool)
    table[list(spreading_ids(schema))] = True
    return table


def spreading_ids(schema: LabelSchema) -> tuple[int, ...]:
    """Returns the ids of the parts that go on beyond a face's frame."""
    return tuple(schema.names.index(name) for name in SPREADING if name in schema.names)
