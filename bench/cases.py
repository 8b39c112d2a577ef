"""What the benchmarks measure: models, paths through them, and photos of many faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.pictures import portrait
from segface_hf import SegFace, SegFaceConfig
from segface_hf.checkpoints.files import EMBEDDED, embedded_folder
from segface_hf.inference.infer import infer

SIZE = 512


@torch.inference_mode()
def _plain(model: SegFace, pixels: Tensor) -> Tensor:
    return model(pixels).argmax(1)


PATHS: Mapping[str, Callable[[SegFace, Tensor], object]] = {
    "plain": _plain,
    "fused": lambda model, pixels: infer(model, pixels).labels,
}


@dataclass(frozen=True)
class Setup:
    """How a run measures."""

    repeats: int = 7
    clock: str = "wall"


def build(backbone: str) -> SegFace:
    """The embedded checkpoint, or random weights behind a backbone: speed is the same."""
    if backbone == EMBEDDED:
        return SegFace.from_pretrained(embedded_folder())
    torch.manual_seed(0)
    return SegFace(SegFaceConfig(backbone=backbone)).eval()


def crowd(width: int, height: int, faces: int) -> Image.Image:
    """A photo of so many portraits in a grid."""
    columns = int(np.ceil(np.sqrt(faces * width / height)))
    rows = int(np.ceil(faces / columns))
    side = min(width // columns, height // rows)
    photo, one = Image.new("RGB", (width, height), "white"), portrait(side)
    for index in range(faces):
        photo.paste(one, (index % columns * side, index // columns * side))
    return photo


def rounded(peak: float | None) -> float | None:
    """Rounds a figure for a table."""
    return None if peak is None else round(peak, 1)
