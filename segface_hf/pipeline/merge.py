"""Merging the parses of several frames in the photo's own pixels, within bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from segface_hf.pipeline.frames import Frame, PixelBox

# Weights are 1 to 255. They fall from a frame's middle to its border along a rounded square, so
# that the frame of the nearer face wins and no seam follows a straight border.
_ROUNDNESS = 4.0
_WIDE_ROUNDNESS = 2.0
_FALL = 3.0
# Background of one face's frame may hold another face, so it weighs less.
_BACKGROUND_SHARE = 0.35
_WIDER_WEIGHT = 0.1
_ROWS_AT_ONCE = 256
_COLUMNS_AT_ONCE = 65_536
_MOST_STRIPS = 1000
_PLACES_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class CropParse:
    """One frame's parse, at the crop's own resolution.

    Attributes:
        labels: uint8 (S, S).
        logits: float32 (S, S, K), channels last; enlarging interpolates them before taking the
            best class, which keeps borders smooth. With None the neighbors' labels vote.
        confidence: uint8 (S, S) or None.
        runner_up: uint8 (S, S) or None.
    """

    labels: np.ndarray
    logits: np.ndarray | None = None
    confidence: np.ndarray | None = None
    runner_up: np.ndarray | None = None

    @classmethod
    def read(cls, logits: np.ndarray, labels: np.ndarray, *, confidence: bool) -> CropParse:
        """Takes a model's (K, S, S) logits and (S, S) labels; reads confidence from the logits."""
        samples = np.ascontiguousarray(logits.transpose(1, 2, 0))
        if not confidence:
            return cls(labels, samples)
        odds = np.exp(logits - logits.max(0))
        sure = np.round(255 / odds.sum(0)).astype(np.uint8)
        np.put_along_axis(odds, labels[None].astype(np.int64), -1.0, axis=0)
        return cls(labels, samples, sure, odds.argmax(0).astype(np.uint8))


def near_weights(size: int) -> np.ndarray:
    """uint8 (size, size): 255 in the middle of a frame, 1 at its border and in its corners."""
    radius = border_distance(size, _ROUNDNESS)
    return np.maximum(1, 255 * (1 - np.minimum(radius, 1.0) ** _FALL)).astype(np.uint8)


def wide_weights(size: int, level: int = 0) -> np.ndarray:
    """uint8 (size, size): low and even in a circle, for a face's surroundings; else 0.

    Args:
        size: Side of the map.
        level: Which of the wider frames; a larger one weighs less than a smaller one's background.
    """
    weight = np.uint8(255 * _WIDER_WEIGHT * _BACKGROUND_SHARE ** (1.1 * level))
    return np.where(border_distance(size, _WIDE_ROUNDNESS) < 1.0, weight, np.uint8(0))


def border_distance(size: int, roundness: float = _WIDE_ROUNDNESS) -> np.ndarray:
    """float (size, size): 0 in the middle and 1 on a circle (2) or a rounder or squarer line."""
    offset = np.abs((np.arange(size) + 0.5) / size * 2 - 1) ** roundness
    return np.asarray((offset[:, None] + offset[None, :]) ** (1 / roundness))


