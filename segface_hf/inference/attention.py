"""Attention between few class tokens and many face tokens, without key or value maps.

The projections of keys, values and outputs are absorbed into matrices of (heads * classes) x width
that depend on the class tokens only. The plain form is `decoder.Attention`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from segface_hf.inference.linear import Affine, linear
from segface_hf.modeling.decoder import Attention


def _by_head(weight: Tensor, heads: int) -> Tensor:
    """(inner, width) -> (heads, inner / heads, width)."""
    return weight.unflatten(0, (heads, -1))


def _split(tokens: Tensor, heads: int) -> Tensor:
    """(K, inner) -> (heads, K, inner / heads)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(0, 1)


def absorbed_queries(attention: Attention, queries: Tensor) -> Tensor:
    """(K, width) class tokens -> (heads * K, width): their scores are a product with the keys.

    The bias of the key projection adds the same to all scores of a row, which softmax ignores.
    """
    heads = attention.heads
    q = _split(attention.q_proj(queries), heads)
    q = q * (1 / math.sqrt(q.shape[-1]))
    return (q @ _by_head(attention.k_proj.weight, heads)).flatten(0, 1)


def attended(attention: Attention, context: Tensor) -> Tensor:
    """(heads * K, width) softmax-weighted means of the keys -> (K, width), projected."""
    heads = attention.heads
    values = _by_head(attention.v_proj.weight, heads)
    mixed = context.unflatten(0, (heads, -1)) @ values.transpose(1, 2)
    mixed = attention.scaled(mixed + attention.v_proj.bias.unflatten(0, (heads, 1, -1)))
    return attention.out_proj(mixed.transpose(0, 1).flatten(1))


class RunningContext:
    """The softmax-weighted mean of keys over all face tokens, gathered tile by tile."""

    def __init__(self, queries: Tensor) -> None:
        self._queries = queries
        self._parts: list[tuple[Tensor, Tensor]] = []

    def add(self, keys: Tensor, placed: Tensor) -> None:
        """Takes a tile of (T, width) keys, and the same keys with their positions added."""
        scores = linear(self._queries, placed)
        weights = torch.softmax(scores, dim=1)
        # How much the tile weighs among others: its log-sum-exp, from what softmax kept.
        weight = scores.amax(1) - weights.amax(1).log()
        self._parts.append((weight, linear(weights, keys.T)))

    def mean(self) -> Tensor:
        """Returns (heads * K, width)."""
        weights, means = (torch.stack(parts) for parts in zip(*self._parts, strict=True))
        return (torch.softmax(weights, dim=0)[..., None] * means).sum(0)


class TokenReader:
    """The image's look at the class tokens, for one tile of face tokens at a time."""

    def __init__(self, attention: Attention, keys: Tensor, values: Tensor) -> None:
        heads = attention.heads
        k = _split(attention.k_proj(keys), heads)
        k = k * (1 / math.sqrt(k.shape[-1]))
        self._scores = Affine(
            (k @ _by_head(attention.q_proj.weight, heads)).flatten(0, 1),
            (k @ _by_head(attention.q_proj.bias, heads)[:, :, None]).flatten(),
        )
        v = attention.scaled(_split(attention.v_proj(values), heads))
        out = attention.out_proj.weight.T.unflatten(0, (heads, -1))
        # Each head's weights sum to one, so every head can carry its share of the bias.
        self._values = (v @ out + attention.out_proj.bias / heads).flatten(0, 1).T
        self._heads = heads

    def add_to(self, tokens: Tensor, placed: Tensor) -> Tensor:
        """Returns (T, width) tokens plus what they read from the class tokens."""
        scores = self._scores(placed).unflatten(1, (self._heads, -1))
        weights = torch.softmax(scores, dim=-1).flatten(1)
        return linear(weights, self._values).add_(tokens)
