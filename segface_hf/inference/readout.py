"""Reading labels, confidence and runner-up from logits, at any resolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_ROWS_AT_ONCE = 64
_PLACES_AT_ONCE = 65536


def read_labels(logits: Tensor) -> Tensor:
    """(K, M) logits -> (1, M) uint8 ids of the highest; of equal ones the first.

    A maximum over rows and a comparison are vectorised, unlike argmax.
    """
    count = len(logits)
    # Counted from the end, so that the largest mark is the first class.
    marks = torch.arange(count, 0, -1, dtype=torch.uint8, device=logits.device)
    highest = logits == logits.amax(0)
    return count - (highest * marks[:, None]).amax(0, keepdim=True)


def read_confidence(logits: Tensor) -> Tensor:
    """(K, M) logits -> (3, M) uint8: id, its probability from 0 to 255, id of the second."""
    labels = read_labels(logits)
    confidence = (logits.amax(0) - logits.logsumexp(0)).exp()
    others = logits.scatter(0, labels.long(), -torch.inf)
    scaled = (confidence * 255).round().to(torch.uint8)
    return torch.cat([labels, scaled[None], read_labels(others)])


@dataclass(frozen=True)
class Axis:
    """Which two samples, and how much of the second, make each place of a resized axis."""

    low: Tensor
    high: Tensor
    share: Tensor

    @classmethod
    def between(cls, source: int, target: int, *, like: Tensor) -> Axis:
        """The places of bilinear interpolation with half-pixel centers, as torch computes them."""
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        places = torch.arange(target, device=like.device, dtype=dtype)
        places = ((places + 0.5) * (source / target) - 0.5).clamp(min=0)
        low = places.long().clamp(max=source - 1)
        return cls(low, (low + 1).clamp(max=source - 1), (places - low).to(like.dtype))

    def at(self, places: Tensor | slice) -> Axis:
        """Picks places of the resized axis."""
        return Axis(self.low[places], self.high[places], self.share[places])

    def mix(self, x: Tensor) -> Tensor:
        """Resizes the first axis of (source, ...)."""
        share = self.share.view(-1, *[1] * (x.ndim - 1))
        return torch.lerp(x[self.low], x[self.high], share)


def labels_at(
    logits: Tensor, size: tuple[int, int] | torch.Size, *, confidence: bool = False
) -> Tensor:
    """Reads logits as if they were resized bilinearly first, without holding the resized ones.

    Args:
        logits: (B, K, h, w).
        size: Height and width wanted.
        confidence: Whether to return confidence and runner-up as well.

    Returns:
        (B, 1 or 3, height, width) uint8, as `read_labels` and `read_confidence` order them.
    """
    rows = Axis.between(logits.shape[2], size[0], like=logits)
    columns = Axis.between(logits.shape[3], size[1], like=logits)
    read = _all_pixels if confidence else _edges_only
    return torch.stack([read(one, rows, columns) for one in logits])


def _edges_only(logits: Tensor, rows: Axis, columns: Axis) -> Tensor:
    """Interpolates only where the four samples around a pixel disagree on the class.

    Where one class is highest in all four, it is highest in every mean of them.
    """
    labels = read_labels(logits.flatten(1)).view(logits.shape[1:])
    top, bottom = labels[rows.low], labels[rows.high]
    found = top[:, columns.low]
    differs = torch.zeros_like(found, dtype=torch.bool)
    for corner in (top[:, columns.high], bottom[:, columns.low], bottom[:, columns.high]):
        differs |= corner != found
    samples = logits.flatten(1).T.contiguous()
    width = logits.shape[2]
    for part in differs.nonzero().split(_PLACES_AT_ONCE):
        y, x = part.unbind(1)
        found[y, x] = read_labels(_mixed(samples, width, rows.at(y), columns.at(x)).T)[0]
    return found[None]


def _mixed(samples: Tensor, width: int, rows: Axis, columns: Axis) -> Tensor:
    """Interpolates (h * w, K) samples at M places: (M, K)."""
    above, below = rows.low * width, rows.high * width
    share = columns.share[:, None]
    upper = torch.lerp(samples[above + columns.low], samples[above + columns.high], share)
    lower = torch.lerp(samples[below + columns.low], samples[below + columns.high], share)
    return torch.lerp(upper, lower, rows.share[:, None])


def _all_pixels(logits: Tensor, rows: Axis, columns: Axis) -> Tensor:
    parts = []
    for band in torch.arange(len(rows.low), device=logits.device).split(_ROWS_AT_ONCE):
        here = rows.at(band)
        mixed = torch.lerp(logits[:, here.low], logits[:, here.high], here.share[:, None])
        mixed = torch.lerp(mixed[:, :, columns.low], mixed[:, :, columns.high], columns.share)
        parts.append(read_confidence(mixed.flatten(1)).unflatten(1, mixed.shape[1:]))
    return torch.cat(parts, dim=1)
