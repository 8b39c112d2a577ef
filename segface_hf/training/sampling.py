"""Sampling: how often each photo is drawn, by rare classes and by the weight of its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True)
class SamplingGroup:
    """Consecutive photos that make up a fixed share of what is drawn.

    Attributes:
        start: Position of the first photo.
        stop: Position after the last photo.
        share: Probability that an item of a batch comes from this group.
    """

    start: int
    stop: int
    share: float


def photo_weights(presence: Tensor, *, power: float) -> Tensor:
    """Returns sampling weights by the rarest class (repeat factors, Gupta et al., CVPR 2019).

    Args:
        presence: bool (N, K), which classes each photo contains.
        power: Exponent of one over the share of photos with a class; 0 is uniform.

    Returns:
        float64 (N,), mean 1.
    """
    share = presence.double().mean(0).clamp(min=1 / max(1, len(presence)))
    weights = (presence.double() * share.pow(-power)).amax(1)
    weights = torch.where(weights > 0, weights, torch.ones_like(weights))
    return weights / weights.mean()


def weights_by_share(weights: Tensor, groups: Sequence[SamplingGroup]) -> Tensor:
    """Scales the weights of each group to its share of all: float64 (N,), mean 1."""
    scaled = torch.zeros_like(weights)
    for group in groups:
        own = weights[group.start : group.stop]
        scaled[group.start : group.stop] = own / own.sum() * group.share
    return scaled / scaled.mean()


def draw_photos(weights: Tensor, count: int, generator: Generator) -> Tensor:
    """Draws int64 (count,) positions, without repeats if there are enough photos."""
    repeats = count > len(weights)
    return torch.multinomial(weights, count, replacement=repeats, generator=generator)


def draw_by_group(
    weights: Tensor, groups: Sequence[SamplingGroup], count: int, generator: Generator
) -> Tensor:
    """Draws a group for each item of a batch, then photos from each group.

    Args:
        weights: (N,) of all photos.
        groups: Together they contain every photo once.
        count: How many to draw.
        generator: Source of all randomness.

    Returns:
        int64 (count,) positions.
    """
    shares = torch.tensor([group.share for group in groups], dtype=torch.float64)
    chosen = torch.multinomial(shares, count, replacement=True, generator=generator)
    positions = torch.empty(count, dtype=torch.long)
    for index, group in enumerate(groups):
        places = chosen == index
        if wanted := int(places.sum()):
            own = weights[group.start : group.stop]
            positions[places] = group.start + draw_photos(own, wanted, generator)
    return positions


def step_generator(seed: int, step: int) -> Generator:
    """Returns the random generator of one step, so that a resumed run draws the same batches."""
    return Generator().manual_seed((seed * 1_000_003 + step) % (2**63))
