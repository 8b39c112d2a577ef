"""Missing parts: what a teacher is sure to see and a mask lacks, or holds a fragment of."""

from __future__ import annotations

from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from segface_hf.data.folder import PhotoSet
from segface_hf.labels import IGNORED
from segface_hf.training.teacher import Teacher

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