class Canvas:
    """The photo's label map; every pixel keeps the parse with the largest weight.

    It holds one byte a pixel for labels and one for weights, two more with confidence and
    two more with instances; never logits. Pixels that no frame covers are background.

    Args:
        size: (width, height) of the photo.
        confidence: Whether confidence and runner-up are merged too.
        instances: Whether to store which face each pixel is from.
    """

    def __init__(
        self, size: tuple[int, int], *, confidence: bool = False, instances: bool = False
    ) -> None:
        width, height = size
        self.size = size
        self.labels = np.zeros((height, width), np.uint8)
        self.confidence = np.full((height, width), 255, np.uint8) if confidence else None
        self.runner_up = np.zeros((height, width), np.uint8) if confidence else None
        self.instances = np.zeros((height, width), np.uint16) if instances else None
        self._weights = np.zeros((height, width), np.uint8)

    def add(self, frame: Frame, parse: CropParse, weights: np.ndarray, *, face: int = 0) -> None:
        """Pastes a frame's parse where it weighs more than what is there.

        Args:
            frame: The crop's place in the photo.
            parse: The model's parse of the crop.
            weights: uint8 (S, S), of the crop's size.
            face: The number of the face, for the map of instances.
        """
        weights = _below_background(weights, parse.labels)
        for box in _parts(frame.pixel_box(self.size)):
            wins = self._add_part(frame, parse, weights, box)
            if self.instances is not None:
                self.instances[box[1] : box[3], box[0] : box[2]][wins] = face

    def has_below(self, frame: Frame, ids: Sequence[int], weight: int) -> bool:
        """Whether a frame's box holds one of some labels that a weight may overwrite."""
        sought = np.zeros(256, bool)
        sought[list(ids)] = True
        for left, top, right, bottom in _parts(frame.pixel_box(self.size)):
            here = (slice(top, bottom), slice(left, right))
            if (sought[self.labels[here]] & (self._weights[here] <= weight)).any():
                return True
        return False

    def _add_part(
        self, frame: Frame, parse: CropParse, weights: np.ndarray, box: PixelBox
    ) -> np.ndarray:
        """Returns where it had the larger weight: bool of the box's size."""
        here = (slice(box[1], box[3]), slice(box[0], box[2]))
        resampler = FrameResampler(frame, box, len(weights))
        heavy = resampler.nearest(weights)
        wins = heavy > self._weights[here]
        np.copyto(self._weights[here], heavy, where=wins)
        np.copyto(self.labels[here], resampler.labels(parse), where=wins)
        if self.confidence is not None and parse.confidence is not None:
            np.copyto(self.confidence[here], resampler.smooth(parse.confidence), where=wins)
        if self.runner_up is not None and parse.runner_up is not None:
            np.copyto(self.runner_up[here], resampler.nearest(parse.runner_up), where=wins)
        return np.asarray(wins)


