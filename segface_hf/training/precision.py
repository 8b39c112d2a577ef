"""Precision: decides by timing whether bfloat16 is faster here, and opens its context."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_SPEEDUP_WANTED = 1.15


def _seconds(work: Callable[[], object], *, repeats: int = 5) -> float:
    """Best of a few runs after one to warm up, so that a busy machine misleads less."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def faster_precision() -> str:
    """Returns `bf16` where a small matrix product and convolution are faster in it, else `fp32`.

    Processors without bfloat16 units emulate it, up to 50 times slower than float32.
    """
    matrix, picture = torch.randn(256, 256), torch.randn(2, 32, 48, 48)
    kernel = torch.randn(32, 32, 3, 3)

    def work(dtype: torch.dtype) -> Callable[[], object]:
        a, x, k = matrix.to(dtype), picture.to(dtype), kernel.to(dtype)
        return lambda: (a @ a, F.conv2d(x, k))

    gain = _seconds(work(torch.float32)) / _seconds(work(torch.bfloat16))
    return "bf16" if gain > _SPEEDUP_WANTED else "fp32"


def _depthwise(images: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        return F.conv2d(images.float(), *args, **kwargs)


def _attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    scores = queries @ keys.transpose(-2, -1) * queries.shape[-1] ** -0.5
    return scores.softmax(-1).to(values.dtype) @ values


class QuickBackward(TorchFunctionMode):
    """Takes, for two operations, the way to the same numbers whose backward pass is quicker.

    On processors with bfloat16 units, most depthwise convolutions are quicker in float32, and plain
    products are quicker than the fused attention where one side has few tokens.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        match func, args:
            case F.conv2d, (images, kernels, *_) if kernels.shape[1] == 1 < images.shape[1]:
                return _depthwise(*args, **kwargs)
            case F.scaled_dot_product_attention, (_, _, _) if not kwargs:
                return _attention(*args)
        return func(*args, **kwargs)


@contextmanager
def autocast(precision: str) -> Iterator[None]:
    """Opens the context in which the model runs forward.

    Args:
        precision: `fp32` or `bf16`.
    """
    if precision == "fp32":
        yield
        return
    with torch.autocast("cpu", dtype=torch.bfloat16), QuickBackward():
        yield
