"""How far an exported model is from its original, and how far it may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segface_hf.config import SegFaceConfig
from segface_hf.errors import ParityError
from segface_hf.evaluation.scores import Scores, confusion_matrix
from segface_hf.images import normalize
from segface_hf.modeling.segface import SegFace
from segface_hf.modeling.warp import STANDARD_FRAME, STANDARD_LANDMARKS
from segface_hf.onnx import OnnxEngine

# (batch, height, width) that every export is tried on, besides the model's own resolution.
TRIED = ((1, 64, 96), (2, 96, 64), (3, 128, 128))


@dataclass(frozen=True)
class Parity:
    """What a comparison measured.

    Attributes:
        opset: ONNX operator set of the file.
        precision: `float32` or `int8`.
        pictures: How many pictures were compared.
        logit_difference: Largest absolute difference of a logit, over the largest logit.
        agreement: Share of pixels with the same label.
        f1_model: Mean F1 of the original on the masks given, or None.
        f1_export: Mean F1 of the export on them, or None.
    """

    opset: int
    precision: str
    pictures: int
    logit_difference: float
    agreement: float
    f1_model: float | None = None
    f1_export: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Limits:
    """The parity that an export promises.

    Attributes:
        logit_difference: The largest allowed, None for any.
        agreement: The smallest allowed.
        f1_loss: The largest loss of mean F1 allowed, where masks were given.
    """

    logit_difference: float | None = 1e-4
    agreement: float = 0.9999
    f1_loss: float = 0.001

    @classmethod
    def usual(cls, *, int8: bool) -> Limits:
        """The usual promise of a precision."""
        return cls(None, 0.95, 0.02) if int8 else cls()

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return asdict(self)

    def check(self, parity: Parity, *, report: Path) -> None:
        """Checks a comparison.

        Raises:
            ParityError: A figure is worse than promised.
        """
        found = []
        if self.logit_difference is not None and parity.logit_difference > self.logit_difference:
            found.append(
                f"logits differ by {parity.logit_difference:.2g}, "
                f"{self.logit_difference:.2g} is allowed"
            )
        if parity.agreement < self.agreement:
            found.append(f"labels agree on {parity.agreement:.4%}, {self.agreement:.4%} is needed")
        if parity.f1_model is not None and parity.f1_export is not None:
            loss = parity.f1_model - parity.f1_export
            if loss > self.f1_loss:
                found.append(f"mean F1 falls by {loss:.4f}, {self.f1_loss:.4f} is allowed")
        if found:
            raise ParityError(
                f"the export is not the model: {'; '.join(found)}. See {report}, and don't use it"
            )


def compare(
    model: SegFace,
    path: Path,
    *,
    pictures: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    opset: int,
    int8: bool,
) -> Parity:
    """Runs the original, by its plain path, and the export on the same pixels.

    Args:
        model: The original, in evaluation mode.
        path: The ONNX file; `config.json` is beside it.
        pictures: uint8 RGB (H, W, 3); without any, noise of several sizes is compared.
        masks: uint8 (H, W) true labels of the first pictures.
        opset: As in `Parity`.
        int8: Whether the export is quantized.
    """
    engine = OnnxEngine(path.parent)
    largest = difference = 0.0
    same = total = count = 0
    for pixels in _batches(model.config, pictures):
        logits, labels = _exported(engine, pixels)
        plain = _plain(model, pixels)
        largest = max(largest, float(np.abs(plain).max()))
        difference = max(difference, float(np.abs(plain - logits).max()))
        same, total = same + int((plain.argmax(1) == labels).sum()), total + labels.size
        count += len(pixels)
    scores: list[float | None] = [None, None]
    if masks:
        truth = [_resized_mask(mask, model.config.resolution) for mask in masks]
        crops = [_crop(picture, model.config) for picture in pictures[: len(masks)]]
        originals = [_plain(model, crop).argmax(1)[0] for crop in crops]
        exports = [_exported(engine, crop)[1][0] for crop in crops]
        scores = [_mean_f1(truth, found, model.config) for found in (originals, exports)]
    return Parity(
        opset=opset,
        precision="int8" if int8 else "float32",
        pictures=count,
        logit_difference=difference / largest,
        agreement=same / total,
        f1_model=scores[0],
        f1_export=scores[1],
    )


def example_landmarks(pixels: Tensor) -> Tensor:
    """(B, 5, 2) landmarks of a face in each of (B, 3, H, W) pictures, a little tilted."""
    height, width = pixels.shape[-2:]
    places = pixels.new_tensor(STANDARD_LANDMARKS) / STANDARD_FRAME * min(height, width)
    tilted = places + places.flip(1) * pixels.new_tensor([-0.1, 0.1]) + 0.05 * width
    return tilted.expand(len(pixels), 5, 2).contiguous()


def _plain(model: SegFace, pixels: np.ndarray) -> np.ndarray:
    batch = torch.from_numpy(pixels)
    with torch.inference_mode():
        return np.asarray(model(batch, example_landmarks(batch)))


def _exported(engine: OnnxEngine, pixels: np.ndarray) -> list[np.ndarray]:
    return engine.logits_and_labels(pixels, example_landmarks(torch.from_numpy(pixels)).numpy())


def _batches(config: SegFaceConfig, pictures: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The pictures at the model's resolution, or else noise of several sizes."""
    for picture in pictures:
        yield _crop(picture, config)
    if not pictures:
        noise = np.random.default_rng(0)
        side = config.resolution
        for batch, height, width in (*TRIED, (1, side, side)):
            yield noise.standard_normal((batch, 3, height, width), dtype=np.float32)


def _crop(picture: np.ndarray, config: SegFaceConfig) -> np.ndarray:
    side = (config.resolution, config.resolution)
    crop = np.asarray(Image.fromarray(picture).resize(side, Image.Resampling.BILINEAR))
    return normalize(crop[None], config.mean, config.std)


def _resized_mask(mask: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))


def _mean_f1(
    truth: Sequence[np.ndarray], found: Sequence[np.ndarray], config: SegFaceConfig
) -> float:
    classes = config.labels.num_classes
    pairs = zip(truth, found, strict=True)
    total = sum(confusion_matrix(mask, labels, classes) for mask, labels in pairs)
    return Scores(np.asarray(total), config.labels).mean_f1()