def _parts(box: PixelBox) -> Iterator[PixelBox]:
    """Cuts a box of whole pixels, so that what is computed about each pixel stays small.

    Parts of a line of a million pixels are longer, to limit their number.
    """
    left, top, right, bottom = box
    rows = max(_ROWS_AT_ONCE, (bottom - top) // _MOST_STRIPS)
    for y in range(top, bottom, rows):
        for x in range(left, right, _COLUMNS_AT_ONCE):
            yield (x, y, min(right, x + _COLUMNS_AT_ONCE), min(bottom, y + rows))


def _below_background(weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    light = np.where(weights > 0, np.maximum(1, weights * _BACKGROUND_SHARE), 0).astype(np.uint8)
    return np.where(labels == 0, light, weights)


class FrameResampler:
    """Resamples a frame's maps onto a box of whole photo pixels.

    Args:
        frame: The maps' place in the photo.
        box: (x0, y0, x1, y1) in photo pixels.
        size: Side of the maps in pixels.
    """

    def __init__(self, frame: Frame, box: PixelBox, size: int) -> None:
        self._shape = (box[2] - box[0], box[3] - box[1])
        corners = np.array([[box[0], box[1]], [box[0] + 1, box[1]], [box[0], box[1] + 1]], float)
        origin, across, down = frame.to_unit(corners) * size
        self._origin, self._across, self._down = origin, across - origin, down - origin
        self._enlarges = frame.side > size
        self._is_identity = frame.angle == 0 and abs(frame.side - size) < 1e-9

    def nearest(self, plane: np.ndarray) -> np.ndarray:
        """Takes the nearest value of a uint8 map; 0 outside the frame."""
        return self._transform(plane, Image.Resampling.NEAREST)

    def smooth(self, plane: np.ndarray) -> np.ndarray:
        """Interpolates a uint8 map bilinearly."""
        how = Image.Resampling.BILINEAR if self._enlarges else Image.Resampling.NEAREST
        return self._transform(plane, how)

    def labels(self, parse: CropParse) -> np.ndarray:
        """Resamples a label map: where neighbors disagree, the best interpolated class wins."""
        labels = self.nearest(parse.labels)
        if self._is_identity:
            return labels
        rows, columns = np.nonzero(self.nearest(_near_borders(parse.labels)))
        labels[rows, columns] = self._decided(parse, rows, columns)
        return labels

    def _decided(self, parse: CropParse, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The class of pixels given by row and column, from their four neighbors in the crop."""
        side = len(parse.labels)
        place = [
            self._origin[i] + (columns + 0.5) * self._across[i] + (rows + 0.5) * self._down[i] - 0.5
            for i in range(2)
        ]
        low = [np.floor(values).astype(np.int32) for values in place]
        share = [np.asarray(at - start, np.float32) for at, start in zip(place, low, strict=True)]
        x0, x1 = (np.clip(low[0] + step, 0, side - 1) for step in (0, 1))
        y0, y1 = (np.clip(low[1] + step, 0, side - 1) * side for step in (0, 1))
        corners = np.stack([y0 + x0, y0 + x1, y1 + x0, y1 + x1])
        across, down = share
        weights = np.stack(
            [
                (1 - across) * (1 - down),
                across * (1 - down),
                (1 - across) * down,
                across * down,
            ]
        )
        return _best(parse, corners, weights)

    def _transform(self, plane: np.ndarray, how: Image.Resampling) -> np.ndarray:
        rows = zip(self._across, self._down, self._origin, strict=True)
        coefficients = tuple(float(value) for row in rows for value in row)
        resampled = Image.fromarray(plane).transform(
            self._shape, Image.Transform.AFFINE, coefficients, resample=how
        )
        return np.array(resampled)


def _best(parse: CropParse, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The best class at N places between four pixels: flat indices and weights are (4, N)."""
    votes = parse.labels.ravel()[corners]
    best = votes[0].copy()
    # Four neighbors of one class need no interpolation.
    open_ = np.flatnonzero((votes != votes[0]).any(0))
    for start in range(0, len(open_), _PLACES_AT_ONCE):
        some = open_[start : start + _PLACES_AT_ONCE]
        if parse.logits is None:
            best[some] = _heaviest(votes[:, some], weights[:, some])
        else:
            best[some] = _best_logit(parse.logits, corners[:, some], weights[:, some])
    return best


def _best_logit(logits: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    flat = logits.reshape(-1, logits.shape[-1])
    mixed = flat[corners[0]] * weights[0, :, None]
    for corner, weight in zip(corners[1:], weights[1:], strict=True):
        mixed += flat[corner] * weight[:, None]
    return mixed.argmax(1).astype(np.uint8)


def _heaviest(votes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The label with the largest share of the weights: both are (4, N)."""
    shares = [(weights * (votes == vote)).sum(0) for vote in votes]
    return np.asarray(np.take_along_axis(votes, np.argmax(shares, 0)[None], 0)[0])


def _near_borders(labels: np.ndarray) -> np.ndarray:
    """uint8 (S, S): 1 where a pixel or one of its eight neighbors differs from its class."""
    near = np.zeros(labels.shape, bool)
    across = labels[:, 1:] != labels[:, :-1]
    near[:, 1:] |= across
    near[:, :-1] |= across
    down = labels[1:] != labels[:-1]
    near[1:] |= down
    near[:-1] |= down
    wide = near.copy()
    wide[1:] |= near[:-1]
    wide[:-1] |= near[1:]
    near[:] = wide
    near[:, 1:] |= wide[:, :-1]
    near[:, :-1] |= wide[:, 1:]
    return near.astype(np.uint8)
