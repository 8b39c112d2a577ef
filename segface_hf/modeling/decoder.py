"""The decoder: class tokens and face tokens in a two-way transformer, then one map per class.

Copyright (c) Meta Platforms, Inc. and affiliates for the parts that follow the mask decoder and the
two-way transformer of Segment Anything (Apache License 2.0, see NOTICE); changed here as SegFace
(Narayan et al., AAAI 2025) describes: one learnable token a class, one shared token MLP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def resized(maps: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Resizes (B, C, h, w) bilinearly; returns maps of that size unchanged."""
    if maps.shape[-2:] == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


class LayerNorm2d(nn.Module):
    """Layer normalization over the channels of (B, C, H, W)."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class FourierPosition(nn.Module):
    """Random Fourier features of normalized pixel centers."""

    gaussian: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("gaussian", torch.randn(2, width // 2))

    def forward(self, height: int, width: int) -> Tensor:
        """Returns (height * width, channels), row by row."""
        y = (torch.arange(height, device=self.gaussian.device).to(self.gaussian) + 0.5) / height
        x = (torch.arange(width, device=self.gaussian.device).to(self.gaussian) + 0.5) / width
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).flatten(0, 1)
        phases = (2 * grid - 1) @ self.gaussian * (2 * math.pi)
        return torch.cat([phases.sin(), phases.cos()], dim=-1)


class Attention(nn.Module):
    """Multi-head attention whose inner width may be smaller than its outer width."""

    head_scale: Tensor | None

    def __init__(self, width: int, heads: int, *, downsample: int = 1) -> None:
        super().__init__()
        inner = width // downsample
        self.heads = heads
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(width, inner)
        self.v_proj = nn.Linear(width, inner)
        self.out_proj = nn.Linear(inner, width)
        self.register_buffer("head_scale", None, persistent=False)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attends from q (B, N, width) to k and v (B, M, width)."""
        q, k, v = (self._split(p(x)) for p, x in zip(self._projections(), (q, k, v), strict=True))
        mixed = self.scaled(F.scaled_dot_product_attention(q, k, v))
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def scaled(self, mixed: Tensor) -> Tensor:
        """Multiplies what each head of (..., heads, N, channels) read by its factor, if any."""
        return mixed if self.head_scale is None else mixed * self.head_scale[:, None, None]

    def _projections(self) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
        return self.q_proj, self.k_proj, self.v_proj

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class TokenMLP(nn.Module):
    """Two linear layers with a ReLU between them, on class tokens."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.relu(self.lin1(x)))


class TwoWayBlock(nn.Module):
    """Tokens attend to themselves and to the image; then the image attends to the tokens."""

    def __init__(self, width: int, heads: int, *, mlp_dim: int, first: bool) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, heads, downsample=2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = TokenMLP(width, mlp_dim)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, heads, downsample=2)
        self.first = first

    def attentions(self) -> tuple[Attention, Attention, Attention]:
        """Returns the attentions in the order in which they run."""
        return self.self_attn, self.cross_attn_token_to_image, self.cross_attn_image_to_token

    def attend_self(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """The first block replaces the tokens, later ones add to them."""
        if self.first:
            return self.norm1(self.self_attn(queries, queries, queries))
        query = queries + tokens
        return self.norm1(queries + self.self_attn(query, query, queries))

    def forward(
        self, queries: Tensor, keys: Tensor, tokens: Tensor, position: Tensor
    ) -> tuple[Tensor, Tensor]:
        queries = self.attend_self(queries, tokens)
        attended = self.cross_attn_token_to_image(queries + tokens, keys + position, keys)
        queries = self.norm2(queries + attended)
        queries = self.norm3(queries + self.mlp(queries))
        attended = self.cross_attn_image_to_token(keys + position, queries + tokens, queries)
        return queries, self.norm4(keys + attended)


class TwoWayTransformer(nn.Module):
    """A sequence of blocks, then a last attention of the tokens to the image."""

    def __init__(self, width: int, heads: int, *, depth: int, mlp_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayBlock(width, heads, mlp_dim=mlp_dim, first=index == 0) for index in range(depth)
        )
        self.final_attn_token_to_image = Attention(width, heads, downsample=2)
        self.norm_final_attn = nn.LayerNorm(width)

    def attentions(self) -> Iterator[Attention]:
        """Yields the attentions in the order in which they run."""
        for layer in self.layers:
            assert isinstance(layer, TwoWayBlock)
            yield from layer.attentions()
        yield self.final_attn_token_to_image

    def forward(self, tokens: Tensor, keys: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Returns class tokens (B, K, width) and face tokens (B, N, width)."""
        queries = tokens
        for layer in self.layers:
            queries, keys = layer(queries, keys, tokens, position)
        attended = self.final_attn_token_to_image(queries + tokens, keys + position, keys)
        return self.norm_final_attn(queries + attended), keys


