"""linear: x @ weight.T + bias by the faster of torch's two CPU matrix libraries, in float32.

MKL, which `torch.nn.functional.linear` uses, keeps to AVX2 on processors that are not Intel's;
oneDNN uses AVX-512 wherever it is and takes half the time there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

Activation = Literal["none", "gelu", "relu", "hardswish"]
_ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "gelu": F.gelu,
    "relu": F.relu_,
    "hardswish": lambda x: F.hardswish(x, inplace=True),
}


def linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, activation: Activation = "none"
) -> Tensor:
    """Applies a linear map to the last axis, and an activation while its result is in cache.

    Args:
        x: (..., in), of any strides.
        weight: (out, in), of any strides.
        bias: (out,), or None.
        activation: What follows the map.

    Returns:
        (..., out).
    """
    if _goes_through_onednn(x, weight):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "none")
    return _ACTIVATIONS[activation](F.linear(x, weight, bias))


def linear_onto(x: Tensor, weight: Tensor, bias: Tensor | None, onto: Tensor) -> Tensor:
    """Returns the linear map of `x` plus `onto` (..., out), which is left as it is."""
    if _goes_through_onednn(x, weight):
        return torch.ops.mkldnn._linear_pointwise.binary(x, onto, weight, bias, "add")
    return F.linear(x, weight, bias).add_(onto)


def _goes_through_onednn(x: Tensor, weight: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32 and _onednn_pays()


class FastLinear(TorchFunctionMode):
    """Context in which the linear layers of any network use `linear`."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.linear and not kwargs:
            return linear(*args)
        return func(*args, **(kwargs or {}))


@cache
def _onednn_pays() -> bool:
    """The operator is the one that torch.compile emits; where it is missing, MKL does the work."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


@dataclass(frozen=True)
class Affine:
    """A linear map with a bias.

    Attributes:
        weight: (out, in).
        bias: (out,).
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor, *, activation: Activation = "none") -> Tensor:
        """(M, in) -> (M, out)."""
        return linear(x, self.weight, self.bias, activation=activation)
