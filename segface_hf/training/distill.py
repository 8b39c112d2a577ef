"""Distillation: a model learns a teacher's class probabilities beside the labels of the masks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from segface_hf.config import SegFaceConfig
from segface_hf.errors import ConfigError
from segface_hf.labels import IGNORED
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe


def distillation_loss(
    logits: Tensor, teacher_logits: Tensor, known: Tensor, *, temperature: float
) -> Tensor:
    """Kullback-Leibler divergence from the teacher's probabilities (Hinton et al., 2015).

    Both are softened by the temperature T; the mean over known pixels is multiplied by T squared,
    which keeps the size of gradients independent of T.

    Args:
        logits: (B, K, H, W) of the model in training.
        teacher_logits: (B, K, H, W), a constant.
        known: bool (B, H, W): pixels that count.
        temperature: T, above 0.

    Returns:
        The loss; zero if no pixel is known.
    """
    ours = (logits / temperature).log_softmax(1)
    theirs = (teacher_logits / temperature).log_softmax(1)
    divergence = (theirs.exp() * (theirs - ours)).sum(1)
    mean = (divergence * known).sum() / known.sum().clamp(min=1)
    return mean * temperature**2


@dataclass(frozen=True, eq=False)
class Distiller:
    """A teacher, and how much its probabilities count.

    Attributes:
        teacher: A model of the same classes, in evaluation mode; its side may be another one.
        student: Configuration of the model in training, whose normalized pixels it gets.
        weight: Factor of the loss.
        temperature: Softens the probabilities of both.
    """

    teacher: SegFace
    student: SegFaceConfig
    weight: float
    temperature: float

    @classmethod
    def of(cls, recipe: Recipe, device: torch.device) -> Distiller | None:
        """Loads the teacher of a recipe; None if it has none.

        Raises:
            CheckpointError: The teacher doesn't exist.
            ConfigError: It has other classes.
        """
        options, student = recipe.distill, recipe.model_config()
        if not options.teacher:
            return None
        teacher = SegFace.from_pretrained(options.teacher).to(device).eval()
        if teacher.config.labels != student.labels:
            raise ConfigError(
                f"distill.teacher {options.teacher} has other classes than the recipe's model: "
                "name a teacher with the same classes"
            )
        teacher = teacher.requires_grad_(False)
        return cls(teacher, student, options.weight, options.temperature)

    def loss(self, logits: Tensor, images: Tensor, masks: Tensor) -> Tensor:
        """Returns the weighted loss of a batch.

        Args:
            logits: (B, K, h, w) of the model in training.
            images: (B, 3, H, W), normalized for it.
            masks: int64 (B, H, W); `IGNORED` pixels are excluded.
        """
        size = masks.shape[-2:]
        ours, theirs = (
            F.interpolate(values, size=size, mode="bilinear", align_corners=False)
            for values in (logits, self._logits(images))
        )
        loss = distillation_loss(ours, theirs, masks != IGNORED, temperature=self.temperature)
        return self.weight * loss

    @torch.no_grad()
    def _logits(self, images: Tensor) -> Tensor:
        pixels = images * self._column(self.student.std) + self._column(self.student.mean)
        config = self.teacher.config
        size = (config.resolution, config.resolution)
        pixels = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
        pixels = (pixels - self._column(config.mean)) / self._column(config.std)
        return self.teacher.logits(pixels).float()

    def _column(self, values: tuple[float, ...]) -> Tensor:
        device = next(self.teacher.parameters()).device
        return torch.tensor(values, device=device).view(1, 3, 1, 1)
