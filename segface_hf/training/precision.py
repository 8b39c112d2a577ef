"""Precision: decides by timing whether bfloat16 is faster here, and opens the autocast context."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch.nn import functional as F

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


def autocast(precision: str) -> AbstractContextManager[object]:
    """Returns the context in which the model runs forward.

    Args:
        precision: `fp32` or `bf16`.
    """
    if precision == "fp32":
        return nullcontext()
    return torch.autocast("cpu", dtype=torch.bfloat16)