class HyperMLP(nn.Module):
    """Three linear layers that turn a class token into the weights of its map."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, out)]
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class AddedRows(nn.Module):
    """Rows of the mask head for classes that have no class token.

    A row is a sum of fixed weights and a mixture of the rows of the class tokens, which depend on
    the picture. So it needs no pass of its own, and the other classes keep their logits.

    Args:
        count: How many classes.
        classes: How many class tokens.
        channels: Channels of the upscaled map.
    """

    def __init__(self, count: int, classes: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, channels))
        self.mix = nn.Parameter(torch.zeros(count, classes))
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, weights: Tensor) -> Tensor:
        """Appends the rows: (..., K, channels) -> (..., K + count, channels)."""
        return torch.cat([weights, self.weight + self.mix @ weights], dim=-2)


def _upscaling(width: int, dims: tuple[int, ...]) -> nn.Sequential:
    """One or two doublings; positions in the sequence are those of the published checkpoints."""
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(width, dims[0], 2, stride=2),
        LayerNorm2d(dims[0]),
        nn.GELU(),
    ]
    if len(dims) == 2:
        layers += [nn.ConvTranspose2d(dims[0], dims[1], 2, stride=2), nn.GELU()]
    return nn.Sequential(*layers)


class Decoder(nn.Module):
    """Decodes face tokens with learnable class tokens to one logit map per class.

    Args:
        width: Channels of tokens.
        num_classes: How many class tokens.
        added: How many classes more have a row of their own.
        depth: Transformer layers.
        heads: Attention heads.
        mlp_dim: Hidden units of the token MLP.
        upscale_dims: Channels after each doubling.
        detail_channels: Channels of the stride-2 feature to add, or 0.
        class_bias: Constants added to each class's logits, or none.
        head_scales: Factor of every attention head's output in the order in which they run, or
            none.
    """

    class_bias: Tensor | None

    def __init__(
        self,
        *,
        width: int,
        num_classes: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        upscale_dims: tuple[int, ...],
        added: int = 0,
        detail_channels: int = 0,
        class_bias: tuple[float, ...] = (),
        head_scales: tuple[float, ...] = (),
    ) -> None:
        super().__init__()
        self.class_tokens = nn.Parameter(torch.randn(num_classes, width))
        self.position = FourierPosition(width)
        self.transformer = TwoWayTransformer(width, heads, depth=depth, mlp_dim=mlp_dim)
        self.upscaling = _upscaling(width, upscale_dims)
        self.detail = nn.Conv2d(detail_channels, upscale_dims[0], 1) if detail_channels else None
        self.token_mlp = HyperMLP(width, upscale_dims[-1])
        self.added = AddedRows(added, num_classes, upscale_dims[-1]) if added else None
        bias = torch.tensor(class_bias) if class_bias else None
        self.register_buffer("class_bias", bias, persistent=False)
        if head_scales:
            scales = torch.tensor(head_scales).unflatten(0, (-1, heads))
            for attention, scale in zip(self.transformer.attentions(), scales, strict=True):
                attention.head_scale = scale

    def forward(self, fused: Tensor, detail: Tensor | None = None) -> Tensor:
        """Decodes.

        Args:
            fused: (B, width, h, w) face tokens.
            detail: (B, C, 2h, 2w) stride-2 features where the decoder was built with them.

        Returns:
            (B, K, s * h, s * w) logits, s being 2 to the number of doublings.
        """
        weights, maps = self.weights_and_maps(fused, detail)
        logits = weights @ maps.flatten(2)
        constants = self.constants()
        if constants is not None:
            logits = logits + constants[:, None]
        return logits.unflatten(2, maps.shape[2:])

    def weights_and_maps(
        self, fused: Tensor, detail: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns the two factors of the logits.

        Args:
            fused, detail: As `forward` takes them.

        Returns:
            (B, K, dims[-1]) weights of the classes, and the (B, dims[-1], s * h, s * w) map.
        """
        batch, _, height, width = fused.shape
        tokens = self.class_tokens.expand(batch, -1, -1)
        keys = fused.flatten(2).transpose(1, 2)
        queries, keys = self.transformer(tokens, keys, self.position(height, width))
        maps = self.upscale(keys.transpose(1, 2).unflatten(2, (height, width)), detail)
        return self.class_weights(queries), maps

    def class_weights(self, queries: Tensor) -> Tensor:
        """Turns class tokens (..., tokens, width) into the weights of all classes' maps."""
        weights = self.token_mlp(queries)
        return weights if self.added is None else self.added(weights)

    def constants(self) -> Tensor | None:
        """Returns what is added to the logits, (K,), or None."""
        if self.added is None:
            return self.class_bias
        rows = self.added.bias
        constants = torch.cat([rows.new_zeros(len(self.class_tokens)), rows])
        return constants if self.class_bias is None else constants + self.class_bias

    def upscale(self, x: Tensor, detail: Tensor | None) -> Tensor:
        """Doubles the resolution once or twice: (B, width, h, w) -> (B, dims[-1], s*h, s*w)."""
        x = self.upscaling[0](x)
        if self.detail is not None and detail is not None:
            # Odd input sizes: strides round up one by one, doublings don't.
            x = x + resized(self.detail(detail), x.shape[-2:])
        for layer in self.upscaling[1:]:
            x = layer(x)
        return x
