"""Weight averaging: a moving average during training, and the mean of checkpoints."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn

from segface_hf.errors import ConfigError
from segface_hf.modeling.calibration import with_class_bias
from segface_hf.modeling.segface import SegFace
from segface_hf.training.provenance import Origin, with_origins


def averaged_copy(model: nn.Module) -> nn.Module:
    """Returns a frozen copy that `update_average` moves towards the model."""
    average = copy.deepcopy(model).eval()
    return average.requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, *, decay: float, step: int) -> None:
    """Updates an exponential moving average; its decay is lower in the first steps.

    Args:
        average: From `averaged_copy`; changed in place.
        model: The model after an optimizer step.
        decay: Weight of the old average.
        step: Number of steps so far.
    """
    keep = min(decay, (1 + step) / (10 + step))
    ours, theirs = average.state_dict(), model.state_dict()
    for key, value in ours.items():
        if value.is_floating_point():
            value.lerp_(theirs[key], 1 - keep)
        else:
            value.copy_(theirs[key])


@torch.no_grad()
def mean_of(models: Sequence[SegFace], shares: Sequence[float]) -> SegFace:
    """Averages models weight by weight (model soups, Wortsman et al., ICML 2022).

    The models must come from the same weights, or their mean is meaningless.

    Args:
        models: Models of one architecture.
        shares: Weight of each model; scaled to a sum of 1.

    Returns:
        A new model with the configuration of the first, the sources and the strictest license of
        all, and the mean of their class constants.

    Raises:
        ConfigError: The number of shares is wrong, or architectures or classes differ.
    """
    sound = all(math.isfinite(share) and share >= 0 for share in shares)
    if len(models) != len(shares) or not sound or sum(shares) <= 0:
        raise ConfigError(
            f"expected a share of at least 0 for each of {len(models)} models and a positive sum, "
            f"got {list(shares)}"
        )
    states = [model.state_dict() for model in models]
    shapes = [{key: value.shape for key, value in state.items()} for state in states]
    if any(other != shapes[0] for other in shapes):
        raise ConfigError("the models have different architectures: average checkpoints of one run")
    if any(model.config.labels != models[0].config.labels for model in models):
        raise ConfigError("the models have different classes: average checkpoints of one run")
    if any(model.config.head_scales != models[0].config.head_scales for model in models):
        raise ConfigError("the models scale different heads: average them before scaling")
    mean = copy.deepcopy(models[0]).float()
    for key, value in mean.state_dict().items():
        if value.is_floating_point():
            parts = [s * state[key].float() for s, state in zip(shares, states, strict=True)]
            value.copy_(torch.stack(parts).sum(0) / sum(shares))
    origins = [Origin("part", "", model.config) for model in models]
    mean.config = with_origins(mean.config, origins, photos=False)
    if any(model.config.class_bias for model in models):
        mean = with_class_bias(mean, _mean_bias(models, shares))
    return mean.eval()


def _mean_bias(models: Sequence[SegFace], shares: Sequence[float]) -> dict[str, float]:
    labels = models[0].config.labels
    total = [0.0] * labels.num_classes
    for model, share in zip(models, shares, strict=True):
        for index, value in enumerate(model.config.class_bias):
            total[index] += share * value / sum(shares)
    return dict(zip(labels.names, total, strict=True))
