"""TorchEngine: the one place where the photo pipeline meets a torch model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
import torch
from torch import nn

from segface_hf._utils import check_device
from segface_hf.config import SegFaceConfig
from segface_hf.images import normalize
from segface_hf.inference.infer import forget, infer
from segface_hf.modeling.segface import SegFace
from segface_hf.pipeline.merge import CropParse


class TorchEngine:
    """Runs a SegFace model on uint8 crops, in the model's own precision.

    Args:
        model: Any SegFace model; one in training mode is evaluated and trains on.
        device: Where it goes; None leaves it where it is.
    """

    name = "torch"

    def __init__(self, model: SegFace, *, device: str | torch.device | None = None) -> None:
        if device is not None:
            check_device(device)
        self.model = model if device is None else model.to(device)
        self._evaluation = _Evaluation(model)
        forget(model)

    @property
    def config(self) -> SegFaceConfig:
        """Resolution, labels and warp of the model."""
        return self.model.config

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def parameters(self) -> int:
        """How many values the model has learnt."""
        return sum(weights.numel() for weights in self.model.parameters())

    @property
    def cores(self) -> int:
        """How many calls may well run at a time, one thread each."""
        return torch.get_num_threads() if self.device.type == "cpu" else 1

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, confidence: bool
    ) -> list[CropParse]:
        """Parses uint8 RGB crops (B, S, S, 3); see `segface_hf.pipeline.pipeline.Engine`."""
        weight = next(self.model.parameters())
        pixels = torch.from_numpy(normalize(crops, self.config.mean, self.config.std)).to(weight)
        points = None if landmarks is None else torch.from_numpy(landmarks).to(weight.device)
        with self._evaluation.on():
            found = infer(self.model, pixels, landmarks=points, confidence=confidence, logits=True)
        assert found.logits is not None
        labels = _array(found.labels)
        logits = _array(found.logits.permute(0, 2, 3, 1).float())
        if not confidence:
            return [CropParse(*planes) for planes in zip(labels, logits, strict=True)]
        assert found.confidence is not None
        assert found.runner_up is not None
        planes = (labels, logits, _array(found.confidence), _array(found.runner_up))
        return [CropParse(*parts) for parts in zip(*planes, strict=True)]


class _Evaluation:
    """A model in evaluation mode while any thread needs it, and then as it was."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._lock = Lock()
        self._inside = 0
        self._trained: list[nn.Module] = []

    @contextmanager
    def on(self) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._trained = [part for part in self._model.modules() if part.training]
                for part in self._trained:
                    part.training = False
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                for part in self._trained if not self._inside else ():
                    part.training = True


def _array(plane: torch.Tensor) -> np.ndarray:
    return np.asarray(plane.contiguous().cpu().numpy())
