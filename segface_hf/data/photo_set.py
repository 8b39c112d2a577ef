"""PhotoSet: the faces of photos and masks as square samples for training."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segface_hf._progress import MedianBar
from segface_hf._utils import counted
from segface_hf.data.folder import Pair, read_pair
from segface_hf.data.frames import (
    FaceSample,
    face_samples,
    is_aligned_crop,
    photo_frames,
    shared_detector,
)
from segface_hf.data.stacks import (
    Images,
    LazyImages,
    Masks,
    PackedMasks,
    StackSource,
    pack,
    selected,
)
from segface_hf.errors import DataError
from segface_hf.labels import LabelSchema
from segface_hf.pipeline.detect import Detector

_LOG = logging.getLogger(__name__)
_THREADS, _CHUNK = 4, 256
FACE_MARK = "/"
"""Stands between a photo's stem and the number of a face; no file name holds it."""


@dataclass(frozen=True)
class PhotoSet:
    """Frames of one face each and their masks, at one square size, in memory or decoded when used.

    Attributes:
        images: uint8 (N, 3, S, S) RGB.
        masks: uint8 (N, S, S) of class ids and `IGNORED`.
        stems: N names: the file's stem for an aligned crop, `stem/1`, `stem/2` and so on for the
            faces of a photo.
        schema: What the ids stand for.
    """

    images: Images
    masks: Masks
    stems: tuple[str, ...]
    schema: LabelSchema

    def __len__(self) -> int:
        return len(self.stems)

    def presence(self) -> Tensor:
        """Returns bool (N, K): which classes each mask holds."""
        counts = [torch.bincount(m.flatten().long(), minlength=256) for m in self.masks]
        return torch.stack(counts)[:, : self.schema.num_classes] > 0

    def pixel_share(self) -> Tensor:
        """Returns float64 (K,): the share of each class in all pixels."""
        counts = sum(torch.bincount(m.flatten().long(), minlength=256) for m in self.masks)
        known = torch.as_tensor(counts)[: self.schema.num_classes].double()
        return known / known.sum().clamp(min=1)

    def subset(self, keep: Sequence[int]) -> PhotoSet:
        """Returns the frames at these positions."""
        stems = tuple(self.stems[i] for i in keep)
        images, masks = selected(self.images, keep), selected(self.masks, keep)
        return PhotoSet(images, masks, stems, self.schema)


def load_photos(
    pairs: Sequence[Pair],
    schema: LabelSchema,
    *,
    side: int,
    aligned: bool = False,
    detector: Detector | None = None,
    progress: bool = False,
    lazy: bool = False,
) -> PhotoSet:
    """Reads pairs, one square sample per face.

    A picture that is already a crop of one upright face is resized; `is_aligned_crop` recognizes
    it. Any other photo gives a sample for each of its faces, framed as `FaceParser` frames them.

    Args:
        pairs: What `find_pairs` gave.
        schema: Refuses ids outside it.
        side: Side in pixels. Crops resize bicubically, masks by nearest.
        aligned: Takes every picture as a crop of one upright face.
        detector: Finds the faces of photos; None uses the parser's.
        progress: Whether to show a progress bar after two seconds.
        lazy: Keeps compressed masks in memory, and decodes images each time they are used. The
            samples are the same, in the same order.

    Raises:
        DataError: Names the first file that can't be used, or no photo shows a face.
    """
    if not pairs:
        raise DataError("no photos to load: the list of pairs is empty")
    detector = detector or (None if aligned else shared_detector())
    if lazy:
        find = partial(_sources_of, schema=schema, side=side, aligned=aligned, detector=detector)
        return _load_lazily(pairs, find, schema, side=side, progress=progress)
    # Filled in place, so that thousands of photos are not in memory twice.
    images = torch.empty((len(pairs), 3, side, side), dtype=torch.uint8)
    masks = torch.empty((len(pairs), side, side), dtype=torch.uint8)

    def load(index: int) -> tuple[list[str], list[FaceSample]]:
        """Stores the first face in place; returns the names of all faces, and the other faces."""
        image, mask = read_pair(pairs[index], schema)
        stem = pairs[index].stem
        if aligned or is_aligned_crop(mask, schema):
            names, samples = [stem], [_resized(image, mask, side)]
        else:
            frames = photo_frames(image, mask, schema, detector=detector)
            samples = list(face_samples(image, mask, frames, side=side))
            names = [f"{stem}{FACE_MARK}{number}" for number in range(1, len(frames) + 1)]
        if samples:
            images[index], masks[index] = _tensors(samples[0])
        return names, samples[1:]

    with ThreadPoolExecutor(2) as pool:
        bar: dict[str, Any] = {"desc": "load", "unit": "photo", "delay": 2, "disable": not progress}
        loaded = list(MedianBar(pool.map(load, range(len(pairs))), total=len(pairs), **bar))
    return _put_together(images, masks, loaded, schema)


