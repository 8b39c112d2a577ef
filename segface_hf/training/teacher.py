"""Pseudo-labels by a teacher: for photos without masks, and for parts that masks lack."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from segface_hf._progress import MedianBar
from segface_hf._utils import counted
from segface_hf.data.folder import check_regular
from segface_hf.data.frames import face_samples, is_aligned_crop, photo_frames, shared_detector
from segface_hf.data.photo_set import FACE_MARK, PhotoSet
from segface_hf.data.stacks import (
    Images,
    LazyImages,
    PackedMasks,
    StackSource,
    concatenated,
    read_upright,
    with_changes,
)
from segface_hf.errors import DataError
from segface_hf.evaluation.predictor import frame_pixels
from segface_hf.evaluation.suspects import SUSPECT, suspicion_score, suspicions
from segface_hf.images import SUFFIXES
from segface_hf.labels import IGNORED
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser

_LOG = logging.getLogger(__name__)
# Side to which a photo is reduced to see whether it is a crop of one upright face.
_GLANCE_SIDE = 512


def find_photos(folder: str | Path) -> tuple[Path, ...]:
    """Lists the photos of a folder by name; of a data folder, those in `images/`.

    Raises:
        DataError: There are none.
    """
    root = Path(folder)
    root = root / "images" if (root / "images").is_dir() else root
    suffixes = ", ".join(sorted(SUFFIXES))
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: name a folder of photos ({suffixes})")
    photos = tuple(
        path
        for path in sorted(root.iterdir())
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not photos:
        raise DataError(f"{root} holds no photos of type {suffixes}")
    for path in photos:
        check_regular(path)
    return photos


@dataclass(frozen=True)
class Teacher:
    """A model that labels face frames in several threads.

    Attributes:
        model: Runs twice on each frame, the second time flipped.
        confidence: Pixels whose best class is less probable are `IGNORED`.
        workers: Number of threads; labels don't depend on it.
        progress: Whether to show a progress bar.
    """

    model: SegFace
    confidence: float
    workers: int = 1
    progress: bool = False

    def label(self, images: Images) -> Iterator[Tensor]:
        """Yields the result of `label_frame` for each image, in order; few wait at a time."""
        self.model.eval()

        def one(image: Tensor) -> Tensor:
            frame = Image.fromarray(image.permute(1, 2, 0).numpy())
            return label_frame(self.model, frame, confidence=self.confidence)

        bar: dict[str, Any] = {"desc": "teacher", "unit": "photo", "disable": not self.progress}
        with ThreadPoolExecutor(self.workers) as pool, MedianBar(total=len(images), **bar) as shown:
            waiting: deque[Future[Tensor]] = deque()
            for image in images:
                waiting.append(pool.submit(one, image))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().result()
                    shown.update()
            for labels in waiting:
                yield labels.result()
                shown.update()


@torch.inference_mode()
def label_frame(teacher: SegFace, image: Image.Image, *, confidence: float) -> Tensor:
    """Labels one frame by the mean of two passes, the second on the flipped photo.

    Args:
        teacher: A model in evaluation mode.
        image: A frame with one upright face.
        confidence: Pixels whose best class is less probable are `IGNORED`.

    Returns:
        uint8 (H, W) of class ids and `IGNORED`, at the photo's size.
    """
    config = teacher.config
    pixels = frame_pixels(image, config, side=config.resolution)
    swap = torch.tensor(config.labels.mirror_ids)
    probabilities = teacher.logits(pixels).float().softmax(1)
    probabilities = (
        probabilities + teacher.logits(pixels.flip(3)).float().softmax(1).flip(3)[:, swap]
    )
    size = (image.height, image.width)
    best, ids = F.interpolate(
        probabilities / 2, size=size, mode="bilinear", align_corners=False
    ).max(1)
    return ids[0].to(torch.uint8).masked_fill(best[0] < confidence, IGNORED)


@dataclass(frozen=True)
class _Framed:
    """A face of a photo without a mask.

    Attributes:
        stem: As in `PhotoSet`.
        source: The photo and the face's frame.
        gaps: bool (S, S): pixels beyond the photo and of other faces. None for a crop of one face.
    """

    stem: str
    source: StackSource
    gaps: Tensor | None = None


def pseudo_labeled(
    teacher: Teacher,
    paths: Sequence[Path],
    *,
    side: int,
    aligned: bool = False,
    lazy: bool = False,
) -> PhotoSet:
    """Reads photos without masks and labels them by a teacher, one square sample per face.

    Like photos with masks, crops of one upright face are recognized and resized, and the faces of
    other photos are framed as `FaceParser` frames them.

    Args:
        teacher: Labels the photos.
        paths: Photos by `find_photos`.
        side: Side of the samples in pixels.
        aligned: Takes every photo as a crop of one upright face.
        lazy: Decodes the photos each time they are used, and keeps compressed masks.

    Raises:
        DataError: A photo can't be read; the message names it. Or no photo shows a face.
    """
    frame = _Framer(teacher, side=side, aligned=aligned)
    bar: dict[str, Any] = {
        "desc": "frame",
        "unit": "photo",
        "delay": 2,
        "disable": not teacher.progress,
    }
    found = [frame(path) for path in MedianBar(paths, **bar)]
    if missed := found.count([]):
        _LOG.warning("no face was found in %d of %d photos; they are left out", missed, len(paths))
    faces = [face for several in found for face in several]
    if not faces:
        raise DataError(
            f"no face was found in {counted(len(paths), 'photo')} without masks: expected photos "
            "of faces. Pass --aligned if they are crops of one upright face each"
        )
    stems, schema = tuple(face.stem for face in faces), teacher.model.config.labels
    photos = LazyImages(tuple(face.source for face in faces), side)
    images = photos if lazy else torch.stack(list(photos))
    masks = (
        mask if face.gaps is None else mask.masked_fill(face.gaps, IGNORED)
        for face, mask in zip(faces, teacher.label(images), strict=True)
    )
    if lazy:
        return PhotoSet(images, PackedMasks.of(masks, side=side), stems, schema)
    return PhotoSet(images, torch.stack(list(masks)), stems, schema)


class _Framer:
    """Finds the faces of photos without masks."""

    def __init__(self, teacher: Teacher, *, side: int, aligned: bool) -> None:
        self._model, self._side, self._aligned = teacher.model, side, aligned
        self._detector = None if aligned else shared_detector()
        self._parser = FaceParser(teacher.model, detector=self._detector)

    def __call__(self, path: Path) -> list[_Framed]:
        """Returns the faces of a photo."""
        photo = read_upright(path)
        if self._aligned or self._is_crop(photo):
            return [_Framed(path.stem, StackSource(path))]
        mask, schema = self._parser.parse(photo).mask, self._model.config.labels
        frames = photo_frames(photo, mask, schema, detector=self._detector)
        samples = face_samples(photo, mask, frames, side=self._side)
        return [
            _Framed(
                f"{path.stem}{FACE_MARK}{number}",
                StackSource(path, frame=frame),
                torch.from_numpy(sample.mask == IGNORED),
            )
            for number, (frame, sample) in enumerate(zip(frames, samples, strict=True), 1)
        ]

    def _is_crop(self, photo: Image.Image) -> bool:
        small = photo.copy()
        small.thumbnail((_GLANCE_SIDE, _GLANCE_SIDE))
        seen = label_frame(self._model.eval(), small, confidence=0.0)
        return is_aligned_crop(np.asarray(seen), self._model.config.labels)


def joined(*sets: PhotoSet) -> PhotoSet:
    """Returns all sets concatenated; a single one is not copied."""
    if len(sets) == 1:
        return sets[0]
    return replace(
        sets[0],
        images=concatenated([photos.images for photos in sets]),
        masks=concatenated([photos.masks for photos in sets]),
        stems=tuple(stem for photos in sets for stem in photos.stems),
    )


def suspect_stems(photos: PhotoSet, teacher: Teacher) -> tuple[str, ...]:
    """Returns the stems of photos whose masks are suspects: the teacher contradicts them strongly.

    Args:
        photos: Photos and masks.
        teacher: Judges; pixels where it is unsure don't count.
    """
    stems = []
    for index, seen in enumerate(teacher.label(photos.images)):
        sure, mask = seen != IGNORED, photos.masks[index]
        found = suspicions(
            mask.numpy(),
            torch.where(sure, seen, mask).numpy(),
            (sure.to(torch.uint8) * 255).numpy(),
            photos.schema,
        )
        if suspicion_score(found) >= SUSPECT:
            stems.append(photos.stems[index])
    return tuple(stems)


_LEAST_SHARE = 2.5e-4
_FRAGMENT = 0.25


def fill_missing_parts(
    photos: PhotoSet, teacher: Teacher, *, complete: bool = False
) -> tuple[PhotoSet, tuple[str, ...]]:
    """Marks parts that masks lack as `IGNORED`, so that they are ignored by the loss.

    A fragment in the mask shows that the part exists. With `complete`, fragments get the teacher's
    pixels; otherwise they stay as they are.

    Args:
        photos: Photos and masks; background is never considered missing.
        teacher: Predicts the parts; pixels where it is unsure stay as they are.
        complete: Whether to complete fragments: less than a quarter of the teacher's pixels.

    Returns:
        The photos with `IGNORED` where a part is missing, and the stems of changed masks.
    """
    changes, classes = {}, photos.schema.num_classes
    for index, seen in enumerate(teacher.label(photos.images)):
        mask = photos.masks[index]
        filled = _filled(mask, seen, complete=complete, classes=classes)
        if not torch.equal(filled, mask):
            changes[index] = filled
    stems = tuple(photos.stems[index] for index in changes)
    return replace(photos, masks=with_changes(photos.masks, changes)), stems


def _filled(mask: Tensor, seen: Tensor, *, complete: bool, classes: int) -> Tensor:
    """Returns a mask with the parts that `seen` has and `mask` lacks ignored or completed."""
    # Pixels without a label stay without one.
    seen = seen.masked_fill(mask == IGNORED, IGNORED)
    held, sure = (torch.bincount(ids.flatten().long(), minlength=256) for ids in (mask, seen))
    judged = sure >= _LEAST_SHARE * mask.numel()
    judged[0] = False
    judged[classes:] = False
    lacking = (judged & (held == 0))[seen.long()]
    mask = mask.masked_fill(lacking, IGNORED)
    if not complete:
        return mask
    fragments = judged & (held > 0) & (held < _FRAGMENT * sure)
    return torch.where(fragments[seen.long()], seen, mask)
