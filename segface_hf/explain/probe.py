"""Probe: shows every attention of a decoder's own forward pass to a function that may change it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from segface_hf.config import SegFaceConfig

Call = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class Attended:
    """One attention of the decoder. B pictures; Q queries read V values.

    Attributes:
        block: Its heads' common name: `L0.self`, `L0.cross`, `L0.image` or `final`.
        queries: (B, heads, Q, channels).
        keys: (B, heads, V, channels).
        values: (B, heads, V, channels).
        read: (B, heads, Q, channels), what each head read.
    """

    block: str
    queries: Tensor
    keys: Tensor
    values: Tensor
    read: Tensor

    def weights(self) -> Tensor:
        """Returns (B, heads, Q, V): how much of each value a query reads; rows sum to 1."""
        scores = self.queries @ self.keys.transpose(-1, -2) / math.sqrt(self.queries.shape[-1])
        return scores.softmax(-1)


Visit = Callable[[Attended], Tensor]


class Probe(TorchFunctionMode):
    """Context for one forward pass of a decoder.

    Args:
        config: The model's.
        visit: Takes each attention in order, and returns what its heads read from then on.
        frozen: Whether norms and activations become linear: their statistics and slopes stay what
            they are, so that a gradient says what a part adds. Values don't change.

    Example:
        >>> with Probe(model.config, lambda attended: attended.read):
        ...     logits = model.decoder(fused, detail)
    """

    def __init__(self, config: SegFaceConfig, visit: Visit, *, frozen: bool = False) -> None:
        super().__init__()
        names = dict.fromkeys(name.rpartition(".")[0] for name in config.head_names)
        self._blocks, self._visit = iter(names), visit
        self._replaced: Mapping[Any, Call] = {
            F.scaled_dot_product_attention: self._attention,
            **(FROZEN if frozen else {}),
        }

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return self._replaced.get(func, func)(*args, **(kwargs or {}))

    def _attention(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        read = F.scaled_dot_product_attention(queries, keys, values)
        return self._visit(Attended(next(self._blocks), queries, keys, values, read))


def _gelu(x: Tensor, approximate: str = "none") -> Tensor:
    slope = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return x * slope.detach()


def _layer_norm(
    x: Tensor, shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 0
) -> Tensor:
    scale = (x.var(-1, unbiased=False, keepdim=True) + eps).rsqrt().detach()
    normed = (x - x.mean(-1, keepdim=True)) * scale
    normed = normed if weight is None else normed * weight
    return normed if bias is None else normed + bias


# A ReLU is linear already where it is active; the root is the one in `LayerNorm2d`.
FROZEN: Mapping[Any, Call] = {
    F.gelu: _gelu,
    F.layer_norm: _layer_norm,
    torch.sqrt: lambda x: torch.sqrt(x).detach(),
}


def changed_heads(config: SegFaceConfig, change: Callable[[str, Tensor], Tensor | None]) -> Visit:
    """Returns a visit that changes single heads.

    Args:
        config: The model's.
        change: Takes a head's name and what it read, (B, Q, channels); returns what it reads
            instead, or None to leave it.
    """

    def visit(attended: Attended) -> Tensor:
        heads = []
        for index, read in enumerate(attended.read.unbind(1)):
            other = change(f"{attended.block}.{index}", read)
            heads.append(read if other is None else other)
        return torch.stack(heads, dim=1)

    return visit


def scaled_head(config: SegFaceConfig, head: str, factor: float) -> Visit:
    """Returns a visit that multiplies what one head reads."""
    return changed_heads(config, lambda name, read: read * factor if name == head else None)
