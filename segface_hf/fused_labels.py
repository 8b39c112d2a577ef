"""From logits to labels, confidence and runner-up, at another resolution where asked."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LABELS = 1
DOUBT = 3
_ROWS_AT_ONCE = 64


def read_labels(logits: Tensor) -> Tensor:
    """(M, K) logits -> (M, 1) uint8 ids of the highest."""
    return logits.argmax(1, keepdim=True).to(torch.uint8)


def read_doubt(logits: Tensor) -> Tensor:
    """(M, K) logits -> (M, 3) uint8: id, its probability from 0 to 255, id of the second."""
    best = logits.topk(2, dim=1)
    confidence = (best.values[:, 0] - logits.logsumexp(1)).exp()
    scaled = (confidence * 255).round()
    return torch.stack([best.indices[:, 0], scaled, best.indices[:, 1]], dim=1).to(torch.uint8)


@dataclass(frozen=True)
class _Axis:
    """Which two samples, and how much of the second, make each place of a resized axis."""

    low: Tensor
    high: Tensor
    share: Tensor

    @classmethod
    def between(cls, source: int, target: int, *, like: Tensor) -> _Axis:
        """The places of bilinear interpolation with half-pixel centres, as torch computes them."""
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        places = torch.arange(target, device=like.device, dtype=dtype)
        places = ((places + 0.5) * (source / target) - 0.5).clamp(min=0)
        low = places.long().clamp(max=source - 1)
        return cls(low, (low + 1).clamp(max=source - 1), (places - low).to(like.dtype))


def labels_at(logits: Tensor, size: tuple[int, int] | torch.Size, *, doubt: bool = False) -> Tensor:
    """Reads logits as if they were resized bilinearly first, without holding the resized ones.

    Args:
        logits: (B, h, w, K), channels last.
        size: Height and width wanted.
        doubt: Whether to return confidence and runner-up as well.

    Returns:
        (B, height, width, 1 or 3) uint8, as `read_labels` and `read_doubt` order them.
    """
    rows = _Axis.between(logits.shape[1], size[0], like=logits)
    columns = _Axis.between(logits.shape[2], size[1], like=logits)
    read = _all_pixels if doubt else _edges_only
    return torch.stack([read(one, rows, columns) for one in logits])


def _edges_only(logits: Tensor, rows: _Axis, columns: _Axis) -> Tensor:
    """Interpolates only where the four samples around a pixel disagree on the class.

    Where one class is highest in all four, it is highest in every mean of them.
    """
    labels = logits.argmax(-1).to(torch.uint8)
    top, bottom = labels[rows.low], labels[rows.high]
    found = top[:, columns.low]
    corners = (top[:, columns.high], bottom[:, columns.low], bottom[:, columns.high])
    differs = torch.zeros_like(found, dtype=torch.bool)
    for corner in corners:
        differs |= corner != found
    y, x = differs.nonzero(as_tuple=True)
    for part in torch.arange(len(y), device=y.device).split(_ROWS_AT_ONCE * 1024):
        mixed = _mixed(logits, rows, columns, y[part], x[part])
        found[y[part], x[part]] = read_labels(mixed)[:, 0]
    return found[..., None]


def _mixed(logits: Tensor, rows: _Axis, columns: _Axis, y: Tensor, x: Tensor) -> Tensor:
    """Interpolated (M, K) logits at M places of the resized picture."""
    left, right, share = columns.low[x], columns.high[x], columns.share[x, None]
    above, below = rows.low[y], rows.high[y]
    upper = torch.lerp(logits[above, left], logits[above, right], share)
    lower = torch.lerp(logits[below, left], logits[below, right], share)
    return torch.lerp(upper, lower, rows.share[y, None])


def _all_pixels(logits: Tensor, rows: _Axis, columns: _Axis) -> Tensor:
    parts = []
    share = columns.share[:, None]
    for band in torch.arange(len(rows.low), device=logits.device).split(_ROWS_AT_ONCE):
        above, below = logits[rows.low[band]], logits[rows.high[band]]
        mixed = torch.lerp(above, below, rows.share[band, None, None])
        mixed = torch.lerp(mixed[:, columns.low], mixed[:, columns.high], share)
        parts.append(read_doubt(mixed.flatten(0, 1)).view(*mixed.shape[:2], DOUBT))
    return torch.cat(parts)
