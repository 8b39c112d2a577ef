"""TorchEngine: the one place where the photo pipeline meets a torch model."""

from __future__ import annotations

import numpy as np
import torch

from segface_hf.config import SegFaceConfig
from segface_hf.fused import forget, infer
from segface_hf.images import normalise
from segface_hf.merge import CropParse
from segface_hf.model import SegFace


class TorchEngine:
    """Runs a SegFace model on uint8 crops.

    Args:
        model: Any SegFace model; it is put into evaluation mode.
        device: Where it goes.
    """

    def __init__(self, model: SegFace, *, device: str | torch.device = "cpu") -> None:
        self.model = model.to(device).eval()
        self._device = torch.device(device)
        forget(model)

    @property
    def config(self) -> SegFaceConfig:
        """Resolution, labels and warp of the model."""
        return self.model.config

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, doubt: bool
    ) -> list[CropParse]:
        """Parses uint8 RGB crops (B, S, S, 3); see `segface_hf.photo.Engine`."""
        pixels = torch.from_numpy(normalise(crops, self.config.mean, self.config.std))
        points = None if landmarks is None else torch.from_numpy(landmarks).to(self._device)
        found = infer(
            self.model, pixels.to(self._device), landmarks=points, doubt=doubt, logits=True
        )
        assert found.logits is not None
        labels, logits = _array(found.labels), _array(found.logits.permute(0, 2, 3, 1))
        if not doubt:
            return [CropParse(*planes) for planes in zip(labels, logits, strict=True)]
        assert found.confidence is not None
        assert found.runner_up is not None
        planes = (labels, logits, _array(found.confidence), _array(found.runner_up))
        return [CropParse(*parts) for parts in zip(*planes, strict=True)]


def _array(plane: torch.Tensor) -> np.ndarray:
    return np.asarray(plane.contiguous().cpu().numpy())
