"""The landmark alignment and tanh warp around LaPa and Helen models, forward and inverse.

A similarity transform brings five landmarks to standard places in a square frame. The frame's
coordinates run from -1 to 1; its middle is linear, and beyond `1 - WARP_FACTOR` from the center
tanh squeezes the whole rest of the plane into what is left. The model sees that frame; its logits
go back through the inverse. The idea is RoI tanh-warping (Lin et al., CVPR 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from segface_hf.errors import LandmarksRequiredError

WARP_FACTOR = 0.8
# Image-left eye, image-right eye, nose, image-left and image-right mouth corner.
STANDARD_LANDMARKS = (
    (196.0, 226.0),
    (316.0, 226.0),
    (256.0, 286.0),
    (220.0, 360.4),
    (292.0, 360.4),
)
STANDARD_FRAME = 512.0
_EDGE = 1e-3  # keeps artanh finite at the frame's border, as published


@dataclass(frozen=True)
class Warp:
    """Where each pixel of the frame comes from, and where each pixel of the picture goes.

    Attributes:
        forward: (B, H, W, 2) places in the picture for every pixel of the frame, in -1 to 1.
        inverse: (B, H, W, 2) places in the frame for every pixel of the picture, in -1 to 1.
    """

    forward: Tensor
    inverse: Tensor


def warp_input(pixels: Tensor, landmarks: Tensor) -> tuple[Tensor, Warp]:
    """Warps faces to the frame that LaPa and Helen models were trained on.

    Args:
        pixels: (B, 3, H, W) normalized pictures.
        landmarks: (B, 5, 2) x and y in input pixels, in the order of `STANDARD_LANDMARKS`.

    Returns:
        The (B, 3, H, W) frames, and the warp that brings logits back.

    Raises:
        LandmarksRequiredError: If landmarks are not finite, or all in one place.
    """
    warp = build_warp(landmarks.to(pixels), height=pixels.shape[2], width=pixels.shape[3])
    return sampled(pixels, warp.forward), warp


def unwarp_logits(logits: Tensor, warp: Warp) -> Tensor:
    """Warps (B, K, H, W) logits of a frame back to the picture's pixels."""
    return sampled(logits, warp.inverse)


def build_warp(landmarks: Tensor, *, height: int, width: int) -> Warp:
    """Builds both sampling grids for pictures of a size, from (B, 5, 2) landmarks."""
    size = landmarks.new_tensor([width, height])
    alignment = similarity(landmarks, _standard(size))
    return grids(alignment, torch.linalg.inv(alignment), _pixels(height, width), size)


def _standard(size: Tensor) -> Tensor:
    """(5, 2) standard places in pixels of a picture of (width, height).

    Published models scale these to the last pixel, and all else to the size; the order of
    operations here and in `grids` keeps their rounding, which a sharp picture shows in the logits.
    """
    return size.new_tensor(STANDARD_LANDMARKS) / STANDARD_FRAME * (size - 1)


def grids(alignment: Tensor, inverse: Tensor, points: Tensor, size: Tensor) -> Warp:
    """Builds the sampling grids of an alignment and its inverse, (B, 3, 3) both."""
    points = points.to(size)
    aligned = _to_pixels(_tanh_inverse(_to_frame(points, size)), size)
    source = _transformed(aligned, inverse)
    target = _to_pixels(_tanh(_to_frame(_transformed(points, alignment), size)), size)
    return Warp(forward=_to_frame(source, size), inverse=_to_frame(target, size))


