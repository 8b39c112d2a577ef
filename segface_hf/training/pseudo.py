"""Pseudo-labels: a teacher's masks for photos that have none, where the teacher is sure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from segface_hf.errors import DataError
from segface_hf.model import SegFace
from segface_hf.training.data import IGNORED, IMAGE_SUFFIXES, PhotoSet, read_photo
from segface_hf.training.evaluation import frame_pixels


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
    photos = tuple(p for p in sorted(root.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES)
    if not photos:
        raise DataError(f"{root} holds no photos of type {suffixes}")
    return photos


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


def pseudo_labelled(
    teacher: SegFace, folder: str | Path, *, side: int, confidence: float
) -> PhotoSet:
    """Reads photos without masks and lets a teacher label them.

    Args:
        teacher: The model that labels.
        folder: Photos; each a frame with one upright face, as the training photos are.
        side: Side in pixels at which they are kept.
        confidence: What `label_frame` takes.

    Raises:
        DataError: Names the photo that can't be read.
    """
    teacher.eval()
    images, masks, paths = [], [], find_photos(folder)
    for path in paths:
        photo = read_photo(path).resize((side, side), Image.Resampling.BICUBIC)
        images.append(torch.from_numpy(np.array(photo)).permute(2, 0, 1))
        masks.append(label_frame(teacher, photo, confidence=confidence))
    stems = tuple(path.stem for path in paths)
    return PhotoSet(torch.stack(images), torch.stack(masks), stems, teacher.config.labels)


def joined(photos: PhotoSet, more: PhotoSet) -> PhotoSet:
    """Returns both sets as one."""
    return replace(
        photos,
        images=torch.cat([photos.images, more.images]),
        masks=torch.cat([photos.masks, more.masks]),
        stems=photos.stems + more.stems,
    )
