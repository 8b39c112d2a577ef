"""Pseudo-labels: a teacher's masks for photos that have none, where the teacher is sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from segface_hf.data.folder import IMAGE_SUFFIXES, PhotoSet
from segface_hf.errors import DataError, ImageError
from segface_hf.evaluation.photos import frame_pixels
from segface_hf.images import load_image
from segface_hf.labels import IGNORED
from segface_hf.modeling.segface import SegFace


def find_photos(folder: str | Path) -> tuple[Path, ...]:
    """Lists a folder's photos, by name; of a data folder those in `images/`.

    Raises:
        DataError: There is none.
    """
    root = Path(folder)
    root = root / "images" if (root / "images").is_dir() else root
    suffixes = ", ".join(IMAGE_SUFFIXES)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: name one that holds photos ({suffixes})")
    photos = tuple(
        path
        for path in sorted(root.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    if not photos:
        raise DataError(f"{root} holds no photos of type {suffixes}")
    return photos


@dataclass(frozen=True)
class Teacher:
    """A model that labels frames, several at a time.

    Attributes:
        model: What sees every frame twice, the second time flipped.
        confidence: Pixels whose best class is less probable are `IGNORED`.
        workers: Frames at a time, a thread each; labels don't depend on it.
        progress: Whether a bar shows rate and time left: at half a second a photo it takes minutes.
    """

    model: SegFace
    confidence: float
    workers: int = 1
    progress: bool = False

    def label(self, frames: Sequence[Image.Image]) -> Iterator[Tensor]:
        """Yields what `label_frame` returns for each frame, in their order."""
        self.model.eval()

        def one(frame: Image.Image) -> Tensor:
            return label_frame(self.model, frame, confidence=self.confidence)

        with ThreadPoolExecutor(self.workers) as pool:
            yield from tqdm(
                pool.map(one, frames),
                desc="teacher",
                total=len(frames),
                unit="photo",
                disable=not self.progress,
            )


@torch.inference_mode()
def label_frame(teacher: SegFace, image: Image.Image, *, confidence: float) -> Tensor:
    """Labels one frame by the mean of two passes, the second on the flipped photo.

    Args:
        teacher: In evaluation mode.
        image: A frame that holds one upright face.
        confidence: Pixels whose best class is less probable are `IGNORED`.

    Returns:
        uint8 (H, W) of class ids and `IGNORED`, at the photo's size.
    """
    config = teacher.config
    pixels = frame_pixels(image, config, side=config.resolution)
    swap = torch.tensor(config.labels.mirror_ids)
    chances = teacher.logits(pixels).float().softmax(1)
    chances = chances + teacher.logits(pixels.flip(3)).float().softmax(1).flip(3)[:, swap]
    size = (image.height, image.width)
    best, ids = F.interpolate(chances / 2, size=size, mode="bilinear", align_corners=False).max(1)
    return ids[0].to(torch.uint8).masked_fill(best[0] < confidence, IGNORED)


def pseudo_labelled(teacher: Teacher, folder: str | Path, *, side: int) -> PhotoSet:
    """Reads photos without masks and lets a teacher label them.

    Args:
        teacher: Who labels.
        folder: Photos; each a frame with one upright face, as the training photos are.
        side: Side in pixels at which they are kept.

    Raises:
        DataError: Names the photo that can't be read.
    """
    paths = find_photos(folder)
    photos = [_read_upright(path).resize((side, side), Image.Resampling.BICUBIC) for path in paths]
    images = [torch.from_numpy(np.array(photo)).permute(2, 0, 1) for photo in photos]
    masks = list(teacher.label(photos))
    stems = tuple(path.stem for path in paths)
    return PhotoSet(torch.stack(images), torch.stack(masks), stems, teacher.model.config.labels)


def _read_upright(path: Path) -> Image.Image:
    """Reads a photo as it is looked at: without a mask, nothing says how it is stored."""
    try:
        return load_image(path)
    except ImageError as error:
        raise DataError(f"{path} can't be read as a photo: {error}") from error


def joined(photos: PhotoSet, more: PhotoSet) -> PhotoSet:
    """Returns both sets as one."""
    return replace(
        photos,
        images=torch.cat([photos.images, more.images]),
        masks=torch.cat([photos.masks, more.masks]),
        stems=photos.stems + more.stems,
    )


_LEAST_SHARE = 2.5e-4
_FRAGMENT = 0.25


def mend_missing(
    photos: PhotoSet, teacher: Teacher, *, complete: bool = False
) -> tuple[PhotoSet, tuple[str, ...]]:
    """Sets aside the pixels of parts that masks lack, so that they neither teach nor punish.

    Of a part that is there in small, the mask itself says that it is there: `complete` gives it
    the teacher's pixels; otherwise it stays as it is.

    Args:
        photos: Photos and masks; background is never taken as missing.
        teacher: Where it is unsure, pixels stay as they are.
        complete: Whether fragments, less than a quarter of what the teacher sees, are completed.

    Returns:
        The photos with `IGNORED` where a part is missing, and the stems that changed.
    """
    masks, changed = photos.masks.clone(), []
    frames = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in photos.images]
    for index, (stem, seen) in enumerate(zip(photos.stems, teacher.label(frames), strict=True)):
        mended = _mended(masks[index], seen, complete=complete, classes=photos.schema.num_classes)
        if not torch.equal(mended, masks[index]):
            masks[index] = mended
            changed.append(stem)
    return replace(photos, masks=masks), tuple(changed)


def _mended(mask: Tensor, seen: Tensor, *, complete: bool, classes: int) -> Tensor:
    """Returns a mask without the claim that what `seen` holds beyond it isn't there."""
    # Where nobody labelled, the teacher has no say either.
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
