"""Missing parts: what a teacher is sure to see and a mask wholly lacks stops counting."""

from __future__ import annotations

from dataclasses import replace

import torch
from PIL import Image

from segface_hf.model import SegFace
from segface_hf.training.data import IGNORED, PhotoSet
from segface_hf.training.pseudo import label_frame

_LEAST_SHARE = 2.5e-4


def ignore_missing(
    photos: PhotoSet, teacher: SegFace, *, confidence: float
) -> tuple[PhotoSet, tuple[str, ...]]:
    """Sets aside the pixels of parts that masks lack, so that they neither teach nor punish.

    A part that the mask holds too little of stays as it is: only whole parts are judged.

    Args:
        photos: Photos and masks; background is never taken as missing.
        teacher: Sees every photo twice, the second time flipped.
        confidence: Pixels whose class is less probable to the teacher stay as they are.

    Returns:
        The photos with `IGNORED` where a part is missing, and the stems that changed.
    """
    teacher.eval()
    masks, changed = photos.masks.clone(), []
    held = photos.presence()
    least = _LEAST_SHARE * masks[0].numel()
    for index, stem in enumerate(photos.stems):
        frame = Image.fromarray(photos.images[index].permute(1, 2, 0).numpy())
        seen = label_frame(teacher, frame, confidence=confidence)
        counts = torch.bincount(seen[seen != IGNORED].long(), minlength=held.shape[1])
        missing = ~held[index] & (counts >= least)
        missing[0] = False
        if bool(missing.any()):
            masks[index][torch.isin(seen, missing.nonzero().flatten().to(seen.dtype))] = IGNORED
            changed.append(stem)
    return replace(photos, masks=masks), tuple(changed)
