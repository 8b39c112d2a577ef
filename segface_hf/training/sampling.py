"""Sampling: which photos a step sees; rare classes can come up more often."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def photo_weights(presence: Tensor, *, power: float) -> Tensor:
    """Weights photos by their rarest class (repeat-factor sampling, Gupta et al., CVPR 2019).

    Args:
        presence: bool (N, K), which classes each photo holds.
        power: Exponent of one over the share of photos that hold a class; 0 is uniform.

    Returns:
        float64 (N,), mean 1.
    """
    share = presence.double().mean(0).clamp(min=1 / max(1, len(presence)))
    weights = (presence.double() * share.pow(-power)).amax(1)
    weights = torch.where(weights > 0, weights, torch.ones_like(weights))
    return weights / weights.mean()


def draw_photos(weights: Tensor, count: int, generator: Generator) -> Tensor:
    """Draws int64 (count,) positions, without repeats while there are enough photos."""
    repeats = count > len(weights)
    return torch.multinomial(weights, count, replacement=repeats, generator=generator)


def draw_mixed(
    weights: Tensor, count: int, generator: Generator, *, pictures: int, share: float
) -> Tensor:
    """Draws from photos and from pictures that follow them, each kind by itself.

    Args:
        weights: (N,) of the photos and then of the pictures.
        count: How many to draw.
        generator: Decides everything.
        pictures: How many of the N, the last ones, are pictures.
        share: Probability that a place in the batch goes to a picture.

    Returns:
        int64 (count,) positions.
    """
    places = torch.rand(count, generator=generator) < share
    chosen = torch.empty(count, dtype=torch.long)
    wanted, photos = int(places.sum()), len(weights) - pictures
    if wanted < count:
        chosen[~places] = draw_photos(weights[:photos], count - wanted, generator)
    if wanted:
        chosen[places] = photos + draw_photos(weights[photos:], wanted, generator)
    return chosen


def step_generator(seed: int, step: int) -> Generator:
    """Returns the generator of one step: a resumed run draws what an unbroken one would."""
    return Generator().manual_seed((seed * 1_000_003 + step) % (2**63))
