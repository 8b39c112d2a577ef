"""Masks that are probably wrong: what a model is sure of, against what a mask says.

Ideas, not code, of cleanlab's scores for segmentation and FiftyOne's mistakenness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from segface_hf.labels import IGNORED, LabelSchema

MISSING, ADDITIONAL, EXCHANGED, SHIFTED, WRONG_CLASS = KINDS = (
    "missing part",
    "additional part",
    "left and right exchanged",
    "border shifted",
    "wrong class",
)
SUSPECT = 0.5
"""A mask with this score or more is a suspect."""

_SIDE = 256  # Larger masks are judged at this many pixels a side.
_LEAST_SHARE = 2.5e-4
_SMALL = 5e-4  # share of the pixels at which a part counts half
_AROUND = 0.25  # of a part's own size, in which its counterpart is looked for
_SAME_PLACE = 0.4  # IoU from which two parts are one part under two names
_FARTHEST = 0.1  # of the side, for shifts
_SHIFT_SIDE = 96

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Suspicion:
    """One thing that is probably wrong in a mask.

    Attributes:
        kind: One of `KINDS`.
        part: Name of the class, as the mask has it; as the model sees it for a missing part.
        score: 0 to 1; how sure the model is, and how much of the part is affected.
        box: x0, y0, x1, y1 in pixels of the mask.
    """

    kind: str
    part: str
    score: float
    box: Box

    def __str__(self) -> str:
        return f"{self.kind}: {self.part} ({self.score:.2f})"


def suspicions(
    mask: np.ndarray, prediction: np.ndarray, confidence: np.ndarray, schema: LabelSchema
) -> tuple[Suspicion, ...]:
    """Compares a mask with a model's parse of the same photo.

    Args:
        mask: uint8 (H, W) of class ids and `IGNORED`.
        prediction: uint8 (H, W) of class ids.
        confidence: uint8 (H, W), probability of the predicted class times 255.
        schema: What the ids stand for.

    Returns:
        What is odd, the surest first; empty where nothing is.
    """
    step = max(1, round(max(mask.shape) / _SIDE))
    small = (slice(None, None, step), slice(None, None, step))
    view = _View.of(mask[small], prediction[small], confidence[small], schema)
    found = [each for look in _LOOKS for each in look(view) if each.score > 0]
    found = [replace(each, box=_enlarged(each.box, step)) for each in found]
    return tuple(sorted(found, key=lambda each: -each.score))


def suspicion_score(found: tuple[Suspicion, ...]) -> float:
    """Returns the highest score, 0 where nothing is odd."""
    return found[0].score if found else 0.0


@dataclass(frozen=True, eq=False)
class _View:
    """A mask and a prediction at one small size.

    Attributes:
        mask: uint8 (H, W); unlabeled pixels have the predicted class.
        seen: uint8 (H, W), the predicted ids.
        sure: float (H, W) in 0 to 1: 0 where the best class has at most half of the probability.
        schema: What the ids stand for.
    """

    mask: np.ndarray
    seen: np.ndarray
    sure: np.ndarray
    schema: LabelSchema

    @classmethod
    def of(
        cls, mask: np.ndarray, seen: np.ndarray, confidence: np.ndarray, schema: LabelSchema
    ) -> _View:
        sure = np.clip(confidence / 127.5 - 1, 0, 1)
        return cls(np.where(mask == IGNORED, seen, mask), seen, sure, schema)

    @property
    def least(self) -> float:
        """Pixels of the smallest part that is judged."""
        return max(6.0, _LEAST_SHARE * self.mask.size)


def _exchanged(view: _View) -> Iterator[Suspicion]:
    """Pairs whose pixels have the other side's class."""
    for a, b in view.schema.mirror_pairs:
        both = np.isin(view.mask, (a, b)) & np.isin(view.seen, (a, b))
        wrong = both & (view.mask != view.seen)
        if wrong.sum() >= view.least:
            score = float(view.sure[wrong].sum() / max(view.sure[both].sum(), 1))
            name = f"{view.schema.names[a]} and {view.schema.names[b]}"
            yield Suspicion(EXCHANGED, name, score, _box(wrong))


