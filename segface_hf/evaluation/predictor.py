"""Predictor: a model's mask of an aligned crop, or of a photo by way of the photo pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from segface_hf.config import SegFaceConfig
from segface_hf.data.frames import is_aligned_crop
from segface_hf.errors import LabelError, LandmarksRequiredError
from segface_hf.images import normalize
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser
from segface_hf.pipeline.detect import Detector
from segface_hf.pipeline.merge import CropParse

Predict = Callable[[Image.Image], np.ndarray]
"""From an RGB picture to its mask, uint8 (H, W) at the picture's size."""


@dataclass(frozen=True)
class Predictor:
    """Predicts pictures that have a true mask, which tells crops from photos.

    Attributes:
        schema: What ids stand for.
        crop: Predicts a crop of one upright face, in one pass.
        photo: Predicts any other photo, as `FaceParser` does: found faces, framed and merged.
        aligned: Takes every picture as a crop.

    Example:
        >>> predictor = Predictor.of(SegFace.from_pretrained())
        >>> prediction = predictor.predict(image, mask)
    """

    schema: LabelSchema
    crop: Predict
    photo: Predict
    aligned: bool = False

    @classmethod
    def of(
        cls,
        model: SegFace,
        *,
        side: int = 0,
        mirrored: bool = False,
        aligned: bool = False,
        detector: Detector | None = None,
    ) -> Predictor:
        """Makes the predictor of a model.

        Args:
            model: In evaluation mode.
            side: Resolution to run at; 0 is the model's own.
            mirrored: Adds a second pass on the flipped picture.
            aligned: Takes every picture as a crop.
            detector: Finds the faces of photos; None uses the parser's.

        Raises:
            LandmarksRequiredError: The model needs landmarks, which a data folder doesn't hold.
        """
        check_frames(model.config)
        engine = _EvaluationEngine(model, side or model.config.resolution, mirrored)
        parser = FaceParser(engine, detector=detector)
        return cls(model.config.labels, engine.crop, lambda i: parser.parse(i).mask, aligned)

    def takes_as_crop(self, mask: np.ndarray) -> bool:
        """Whether the picture of a true mask is predicted as one crop."""
        return self.aligned or is_aligned_crop(mask, self.schema)

    def predict(self, image: Image.Image, mask: np.ndarray) -> np.ndarray:
        """Predicts a picture.

        Args:
            image: RGB.
            mask: uint8 (H, W), the truth; it only tells whether the picture is a crop.

        Returns:
            uint8 (H, W).
        """
        return (self.crop if self.takes_as_crop(mask) else self.photo)(image)


def check_frames(config: SegFaceConfig) -> None:
    """Makes sure that a model sees crops as a data folder holds them.

    Raises:
        LandmarksRequiredError: It sees faces aligned and warped, and a folder holds no landmarks.
    """
    if config.warp == "tanh":
        raise LandmarksRequiredError(
            f"a '{config.schema}' model sees faces aligned by landmarks and warped, and a folder "
            "of photos and masks holds none: run it by FaceParser, which finds them"
        )


def load_other(name: str, model: SegFace) -> SegFace:
    """Loads the checkpoint to compare with, before anything is measured.

    Raises:
        LabelError: It has other classes.
        LandmarksRequiredError: It needs landmarks, which a folder doesn't hold.
    """
    other = SegFace.from_pretrained(name)
    check_frames(other.config)
    if other.config.labels != model.config.labels:
        theirs, ours = other.config.labels.names, model.config.labels.names
        differing = sorted(set(theirs) ^ set(ours)) or "other ids or colors"
        raise LabelError(
            f"{name} has {len(theirs)} classes, the model {len(ours)}, and they differ in "
            f"{differing}: compare models of the same classes"
        )
    return other


def frame_pixels(image: Image.Image, config: SegFaceConfig, *, side: int) -> Tensor:
    """Resizes a whole crop to the model's square and normalizes it: (1, 3, side, side).

    Raises:
        LandmarksRequiredError: What `check_frames` raises.
    """
    check_frames(config)
    resized = image.resize((side, side), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None].float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (config.mean, config.std))
    return (pixels - mean) / std


@dataclass(frozen=True, eq=False)
class _EvaluationEngine:
    """Runs a model at a chosen resolution, with or without a second pass on the flipped crop."""

    model: SegFace
    side: int
    mirrored: bool

    @property
    def config(self) -> SegFaceConfig:
        """The model's, at the chosen resolution."""
        return replace(self.model.config, resolution=self.side)

    def crop(self, image: Image.Image) -> np.ndarray:
        """Predicts a crop: uint8 (H, W) at the crop's size."""
        logits = self._logits(frame_pixels(image, self.model.config, side=self.side))
        resized = _enlarged(logits, (image.height, image.width))
        return np.asarray(resized.argmax(1)[0].to(torch.uint8).cpu().numpy())

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, confidence: bool
    ) -> list[CropParse]:
        """Parses uint8 RGB crops (B, S, S, 3); see `segface_hf.pipeline.pipeline.Engine`."""
        pixels = torch.from_numpy(normalize(crops, self.config.mean, self.config.std))
        logits = _enlarged(self._logits(pixels), crops.shape[1:3])
        labels = logits.argmax(1).to(torch.uint8).cpu().numpy()
        return [
            CropParse.read(*planes, confidence=confidence)
            for planes in zip(logits.cpu().numpy(), labels, strict=True)
        ]

    @torch.inference_mode()
    def _logits(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) -> float (B, K, s, s) at the model's output size, summed over passes."""
        pixels = pixels.to(next(self.model.parameters()).device)
        logits = self.model.logits(pixels).float()
        if not self.mirrored:
            return logits
        swap = torch.tensor(self.model.config.labels.mirror_ids, device=logits.device)
        return logits + self.model.logits(pixels.flip(3)).float().flip(3)[:, swap]


def _enlarged(logits: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resizes logits bilinearly to (height, width)."""
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
