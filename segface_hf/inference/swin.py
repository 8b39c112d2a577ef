"""Swin blocks for inference: the same attention without padding, rolling or splitting maps.

Rows of queries, keys and values are gathered into their windows once; windows that share a mask
stand together, so that no mask is ever expanded; tokens go through the second half of a block a
few at a time. Parameters are the block's own. The plain form is `_tv_swin`.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segface_hf.inference.linear import linear, linear_onto
from segface_hf.modeling.swin import (
    ExactSwinBlock,
    ExactSwinV2Block,
    padded,
    regions,
    separation,
    shift_within,
    windowed,
)

# Hidden units that are held at once: what fits beside the weights in a core's caches.
_HIDDEN_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class WindowLayout:
    """Which tokens of a batch of maps form which windows.

    Attributes:
        tokens: (windows * N,) index of the token at each place; any token where there is none.
        padding: Places that hold no token.
        places: (tokens,) where each token stands.
        groups: First window, last + 1, and the (N, N) mask that the windows between share.
    """

    tokens: Tensor
    padding: Tensor
    places: Tensor
    groups: tuple[tuple[int, int, Tensor], ...]


@lru_cache(maxsize=16)
def window_layout(
    shape: tuple[int, int, int],
    window: tuple[int, int],
    wanted_shift: tuple[int, int],
    dtype: torch.dtype,
) -> WindowLayout:
    """Lays out (B, H, W) tokens as `_tv_swin` pads, rolls and splits them."""
    numbers = torch.arange(math.prod(shape)).view(*shape, 1)
    map_ = padded(numbers, window, value=-1)
    shift = shift_within(map_, window, wanted_shift)
    windows = windowed(map_, window, shift).squeeze(-1)
    region = regions(map_, window, shift).repeat(shape[0], 1)
    kinds, kind = torch.unique(region, dim=0, return_inverse=True)
    tokens = windows[kind.argsort(stable=True)].flatten()
    places = torch.empty(numbers.numel(), dtype=torch.long)
    held = (tokens >= 0).nonzero()[:, 0]
    places[tokens[held]] = held
    ends = kind.bincount().cumsum(0).tolist()
    masks = separation(kinds, dtype=dtype).unbind()
    groups = tuple(zip([0, *ends[:-1]], ends, masks, strict=True))
    return WindowLayout(tokens.clamp(min=0), (tokens < 0).nonzero()[:, 0], places, groups)


class FusedSwinBlock(nn.Module):
    """A Swin block that reads the parameters of another, in evaluation mode.

    Args:
        block: It stays as it is; what is derived from its parameters is not followed.
    """

    bias: Tensor

    def __init__(self, block: ExactSwinBlock | ExactSwinV2Block) -> None:
        super().__init__()
        self.block: Any = block
        self.register_buffer("bias", self.position_bias(), persistent=False)

    def position_bias(self) -> Tensor:
        """(heads, N, N) to add to the scores of every window."""
        found: Tensor = self.block.attn._get_rel_pos_bias()
        return found[0]

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        tokens = self.attended(x.flatten(0, 2), x.shape[:3])
        step = max(1, _HIDDEN_AT_ONCE // self.block.mlp.fc1.out_features)
        if len(tokens) <= step:
            return self.perceived(tokens).view_as(x)
        for part in tokens.split(step):
            part.copy_(self.perceived(part))
        return tokens.view_as(x)

    def attended(self, tokens: Tensor, shape: torch.Size) -> Tensor:
        """The first half of the block: (B * H * W, C) tokens and what they read of each other."""
        block, attn = self.block, self.block.attn
        weight, bias = attn.qkv.weight, attn.qkv.bias
        mixed = self.mixed(linear(block.norm1(tokens), weight, bias), bias, shape)
        return linear_onto(mixed, attn.proj.weight, attn.proj.bias, tokens)

    def perceived(self, tokens: Tensor) -> Tensor:
        """The second half of the block, for any number of (T, C) tokens."""
        mlp = self.block.mlp
        hidden = _hidden(mlp, self.block.norm2(tokens))
        return linear_onto(hidden, mlp.fc2.weight, mlp.fc2.bias, tokens)

    def mixed(self, qkv: Tensor, padding: Tensor | None, shape: torch.Size) -> Tensor:
        """Attention within windows: (B * H * W, 3 C) -> (B * H * W, C).

        Args:
            qkv: Queries, keys and values of every token.
            padding: (3 C,) those of a place without a token, which is attended to like any other.
            shape: Batch, height and width.
        """
        window, heads = self.block.window_size, self.block.attn.num_heads
        layout = window_layout(tuple(shape), window, self.block.target_shift_size, qkv.dtype)
        places = qkv.index_select(0, layout.tokens)
        width = qkv.shape[1]
        del qkv  # the two largest tensors of a block are not held through its attention
        places[layout.padding] = 0 if padding is None else padding
        windows = places.view(-1, math.prod(window), 3, heads, width // (3 * heads))
        q, k, v = self.compared(*windows.permute(2, 0, 3, 1, 4).unbind(0))
        parts = [
            F.scaled_dot_product_attention(
                q[start:stop],
                k[start:stop],
                v[start:stop],
                attn_mask=(self.bias + mask)[None],
                scale=self.scale(),
            ).transpose(1, 2)
            for start, stop, mask in layout.groups
        ]
        mixed = parts[0] if len(parts) == 1 else torch.cat(parts)
        return mixed.reshape(len(places), -1).index_select(0, layout.places)

    def compared(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What scores are products of, before `scale`."""
        return q, k, v

    def scale(self) -> float:
        """What scores are multiplied with."""
        return float(self.block.attn.scale)