def _parts(view: _View) -> Iterator[Suspicion]:
    """Parts that only the mask has, and parts that only the model sees."""
    named_wrong = np.zeros(view.mask.shape, bool)
    for class_id, region in _components(view.mask, view.least):
        score = _alone(region, class_id, view.seen, view)
        if score <= 0:
            continue
        other = _same_place(region, class_id, view)
        kind = ADDITIONAL if other is None else WRONG_CLASS
        if other is not None:
            named_wrong |= region
        yield Suspicion(kind, view.schema.names[class_id], score, _box(region))
    for class_id, region in _components(view.seen, view.least):
        if (region & named_wrong).sum() < 0.5 * region.sum():
            score = _alone(region, class_id, view.mask, view)
            yield Suspicion(MISSING, view.schema.names[class_id], score, _box(region))


def _components(labels: np.ndarray, least: float) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the class and the pixels of every connected part that is large enough."""
    for class_id in np.unique(labels):
        if class_id == 0:
            continue
        parts, count = ndimage.label(labels == class_id, structure=np.ones((3, 3)))
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        for number in range(1, count + 1):
            if sizes[number] >= least:
                yield int(class_id), parts == number


def _alone(region: np.ndarray, class_id: int, others: np.ndarray, view: _View) -> float:
    """Scores how surely a part of one label map has no counterpart in the other.

    A part that is near its place in the other map, under its own name or its mirror's, has a
    counterpart. A small part counts less, and so does a small share of its class: annotators
    differ in tufts of hair, hardly in noses.
    """
    size = float(region.sum())
    names = (class_id, view.schema.mirror_ids[class_id])
    differs = region & ~np.isin(others, names)
    x0, y0, x1, y1 = _box(region)
    dx, dy = round(_AROUND * (x1 - x0)) + 1, round(_AROUND * (y1 - y0)) + 1
    near = others[max(0, y0 - dy) : y1 + dy, max(0, x0 - dx) : x1 + dx]
    absent = max(0.0, 1 - float(np.isin(near, names).sum()) / size)
    own = view.mask if others is view.seen else view.seen
    share = size / float(np.isin(own, names).sum())
    weight = share**0.5 * size / (size + _SMALL * view.mask.size)
    return absent * weight * float(view.sure[differs].sum()) / size


def _same_place(region: np.ndarray, class_id: int, view: _View) -> int | None:
    """Returns the other class that the model gives to this very region, None if there is none."""
    ids, counts = np.unique(view.seen[region], return_counts=True)
    best = int(ids[counts.argmax()])
    if best in (0, class_id, view.schema.mirror_ids[class_id]):
        return None
    parts, _ = ndimage.label(view.seen == best, structure=np.ones((3, 3)))
    touched = np.bincount(parts[region & (parts > 0)])
    if len(touched) == 0:
        return None
    other = parts == int(touched.argmax())
    shared = float((other & region).sum())
    return best if shared / float((other | region).sum()) >= _SAME_PLACE else None


def _shifted(view: _View) -> Iterator[Suspicion]:
    """Classes that would fit much better if they were moved."""
    step = max(1, round(max(view.mask.shape) / _SHIFT_SIDE))
    mask, seen = view.mask[::step, ::step], view.seen[::step, ::step]
    for class_id in np.unique(mask):
        first, second = mask == class_id, seen == class_id
        if class_id == 0 or first.sum() < 20 or second.sum() < 20:
            continue
        gain = _gain_of_shift(first, second)
        sure = float(view.sure[view.seen == class_id].mean())
        box = _box(view.mask == class_id)
        yield Suspicion(SHIFTED, view.schema.names[class_id], gain * sure, box)


def _gain_of_shift(first: np.ndarray, second: np.ndarray) -> float:
    """Returns by how much the IoU of two regions rises if the first is moved a little."""
    farthest = max(1, round(_FARTHEST * max(first.shape)))
    # The overlap at every shift, as a product of spectra. The padding keeps shifts apart.
    size = tuple(length + farthest for length in first.shape)
    spectrum = np.fft.rfft2(second, size) * np.conj(np.fft.rfft2(first, size))
    overlap = np.fft.irfft2(spectrum, size)
    near = np.roll(overlap, farthest, (0, 1))[: 2 * farthest + 1, : 2 * farthest + 1]
    iou = near / (float(first.sum()) + float(second.sum()) - near)
    return max(0.0, float(iou.max() - iou[farthest, farthest]))


_LOOKS = (_exchanged, _shifted, _parts)


def _enlarged(box: Box, factor: int) -> Box:
    x0, y0, x1, y1 = box
    return x0 * factor, y0 * factor, x1 * factor, y1 * factor


def _box(region: np.ndarray) -> Box:
    rows, columns = np.nonzero(region)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
