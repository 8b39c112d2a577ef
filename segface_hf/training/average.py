"""Weight averaging: an exponential moving average of a model, which is what gets evaluated."""

from __future__ import annotations

import copy

import torch
from torch import nn


def averaged_copy(model: nn.Module) -> nn.Module:
    """Returns a frozen copy that `update_average` moves towards the model."""
    average = copy.deepcopy(model).eval()
    return average.requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, *, decay: float, step: int) -> None:
    """Moves the average a little towards the model; early steps move it further.

    Args:
        average: What `averaged_copy` returned; changed in place.
        model: The model after an optimiser step.
        decay: Share of the old average that stays.
        step: Steps done so far.
    """
    keep = min(decay, (1 + step) / (10 + step))
    ours, theirs = average.state_dict(), model.state_dict()
    for key, value in ours.items():
        if value.is_floating_point():
            value.lerp_(theirs[key], 1 - keep)
        else:
            value.copy_(theirs[key])
