"""The published order of Swin's window attention, pad then roll, on stock timm Swin blocks.

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
        (rows, columns) = self.window_size
        x = functional.pad(x, (0, 0, 0, -width % columns, 0, -height % rows))
        padded = (x.shape[1], x.shape[2])
        # A map one window high or wide has no neighbour to shift towards.
        shift = tuple(
            0 if window >= size else step
            for window, size, step in zip(
                self.window_size, padded, self.target_shift_size, strict=True
            )
        )
        windows = _split(torch.roll(x, (-shift[0], -shift[1]), (1, 2)), self.window_size)
        mask = _shift_mask(x, self.window_size, shift) if any(shift) else None
        x = _join(self.attn(windows, mask=mask), self.window_size, padded)
        return torch.roll(x, shift, (1, 2))[:, :height, :width].contiguous()


class ExactSwinBlock(_PadThenRoll, SwinTransformerBlock):
    """timm's Swin block with the published attention order."""


class ExactSwinV2Block(_PadThenRoll, SwinTransformerV2Block):
    """timm's Swin v2 block with the published attention order."""


_EXACT: dict[type, type] = {
    SwinTransformerBlock: ExactSwinBlock,
    SwinTransformerV2Block: ExactSwinV2Block,
}


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


def _shift_mask(x: Tensor, window: tuple[int, int], shift: tuple[int, ...]) -> Tensor:
    """(windows, N, N) of 0 and -100: pixels that met only by rolling around do not attend."""
    rows = _regions(x, axis=1, window=window[0], shift=shift[0])
    columns = _regions(x, axis=2, window=window[1], shift=shift[1])
    region = (3 * rows[:, None] + columns)[None, :, :, None]
    ids = _split(region, window).squeeze(-1)
    separated = ids.unsqueeze(1) != ids.unsqueeze(2)
    return separated.to(x.dtype) * _SEPARATED


def _regions(x: Tensor, *, axis: int, window: int, shift: int) -> Tensor:
    """0, 1 or 2 for every place along an axis: untouched, last window, wrapped around."""
    places = torch.arange(x.shape[axis], device=x.device)
    if shift == 0:
        return torch.zeros_like(places)
    edge = x.shape[axis]
    return (places >= edge - window).long() + (places >= edge - shift).long()
