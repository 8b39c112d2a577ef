"""Pictures to measure on: the example portrait, as a photo and as a model's input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segface_hf.config import SegFaceConfig
from segface_hf.images import load_image, normalize

PORTRAIT = Path(__file__).resolve().parents[1] / "examples" / "astronaut.jpg"


def portrait(side: int) -> Image.Image:
    """The example portrait, square."""
    return load_image(PORTRAIT).resize((side, side), Image.Resampling.LANCZOS)


def portraits(batch: int, size: int, config: SegFaceConfig) -> Tensor:
    """(batch, 3, size, size) pixels of the portrait: on noise, every pixel would be a border."""
    pixels = normalize(np.asarray(portrait(size))[None], config.mean, config.std)
    return torch.from_numpy(pixels).expand(batch, -1, -1, -1).contiguous()