def traced_warp(landmarks: Tensor, *, height: int, width: int) -> Warp:
    """`build_warp` without checks and without a matrix inversion, which ONNX doesn't have."""
    points = _pixels(height, width).to(landmarks)
    size = points[0, -1, -1] + 1  # a number would be taken for a constant
    alignment = _fitted(landmarks, _standard(size))
    return grids(alignment, _fitted_inverse(alignment), points, size)


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """The least-squares similarity that takes points to points.

    Args:
        source: (B, N, 2).
        target: (N, 2).

    Returns:
        (B, 3, 3) matrices for homogeneous column vectors.

    Raises:
        LandmarksRequiredError: If points are not finite, or all in one place.
    """
    spread = (source - source.mean(1)[:, None]).square().sum((1, 2))
    if not bool((torch.isfinite(spread) & (spread > 0)).all()):
        raise LandmarksRequiredError(
            "landmarks must be five finite places that are not all the same: "
            "detect the face again, or leave it out"
        )
    return _fitted(source, target)


def _fitted(source: Tensor, target: Tensor) -> Tensor:
    center, target_center = source.mean(1), target.mean(0)
    away, wanted = source - center[:, None], target - target_center
    spread = away.square().sum((1, 2))
    # Rotation and scale are one complex factor: the mean of conj(z) * w over that of |z|^2.
    real = (away * wanted).sum((1, 2)) / spread
    imaginary = (away[..., 0] * wanted[..., 1] - away[..., 1] * wanted[..., 0]).sum(1) / spread
    (x, y), (wanted_x, wanted_y) = center.unbind(1), target_center
    return _matrix(
        real, imaginary, wanted_x - real * x + imaginary * y, wanted_y - imaginary * x - real * y
    )


def _fitted_inverse(alignment: Tensor) -> Tensor:
    """The inverse of a similarity, by the inverse of its complex factor."""
    real, imaginary = alignment[:, 0, 0], alignment[:, 1, 0]
    scale = real.square() + imaginary.square()
    real, imaginary = real / scale, -imaginary / scale
    x, y = alignment[:, 0, 2], alignment[:, 1, 2]
    return _matrix(real, imaginary, imaginary * y - real * x, -imaginary * x - real * y)


def _matrix(real: Tensor, imaginary: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(B,) rotation and scale as a complex factor, and a shift, to (B, 3, 3)."""
    zero, one = torch.zeros_like(real), torch.ones_like(real)
    rows = ([real, -imaginary, x], [imaginary, real, y], [zero, zero, one])
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _transformed(points: Tensor, matrix: Tensor) -> Tensor:
    """Applies (B, 3, 3) matrices to (1, H, W, 2) points."""
    _, height, width, _ = points.shape
    flat = functional.pad(points.flatten(1, 2), (0, 1), value=1.0)
    return (flat @ matrix.transpose(1, 2))[..., :2].unflatten(1, (height, width))


def _pixels(height: int, width: int) -> Tensor:
    """(1, H, W, 2) x and y of every pixel."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y], dim=-1)[None].float()


def _to_frame(points: Tensor, size: Tensor) -> Tensor:
    """Pixels to -1 to 1."""
    return points / size * 2 - 1


def _to_pixels(places: Tensor, size: Tensor) -> Tensor:
    """-1 to 1 to pixels."""
    return (places + 1) / 2 * size


def _tanh(x: Tensor) -> Tensor:
    """Maps all numbers to -1 to 1: the identity in the middle, tanh beyond it."""
    beyond = torch.tanh((x.abs() - 1 + WARP_FACTOR) / WARP_FACTOR) * WARP_FACTOR + 1 - WARP_FACTOR
    return torch.where(x.abs() > 1 - WARP_FACTOR, x.sign() * beyond, x)


def _tanh_inverse(x: Tensor) -> Tensor:
    """The inverse of `_tanh`; -1 and 1 become a distant point."""
    squeezed = ((x.abs() - 1 + WARP_FACTOR) / WARP_FACTOR).clamp(max=1 - _EDGE)
    beyond = torch.atanh(squeezed) * WARP_FACTOR + 1 - WARP_FACTOR
    return torch.where(x.abs() > 1 - WARP_FACTOR, x.sign() * beyond, x)


def sampled(values: Tensor, grid: Tensor) -> Tensor:
    """Reads (B, C, H, W) values at (B, h, w, 2) places; zero outside."""
    return functional.grid_sample(
        values, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