class FusedSwinV2Block(FusedSwinBlock):
    """Swin v2 compares directions only, and normalizes what it adds instead of what it reads."""

    def position_bias(self) -> Tensor:
        """(heads, N, N) from the small network over relative coordinates."""
        attn = self.block.attn
        table = attn.cpb_mlp(attn.relative_coords_table).view(-1, attn.num_heads)
        bias = table[attn.relative_position_index].permute(2, 0, 1)
        return 16 * torch.sigmoid(bias.contiguous())

    def attended(self, tokens: Tensor, shape: torch.Size) -> Tensor:
        """The first half of the block."""
        block, attn = self.block, self.block.attn
        bias = None if attn.q_bias is None else torch.cat((attn.q_bias, attn.k_bias, attn.v_bias))
        mixed = self.mixed(linear(tokens, attn.qkv.weight, bias), bias, shape)
        return block.norm1(linear(mixed, attn.proj.weight, attn.proj.bias)).add_(tokens)

    def perceived(self, tokens: Tensor) -> Tensor:
        """The second half of the block."""
        mlp = self.block.mlp
        hidden = _hidden(mlp, tokens)
        return self.block.norm2(linear(hidden, mlp.fc2.weight, mlp.fc2.bias)).add_(tokens)

    def compared(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Directions of queries and keys, and each head's own scale."""
        scale = self.block.attn.logit_scale.clamp(max=math.log(1.0 / 0.01)).exp()
        return F.normalize(q, dim=-1) * scale, F.normalize(k, dim=-1), v

    def scale(self) -> float:
        """Each head has its own."""
        return 1.0


_FUSED: dict[type, type[FusedSwinBlock]] = {
    ExactSwinBlock: FusedSwinBlock,
    ExactSwinV2Block: FusedSwinV2Block,
}


@torch.no_grad()
def fused_swin(backbone: nn.Module) -> nn.Module:
    """Returns the backbone with fused blocks on the same parameters, or itself if it has none.

    Args:
        backbone: In evaluation mode; it is left as it is.
    """
    weight = next(backbone.parameters())
    fits = weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.float64)
    if not fits or not any(type(module) in _FUSED for module in backbone.modules()):
        return backbone
    shared = {id(tensor): tensor for tensor in (*backbone.parameters(), *backbone.buffers())}
    fast = copy.deepcopy(backbone, shared)
    for name, module in list(fast.named_modules()):
        if type(module) in _FUSED:
            parent, _, leaf = name.rpartition(".")
            setattr(fast.get_submodule(parent), leaf, _FUSED[type(module)](module))
    return fast


def _hidden(mlp: Any, tokens: Tensor) -> Tensor:
    return linear(tokens, mlp.fc1.weight, mlp.fc1.bias, activation="gelu")
