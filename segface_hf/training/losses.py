"""Losses: cross-entropy and Dice, with class weights and logit adjustment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from segface_hf.labels import IGNORED
from segface_hf.training.prepare import TrainingData
from segface_hf.training.recipe import Loss, Recipe

_RAREST = 1e-4


def prior_shift(data: TrainingData, recipe: Recipe) -> Tensor:
    """Returns float32 (K,): the log of how much more frequent a recipe makes each class.

    Args:
        data: The training photos, prepared by the recipe.
        recipe: Says how photos are sampled, pasted and drawn on.

    Returns:
        0 for a class as frequent as in the photos, log 2 for one twice as frequent.
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


_BETA = 0.999


def _equal(share: Tensor, photos: int) -> Tensor:
    return torch.ones_like(share)


def _inverse_sqrt(share: Tensor, photos: int) -> Tensor:
    return share.clamp(min=1e-6).rsqrt()


def _effective_number(share: Tensor, photos: int) -> Tensor:
    """Cui et al., CVPR 2019; one sample is a thousandth of an average photo."""
    counts = (share * photos * 1000).clamp(min=1)
    return (1 - _BETA) / (1 - _BETA**counts)


_WEIGHTINGS: Mapping[str, Callable[[Tensor, int], Tensor]] = MappingProxyType(
    {"none": _equal, "inverse_sqrt": _inverse_sqrt, "effective_number": _effective_number}
)


def class_weights(kind: str, share: Tensor, *, photos: int, limit: float) -> Tensor:
    """Returns float32 (K,) class weights for cross-entropy.

    Args:
        kind: A value of `recipe.CLASS_WEIGHTS`.
        share: (K,) share of each class in all pixels.
        photos: Number of photos that `share` was counted on.
        limit: Largest weight, after scaling to a mean over pixels of 1.
    """
    weights = _WEIGHTINGS[kind](share.double(), photos)
    weights = weights / (weights * share).sum().clamp(min=1e-12)
    return weights.clamp(max=limit).float()


def dice_loss(
    logits: Tensor, masks: Tensor, *, smooth: float = 1.0, absent: Tensor | None = None
) -> Tensor:
    """Mean Dice loss over the classes that the batch contains (V-Net's squared form).

    A rare class is absent from most batches, where false predictions of it cost nothing. With
    `absent` such a class costs U / (U + e), where U is the sum of its squared probabilities and e
    the number of pixels it has in an average batch of this size, at least `smooth`: 0 if it is
    never predicted, 1/2 if it is predicted as often as it is on average.

    Args:
        logits: (B, K, H, W).
        masks: int64 (B, H, W); `IGNORED` pixels are excluded.
        smooth: Added to numerator and denominator.
        absent: (K,) share of each class in all pixels of the training set, or None.
    """
    known = masks != IGNORED
    target = masks.masked_fill(~known, 0)
    probabilities = logits.softmax(1) * known[:, None]
    classes = logits.shape[1]
    hit = probabilities.gather(1, target[:, None])[:, 0] * known
    overlap = logits.new_zeros(classes).index_add_(0, target.flatten(), hit.flatten())
    counts = torch.bincount(target[known], minlength=classes).float()
    union = probabilities.square().sum((0, 2, 3)) + counts
    losses = 1 - (2 * overlap + smooth) / (union + smooth)
    if absent is None:
        return losses[counts > 0].mean()
    expected = absent.float().to(union.device) * known.sum()
    return torch.where(counts > 0, losses, union / (union + expected.clamp(min=smooth))).mean()


def training_loss(
    logits: Tensor, masks: Tensor, options: Loss, *, share: Tensor, photos: int, progress: float
) -> Tensor:
    """Returns the sum of a recipe's losses.

    Args:
        logits: (B, K, h, w), resized to the masks' size where they differ.
        masks: int64 (B, H, W) with `IGNORED`.
        options: Losses and their factors.
        share: (K,) share of each class in all pixels of the training set.
        photos: Number of photos in the training set.
        progress: Fraction of the run that is done, for deferred re-weighting.

    Returns:
        The loss; zero if no pixel is labeled.
    """
    if not (masks != IGNORED).any():
        return logits.sum() * 0
    if logits.shape[-2:] != masks.shape[-2:]:
        logits = F.interpolate(logits, size=masks.shape[-2:], mode="bilinear", align_corners=False)
    if options.logit_adjustment:
        prior = share.clamp(min=1e-6).log().float().to(logits.device)
        logits = logits + options.logit_adjustment * prior[:, None, None]
    kind = options.class_weights if progress >= options.reweight_from else "none"
    weights = class_weights(kind, share, photos=photos, limit=options.weight_limit)
    weights = weights.to(logits.device)
    total = logits.new_zeros(())
    if options.cross_entropy:
        entropy = F.cross_entropy(logits, masks, weights, ignore_index=IGNORED)
        total = total + options.cross_entropy * entropy
    if options.dice:
        absent = share if options.dice_absent else None
        total = total + options.dice * dice_loss(logits, masks, absent=absent)
    return total
