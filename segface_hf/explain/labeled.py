"""Aligned crops with true masks, as subjects that can be probed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from segface_hf.data.folder import Pair, iterate_pairs
from segface_hf.evaluation.predictor import frame_pixels
from segface_hf.explain.margin import Subject
from segface_hf.modeling.segface import SegFace


def labeled_subjects(model: SegFace, pairs: Sequence[Pair]) -> Iterator[tuple[Subject, np.ndarray]]:
    """Yields aligned crops and their true masks, uint8 (S, S), at the model's resolution."""
    side = model.config.resolution
    for _, image, mask in iterate_pairs(pairs, model.config.labels):
        truth = Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST)
        subject = Subject(model, frame_pixels(image, model.config, side=side))
        yield subject, np.asarray(truth)
