"""FusedHead: the head of a SegFace, algebraically the same and a fraction of the work.

Scales are projected before they are upsampled, attention is absorbed (`fused_attention`), and face
tokens go through the transformer and the upscaling tile by tile, so that nothing larger than the
tokens themselves is ever held.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from segface_hf.inference.attention import (
    RunningContext,
    TokenReader,
    absorbed_queries,
    attended,
)
from segface_hf.inference.linear import linear
from segface_hf.inference.readout import Axis
from segface_hf.inference.weights import HeadWeights, derive, refined
from segface_hf.modeling.decoder import LayerNorm2d, TwoWayBlock, resized
from segface_hf.modeling.segface import SegFace

Read = Callable[[Tensor], Tensor]
TILE = 2048
_KEPT_POSITIONS = 2


@dataclass(frozen=True)
class Grid:
    """The face tokens of one picture: their number of rows and columns."""

    height: int
    width: int

    def tiles(self) -> Iterator[tuple[int, int]]:
        """Yields (first, last + 1) token of tiles of whole rows."""
        rows = max(1, TILE // self.width)
        for row in range(0, self.height, rows):
            yield row * self.width, min(row + rows, self.height) * self.width


class FusedHead:
    """Fusion and decoder of one model for inference; it holds derived weights, no parameters.

    Args:
        model: The model whose parameters it reads. Rebuild it when they change.
    """

    def __init__(self, model: SegFace) -> None:
        self.weights: HeadWeights = derive(model)
        self.decoder = model.decoder
        self.stride = 2 ** len(self.weights.ups)
        self._positions: OrderedDict[Grid, Tensor] = OrderedDict()

    def read(self, features: list[Tensor], detail: Tensor | None, read: Read) -> Tensor:
        """Decodes, and hands every pixel's logits to `read` tile by tile.

        Args:
            features: (B, C_i, h_i, w_i), shallow first.
            detail: (B, C, 2h, 2w) stride-2 features where the model has them.
            read: (K, M) logits -> (channels, M) of what is wanted of them.

        Returns:
            (B, channels, s * h, s * w), s being 4 or 2 by the model's number of doublings.
        """
        pairs = zip(features, self.weights.projections, strict=True)
        projected = [_project(x, weight) for x, weight in pairs]
        projected[0] += self.weights.bias
        pictures = [
            self._picture([x[i : i + 1] for x in projected], _one(detail, i), read)
            for i in range(features[0].shape[0])
        ]
        return torch.stack(pictures)

    def _picture(self, projected: list[Tensor], detail: Tensor | None, read: Read) -> Tensor:
        grid = Grid(*projected[0].shape[1:3])
        keys = self._fuse(projected)
        weights, keys = self._transform(keys, grid)
        if detail is not None:
            detail = resized(detail, (2 * grid.height, 2 * grid.width))
        constants = self.decoder.constants()
        parts = []
        for start, stop in grid.tiles():
            rows = slice(2 * start // grid.width, 2 * stop // grid.width)
            fine = None if detail is None else _blocks(detail[0, :, rows])
            x = self._upscale(keys[start:stop], fine)
            logits = linear(weights, x)
            if constants is not None:
                logits += constants[:, None]
            parts.append(read(logits))
        return _unblocked(torch.cat(parts, dim=1), grid, levels=len(self.weights.ups))

    def _fuse(self, projected: list[Tensor]) -> Tensor:
        """Sums (1, h_i, w_i, width) at the finest size: (N, width)."""
        fused, *coarse = projected
        size = (fused.shape[1], fused.shape[2])
        axes = [Axis.between(x.shape[1], size[0], like=x) for x in coarse]
        # A few rows at a time: maps of the finest size cost more to allocate than to fill.
        for start, stop in Grid(*size).tiles():
            rows = slice(start // size[1], stop // size[1])
            for x, axis in zip(coarse, axes, strict=True):
                fused[0, rows] += _widened(axis.at(rows).mix(x[0]), size[1])
        if self.weights.refine is not None:
            return refined(fused, self.weights.refine)
        return fused.flatten(0, 2)

    def _transform(self, keys: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
        """Runs the transformer: (K, dims[-1]) map weights, and the (N, width) keys after it."""
        transformer = self.decoder.transformer
        position = self._position(grid)
        tokens = self.decoder.class_tokens
        layers = cast(list[TwoWayBlock], list(transformer.layers))
        queries = _attend_self(layers[0], tokens, tokens)
        absorbed = absorbed_queries(layers[0].cross_attn_token_to_image, queries + tokens)
        context = RunningContext(absorbed)
        for start, stop in grid.tiles():
            tile = keys[start:stop]
            context.add(tile, tile + position[start:stop])
        for layer, following in zip(layers, [*layers[1:], None], strict=True):
            queries, reader = _answer(layer, queries, tokens, context)
            attention = transformer.final_attn_token_to_image
            if following is not None:
                queries = _attend_self(following, queries, tokens)
                attention = following.cross_attn_token_to_image
            context = RunningContext(absorbed_queries(attention, queries + tokens))
            _sweep(keys, position, grid, layer=layer, reader=reader, context=context)
        last = attended(transformer.final_attn_token_to_image, context.mean())
        return self.decoder.class_weights(transformer.norm_final_attn(queries + last)), keys

    def _position(self, grid: Grid) -> Tensor:
        """(N, width), kept for the sizes seen last: sines cost more than they weigh."""
        known = self._positions.get(grid)
        if known is None:
            # Kept for callers without autocast too.
            with torch.autocast(self.decoder.position.gaussian.device.type, enabled=False):
                known = self._positions[grid] = self.decoder.position(grid.height, grid.width)
            while len(self._positions) > _KEPT_POSITIONS:
                self._positions.popitem(last=False)
        return known

    def _upscale(self, tokens: Tensor, detail: Tensor | None) -> Tensor:
        """(T, width) -> (T * s * s, dims[-1])."""
        first, *others = self.weights.ups
        x = first(tokens).view(tokens.shape[0] * 4, -1)
        if detail is not None and self.weights.detail is not None:
            x += self.weights.detail(detail)
        norm = self.decoder.upscaling[1]
        assert isinstance(norm, LayerNorm2d)
        x = F.gelu(F.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps))
        for up in others:
            x = up(x, activation="gelu").view(x.shape[0] * 4, -1)
        return x


def _blocks(detail: Tensor) -> Tensor:
    """(C, 2 rows, 2w) -> (rows * w * 4, C): the four finer pixels of every token in turn."""
    blocks = detail.permute(1, 2, 0).unflatten(1, (-1, 2)).unflatten(0, (-1, 2))
    return blocks.transpose(1, 2).reshape(-1, detail.shape[0])


def _project(feature: Tensor, weight: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h, w, width)."""
    x = feature.permute(0, 2, 3, 1)
    return linear(x.flatten(0, 2), weight).unflatten(0, x.shape[:3])


