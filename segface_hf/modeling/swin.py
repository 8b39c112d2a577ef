"""Swin's window attention in the published order, pad then roll, for stock timm blocks.

timm rolls a feature map and then pads it to whole windows; torchvision, and so every published
checkpoint, pads first. Where the map is a whole number of windows both agree. Elsewhere the stock
blocks pair different pixels in a window, silently: at 512 pixels 8 % of the labels change.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import PatchEmbed
from timm.models.swin_transformer import SwinTransformerBlock
from timm.models.swin_transformer_v2 import SwinTransformerV2Block
from torch import Tensor, nn
from torch.nn import functional

from segface_hf.errors import ConfigError

_SEPARATED = -100.0  # what both libraries add to a score between pixels that must not meet


def exact_swin(net: nn.Module, window: int) -> nn.Module:
    """Makes every Swin block of a timm network attend as torchvision's does, in place.

    Blocks keep their parameters and state-dict names, and no longer depend on the input size the
    network was built for.

    Args:
        net: a timm Swin or Swin v2, built at a size where each stage is at least a window wide.
        window: the side of the attention window in tokens: 7 for Swin, 8 for Swin v2.

    Returns:
        `net`.

    Raises:
        ConfigError: if it has no Swin block, or one whose window is of another size.
    """
    blocks: list[Any] = [module for module in net.modules() if type(module) in _EXACT]
    if not blocks:
        raise ConfigError(f"expected a timm Swin network, got {type(net).__name__} without a block")
    for block in blocks:
        if block.window_size != (window, window):
            raise ConfigError(
                f"expected attention windows of {window} x {window}, got {block.window_size}: "
                "build the network at its nominal image size"
            )
        block.__class__ = _EXACT[type(block)]
        block.attn_mask = None
    for module in net.modules():
        if isinstance(module, PatchEmbed):
            module.img_size = None  # no fixed size: a part patch at the edge is left out, as there
    return net


class _PadThenRoll(nn.Module):
    """Overrides the attention step of a timm block; everything else stays timm's."""

    attn: Any
    window_size: tuple[int, int]
    target_shift_size: tuple[int, int]

    def _attn(self, x: Tensor) -> Tensor:
        """Window attention over a (B, H, W, C) map of any size."""
        height, width = x.shape[1:3]
        x = padded(x, self.window_size)
        shift = shift_within(x, self.window_size, self.target_shift_size)
        mask = None
        if any(shift):
            mask = separation(regions(x, self.window_size, shift), dtype=x.dtype)
        windows = self.attn(windowed(x, self.window_size, shift), mask=mask)
        x = _join(windows, self.window_size, (x.shape[1], x.shape[2]))
        return torch.roll(x, shift, (1, 2))[:, :height, :width].contiguous()


class ExactSwinBlock(_PadThenRoll, SwinTransformerBlock):
    """timm's Swin block with the published attention order."""


class ExactSwinV2Block(_PadThenRoll, SwinTransformerV2Block):
    """timm's Swin v2 block with the published attention order."""


_EXACT: dict[type, type] = {
    SwinTransformerBlock: ExactSwinBlock,
    SwinTransformerV2Block: ExactSwinV2Block,
}


def padded(x: Tensor, window: tuple[int, int], *, value: float = 0) -> Tensor:
    """Extends a (B, H, W, C) map at its far edges to whole windows."""
    height, width = x.shape[1:3]
    return functional.pad(x, (0, 0, 0, -width % window[1], 0, -height % window[0]), value=value)


def shift_within(x: Tensor, window: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """How far windows shift on a padded map; one window high or wide, it has no neighbor."""
    rows = 0 if window[0] >= x.shape[1] else wanted[0]
    return rows, 0 if window[1] >= x.shape[2] else wanted[1]


def windowed(x: Tensor, window: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    """Rolls a padded map and splits it: (B * windows, pixels of a window, C)."""
    return _split(torch.roll(x, (-shift[0], -shift[1]), (1, 2)), window)


def regions(x: Tensor, window: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    """(windows, pixels of a window): pixels of a window attend where their regions are equal."""
    rows = _bands(x, axis=1, window=window[0], shift=shift[0])
    columns = _bands(x, axis=2, window=window[1], shift=shift[1])
    return _split((3 * rows[:, None] + columns)[None, :, :, None], window).squeeze(-1)


def separation(region: Tensor, *, dtype: torch.dtype) -> Tensor:
    """(..., N) regions -> (..., N, N) to add to scores: pixels that met only by rolling around.

    0 between pixels of one region, -100 between others.
    """
    return (region[..., :, None] != region[..., None, :]).to(dtype) * _SEPARATED


def _split(x: Tensor, window: tuple[int, int]) -> Tensor:
    """(B, H, W, C) -> (B * windows, pixels of a window, C), row by row."""
    batch, height, width, channels = x.shape
    rows, columns = window
    x = x.view(batch, height // rows, rows, width // columns, columns, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, rows * columns, channels)


def _join(x: Tensor, window: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The inverse of `_split` for a map of `size` (height, width)."""
    (height, width), (rows, columns) = size, window
    x = x.view(-1, height // rows, width // columns, rows, columns, x.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, x.shape[-1])


def _bands(x: Tensor, *, axis: int, window: int, shift: int) -> Tensor:
    """0, 1 or 2 for every place along an axis: untouched, last window, wrapped around."""
    places = torch.arange(x.shape[axis], device=x.device)
    if shift == 0:
        return torch.zeros_like(places)
    edge = x.shape[axis]
    return (places >= edge - window).long() + (places >= edge - shift).long()
