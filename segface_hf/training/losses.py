"""Losses: cross-entropy and Dice, and how rare classes weigh in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from segface_hf.labels import IGNORED
from segface_hf.modeling.segface import SegFace
from segface_hf.training.prepare import TrainingData
from segface_hf.training.recipe import Loss, Recipe

_RAREST = 1e-4


def prior_shift(data: TrainingData, recipe: Recipe) -> Tensor:
    """Returns float32 (K,): the log of how much commoner each class was made by a recipe.

    Args:
        data: The photos that were trained on, as the recipe prepares them.
        recipe: Says how they were sampled, pasted and drawn on.

    Returns:
        0 for a class that came up as often as the photos hold it, log 2 for twice as often.
    """
    present = data.photos.presence().double()
    share = present.mean(0)
    weights = data.weights / data.weights.sum()
    seen = (present * weights[:, None]).sum(0)
    schema = data.photos.schema
    given = [*recipe.tail.paste.items(), *recipe.tail.drawn.items()]
    for name, chance in given:
        seen[schema.id_of(name)] += (1 - seen[schema.id_of(name)]) * chance
    return (seen.clamp(min=_RAREST) / share.clamp(min=_RAREST)).log().float()


def with_class_bias(model: SegFace, bias: Mapping[str, float]) -> SegFace:
    """Returns the model with constants added to the logits of classes, in its configuration.

    Choose them on photos that were not trained on. A class that is not named keeps its own.

    Args:
        model: It stays as it is.
        bias: Class name -> what is added from now on, in place of what was; negative ones make a
            class rarer.

    Raises:
        LabelError: A class that the model doesn't have.
    """
    labels = model.config.labels
    values = list(model.config.class_bias or [0.0] * labels.num_classes)
    for name, value in bias.items():
        values[labels.id_of(name)] = value
    biased = SegFace(replace(model.config, class_bias=tuple(values)))
    biased.load_state_dict(model.state_dict())
    return biased.eval()


_BETA = 0.999


def _equal(share: Tensor, photos: int) -> Tensor:
    return torch.ones_like(share)


def _inverse_sqrt(share: Tensor, photos: int) -> Tensor:
    return share.clamp(min=1e-6).rsqrt()


def _effective_number(share: Tensor, photos: int) -> Tensor:
    """Cui et al., CVPR 2019, counting a class in units of an average photo's thousandth."""
    counts = (share * photos * 1000).clamp(min=1)
    return (1 - _BETA) / (1 - _BETA**counts)


_WEIGHTINGS: Mapping[str, Callable[[Tensor, int], Tensor]] = MappingProxyType(
    {"none": _equal, "inverse_sqrt": _inverse_sqrt, "effective_number": _effective_number}
)


def class_weights(kind: str, share: Tensor, *, photos: int, limit: float) -> Tensor:
    """Returns float32 (K,) class weights for cross-entropy.

    Args:
        kind: A value of `recipe_parts.CLASS_WEIGHTS`.
        share: (K,) share of each class in all pixels.
        photos: How many photos that share was counted on.
        limit: Largest weight; they are scaled so that the mean over pixels is 1.
    """
    weights = _WEIGHTINGS[kind](share.double(), photos)
    weights = weights / (weights * share).sum().clamp(min=1e-12)
    return weights.clamp(max=limit).float()


def dice_loss(
    logits: Tensor, masks: Tensor, *, smooth: float = 1.0, absent: Tensor | None = None
) -> Tensor:
    """Mean Dice loss over the classes that the batch holds (V-Net's squared form).

    A rare class is absent from most batches, and what is taken for it there costs nothing: it
    ends up seen everywhere. With `absent`, such a class counts too: it costs U / (U + e), where U
    adds up its squared chances and e is its average share of the batch's pixels, at least
    `smooth`. What is never taken for it costs nothing, as much as its average share a half.

    Args:
        logits: (B, K, H, W).
        masks: int64 (B, H, W); `IGNORED` pixels don't count.
        smooth: Added above and below.
        absent: (K,) share of each class in all pixels of the training set, or None.
    """
    known = masks != IGNORED
    target = masks.masked_fill(~known, 0)
    chances = logits.softmax(1) * known[:, None]
    classes = logits.shape[1]
    hit = chances.gather(1, target[:, None])[:, 0] * known
    overlap = torch.zeros(classes).index_add_(0, target.flatten(), hit.flatten())
    counts = torch.bincount(target[known], minlength=classes).float()
    union = chances.square().sum((0, 2, 3)) + counts
    losses = 1 - (2 * overlap + smooth) / (union + smooth)
    if absent is None:
        return losses[counts > 0].mean()
    expected = absent.to(union) * known.sum()
    return torch.where(counts > 0, losses, union / (union + expected.clamp(min=smooth))).mean()


def training_loss(
    logits: Tensor, masks: Tensor, options: Loss, *, share: Tensor, photos: int, progress: float
) -> Tensor:
    """Adds the losses of a recipe.

    Args:
        logits: (B, K, h, w), resized to the masks' size where they differ.
        masks: int64 (B, H, W) with `IGNORED`.
        options: Which losses.
        share: (K,) share of each class in all pixels of the training set.
        photos: Size of the training set.
        progress: Fraction of the run that is done; decides deferred re-weighting.

    Returns:
        The loss; zero where no pixel is labelled.
    """
    if not (masks != IGNORED).any():
        return logits.sum() * 0
    if logits.shape[-2:] != masks.shape[-2:]:
        logits = F.interpolate(logits, size=masks.shape[-2:], mode="bilinear", align_corners=False)
    if options.logit_adjustment:
        prior = share.clamp(min=1e-6).log().to(logits)
        logits = logits + options.logit_adjustment * prior[:, None, None]
    kind = options.class_weights if progress >= options.reweight_from else "none"
    weights = class_weights(kind, share, photos=photos, limit=options.weight_limit)
    total = logits.new_zeros(())
    if options.cross_entropy:
        entropy = F.cross_entropy(logits, masks, weights, ignore_index=IGNORED)
        total = total + options.cross_entropy * entropy
    if options.dice:
        absent = share if options.dice_absent else None
        total = total + options.dice * dice_loss(logits, masks, absent=absent)
    return total