def _one(detail: Tensor | None, index: int) -> Tensor | None:
    return None if detail is None else detail[index : index + 1]


def _widened(x: Tensor, width: int) -> Tensor:
    """Resizes the second axis of (rows, w, channels)."""
    # torch resizes channels-last maps as they are only where the batch is a true axis.
    maps = resized(x[None].permute(0, 3, 1, 2), (x.shape[0], width))
    return maps.permute(0, 2, 3, 1)[0]


def _attend_self(layer: TwoWayBlock, queries: Tensor, tokens: Tensor) -> Tensor:
    return layer.attend_self(queries[None], tokens[None])[0]


def _answer(
    layer: TwoWayBlock, queries: Tensor, tokens: Tensor, context: RunningContext
) -> tuple[Tensor, TokenReader]:
    """The class tokens' half of a block, and what the image will read of them."""
    looked = attended(layer.cross_attn_token_to_image, context.mean())
    queries = layer.norm2(queries + looked)
    queries = layer.norm3(queries + layer.mlp(queries))
    return queries, TokenReader(layer.cross_attn_image_to_token, queries + tokens, queries)


def _sweep(
    keys: Tensor,
    position: Tensor,
    grid: Grid,
    *,
    layer: TwoWayBlock,
    reader: TokenReader,
    context: RunningContext,
) -> None:
    """The image's half of a block, overwriting the keys, while the next context is gathered.

    The next block's queries don't wait for these keys, so one pass over them serves both.
    """
    for start, stop in grid.tiles():
        tile, place = keys[start:stop], position[start:stop]
        read = layer.norm4(reader.add_to(tile, tile + place))
        context.add(read, read + place)
        keys[start:stop] = read


def _unblocked(x: Tensor, grid: Grid, *, levels: int) -> Tensor:
    """(channels, N * 4 ** levels), a token's pixels nested by doubling, to rows and columns."""
    x = x.unflatten(1, (grid.height, grid.width, *[2, 2] * levels))
    rows = [1, *range(3, 3 + 2 * levels, 2)]
    columns = [2, *range(4, 4 + 2 * levels, 2)]
    x = x.permute(0, *rows, *columns)
    scale = 2**levels
    return x.reshape(-1, grid.height * scale, grid.width * scale)
