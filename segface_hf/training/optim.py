"""Build: the model that a run starts with, its optimiser, and the optimiser's rates."""

from __future__ import annotations

import math

import torch
from torch import nn

from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe
from segface_hf.training.start import load_decoder, load_imagenet, load_whole


def learning_rate(recipe: Recipe, step: int) -> float:
    """Returns the factor on peak rates at a step: linear warm-up, then a cosine to zero."""
    warmup = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    return warmup * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / recipe.steps)))


def build_model(recipe: Recipe) -> SegFace:
    """Builds the model that a run starts from.

    Raises:
        CheckpointError: The weights to start from are missing or don't fit.
    """
    torch.manual_seed(recipe.seed)
    model = SegFace(recipe.model_config())
    if recipe.initial:
        load_whole(model, SegFace.from_pretrained(recipe.initial), name=recipe.initial)
    elif recipe.pretrained == "imagenet":
        load_imagenet(model.backbone, recipe.model_config().backbone)
    if recipe.decoder:
        load_decoder(model, SegFace.from_pretrained(recipe.decoder), name=recipe.decoder)
    return model.train()


def build_optimizer(model: SegFace, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with one rate for the backbone and one for the rest; no decay on vectors."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, value in model.named_parameters():
        rate = recipe.backbone_rate if name.startswith("backbone.") else recipe.learning_rate
        decay = recipe.weight_decay if value.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(value)
    return torch.optim.AdamW(
        [
            {"params": values, "lr": rate, "peak": rate, "weight_decay": decay}
            for (rate, decay), values in groups.items()
        ]
    )