Found = list[tuple[str, StackSource, bytes]]
"""Names, image sources and compressed masks of a photo's faces."""


def _sources_of(
    pair: Pair, *, schema: LabelSchema, side: int, aligned: bool, detector: Detector | None
) -> Found:
    image, mask = read_pair(pair, schema)
    size = (mask.shape[1], mask.shape[0])
    if aligned or is_aligned_crop(mask, schema):
        ids = _resized(image, mask, side).mask
        return [(pair.stem, StackSource(pair.image, pair.mask, size), pack(ids))]
    frames = photo_frames(image, mask, schema, detector=detector)
    samples = face_samples(image, mask, frames, side=side)
    return [
        (
            f"{pair.stem}{FACE_MARK}{number}",
            StackSource(pair.image, pair.mask, size, frame),
            pack(s.mask),
        )
        for number, (frame, s) in enumerate(zip(frames, samples, strict=True), 1)
    ]


def _load_lazily(
    pairs: Sequence[Pair],
    find: Callable[[Pair], Found],
    schema: LabelSchema,
    *,
    side: int,
    progress: bool,
) -> PhotoSet:
    """Reads every pair once, in chunks, and keeps masks and the places of images."""
    first: Found = []
    others: Found = []
    with (
        ThreadPoolExecutor(_THREADS) as pool,
        MedianBar(
            desc="load", total=len(pairs), unit="photo", delay=2, disable=not progress
        ) as bar,
    ):
        for start in range(0, len(pairs), _CHUNK):
            for found in pool.map(find, pairs[start : start + _CHUNK]):
                first += found[:1]
                others += found[1:]
                bar.update()
    _check_faces(len(first), len(pairs))
    names, sources, packed = zip(*first, *others, strict=True)
    return PhotoSet(LazyImages(sources, side), PackedMasks(packed, side), names, schema)


def _check_faces(kept: int, photos: int) -> None:
    if not kept:
        raise DataError(
            f"no face was found in {counted(photos, 'photo')}: expected photos of faces. Pass "
            "--aligned if they are crops of one upright face each"
        )
    if kept < photos:
        _LOG.warning(
            "no face was found in %d of %d photos; they are left out", photos - kept, photos
        )


def _put_together(
    images: Tensor,
    masks: Tensor,
    loaded: Sequence[tuple[list[str], list[FaceSample]]],
    schema: LabelSchema,
) -> PhotoSet:
    """Drops photos without a face, and adds the faces beyond the first of each photo."""
    kept = [index for index, (names, _) in enumerate(loaded) if names]
    _check_faces(len(kept), len(loaded))
    more = [_tensors(sample) for _, samples in loaded for sample in samples]
    if len(kept) < len(loaded) or more:
        images = torch.cat([images[kept], *(image[None] for image, _ in more)])
        masks = torch.cat([masks[kept], *(mask[None] for _, mask in more)])
    first = [names[0] for names, _ in loaded if names]
    others = [name for names, _ in loaded for name in names[1:]]
    return PhotoSet(images, masks, (*first, *others), schema)


def _resized(image: Image.Image, mask: np.ndarray, side: int) -> FaceSample:
    resized = image.resize((side, side), Image.Resampling.BICUBIC)
    ids = Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST)
    return FaceSample(np.array(resized), np.array(ids))


def _tensors(sample: FaceSample) -> tuple[Tensor, Tensor]:
    """The sample's image as (3, S, S) and its mask as (S, S)."""
    return torch.from_numpy(sample.image).permute(2, 0, 1), torch.from_numpy(sample.mask)
