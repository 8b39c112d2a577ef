"""Augmentation of batches: geometry, color and image quality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from segface_hf.labels import IGNORED, LabelSchema
from segface_hf.training.recipe import Augment

# Smallest magnification of a photo that is zoomed out.
_FARTHEST = 0.25
# Pixels of the photo between two pixels of the result, from which the photo is averaged first.
_LARGE_STEP = 3.5


@dataclass(frozen=True)
class RandomDraws:
    """Random numbers for one batch, all from one generator.

    Attributes:
        count: Number of photos in the batch.
        generator: Source of all randomness.
    """

    count: int
    generator: Generator

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Returns (count, *shape) numbers from low to high."""
        return low + (high - low) * torch.rand(self.count, *shape, generator=self.generator)

    def around_zero(self, limit: float) -> Tensor:
        """Returns (count,) numbers from -limit to limit."""
        return self.uniform(-limit, limit)

    def happens(self, probability: float) -> Tensor:
        """Returns bool (count,)."""
        return torch.rand(self.count, generator=self.generator) < probability


def random_affine(options: Augment, draws: RandomDraws) -> tuple[Tensor, Tensor]:
    """Draws one similarity transform a photo.

    Returns:
        (B, 2, 3) matrices from output to input coordinates, as `affine_grid` takes them, and
        bool (B,): which photos are flipped left to right.
    """
    # Squared, so that most faces stay nearly upright, as the parser aligns them.
    turn = draws.around_zero(1.0)
    angle = turn * turn.abs() * math.radians(options.rotation)
    low, high = math.log(1 / options.scale_max), math.log(1 / options.scale_min)
    scale = torch.exp(draws.uniform(low, high))
    reach = torch.ones_like(scale)
    if options.zoom_out:
        far = torch.exp(draws.uniform(high, max(high, -math.log(_FARTHEST))))
        zoomed = draws.happens(options.zoom_out)
        # A shift moves the photo by the same share of the frame, however small it is shown.
        scale, reach = torch.where(zoomed, far, scale), torch.where(zoomed, far, reach)
    flipped = draws.happens(options.flip)
    sign = 1.0 - 2.0 * flipped.float()
    shift_x, shift_y = (draws.around_zero(2 * options.shift) * reach for _ in range(2))
    cos, sin = scale * angle.cos(), scale * angle.sin()
    across = torch.stack([sign * cos, -sign * sin, shift_x], -1)
    down = torch.stack([sin, cos, shift_y], -1)
    return torch.stack([across, down], 1), flipped


def warp_photos(images: Tensor, theta: Tensor, side: int) -> Tensor:
    """Resamples images: (B, C, S, S) float and (B, 2, 3) -> (B, C, side, side).

    Images are averaged before a large reduction, to avoid aliasing of thin parts.
    """
    if images.shape[-1] >= 2.5 * side:
        images = F.avg_pool2d(images, 2)
    grid = F.affine_grid(theta, [len(images), images.shape[1], side, side], align_corners=False)
    warped = _sampled(images, grid)
    steps = theta[:, :, 0].norm(dim=1) * images.shape[-1] / side
    for index in torch.nonzero(steps >= _LARGE_STEP).flatten().tolist():
        size = max(1, images.shape[-1] // int(2 * steps[index] / _LARGE_STEP))
        reduced = F.interpolate(images[index : index + 1], size=(size, size), mode="area")
        warped[index] = _sampled(reduced, grid[index : index + 1])[0]
    return warped


def _sampled(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def warp_masks(masks: Tensor, theta: Tensor, side: int) -> Tensor:
    """Resamples masks: uint8 (B, S, S) -> int64 (B, side, side); outside the photo is `IGNORED`."""
    grid = F.affine_grid(theta, [len(masks), 1, side, side], align_corners=False)
    sampled = F.grid_sample(
        masks[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    outside = grid.abs().amax(-1) > 1
    return sampled[:, 0].round().long().masked_fill(outside, IGNORED)


def mirror_masks(masks: Tensor, flipped: Tensor, schema: LabelSchema) -> Tensor:
    """Exchanges the ids of left and right classes in flipped photos.

    Args:
        masks: int64 (B, H, W), `IGNORED` allowed; their pixels are flipped already.
        flipped: bool (B,).
        schema: Provides the mirror pairs.
    """
    return torch.where(flipped[:, None, None], mirror_table(schema)[masks], masks)


def mirror_table(schema: LabelSchema) -> Tensor:
    """Returns int64 (256,): from a mask's value to its value after a flip."""
    table = torch.arange(256)
    table[: schema.num_classes] = torch.tensor(schema.mirror_ids)
    return table


def vary_color(images: Tensor, options: Augment, draws: RandomDraws) -> Tensor:
    """Changes brightness, contrast, saturation and tint; some photos become grayscale.

    Args:
        images: (B, 3, H, W) in 0 to 1.
        options: Ranges.
        draws: Random numbers.
    """
    column = (1, 1, 1)
    images = images * draws.uniform(1 - options.brightness, 1 + options.brightness, *column)
    mean = images.mean((1, 2, 3), keepdim=True)
    factor = draws.uniform(1 - options.contrast, 1 + options.contrast, *column)
    images = (images - mean) * factor + mean
    gray = images.mean(1, keepdim=True)
    colored = draws.uniform(1 - options.saturation, 1 + options.saturation, *column)
    colored = colored.masked_fill(draws.happens(options.gray)[:, None, None, None], 0.0)
    images = gray + (images - gray) * colored
    return images * draws.uniform(1 - options.tint, 1 + options.tint, 3, 1, 1)


def degrade(images: Tensor, options: Augment, draws: RandomDraws) -> Tensor:
    """Reduces some photos' resolution by 1.5 to 6 times, and adds noise."""
    side = images.shape[-1]
    factors = draws.uniform(1.5, 6.0)
    degraded = list(images)
    for index in torch.nonzero(draws.happens(options.low_resolution)).flatten().tolist():
        small = max(24, int(side / float(factors[index])))
        reduced = F.interpolate(images[index : index + 1], size=(small, small), mode="area")
        degraded[index] = F.interpolate(reduced, size=(side, side), mode="bilinear")[0]
    noise = torch.randn(images.shape, generator=draws.generator)
    return torch.stack(degraded) + noise * draws.uniform(0.0, options.noise, 1, 1, 1)


def augment_batch(
    images: Tensor,
    masks: Tensor,
    options: Augment,
    *,
    schema: LabelSchema,
    side: int,
    generator: Generator,
) -> tuple[Tensor, Tensor]:
    """Augments a batch.

    Args:
        images: float (B, 3, S, S) in 0 to 1.
        masks: uint8 (B, S, S).
        options: Ranges.
        schema: The classes.
        side: Side of the result in pixels.
        generator: Source of all randomness.

    Returns:
        float (B, 3, side, side) in 0 to 1, and int64 (B, side, side) with `IGNORED` outside.
    """
    draws = RandomDraws(len(images), generator)
    theta, flipped = random_affine(options, draws)
    pixels = warp_photos(images, theta, side)
    pixels = degrade(vary_color(pixels, options, draws), options, draws).clamp(0, 1)
    return pixels, mirror_masks(warp_masks(masks, theta, side), flipped, schema)
