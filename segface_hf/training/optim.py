"""The initial model, its optimizer, learning rates and numeric precision."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe
from segface_hf.training.start import load_all_weights, load_decoder, load_imagenet

_SPEEDUP_WANTED = 1.15


def _seconds(work: Callable[[], object], *, repeats: int = 5) -> float:
    """Returns the shortest of a few runs after a warm-up, to reduce the effect of other load."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def faster_precision(device: torch.device) -> str:
    """Returns the faster precision of a device, `bf16` or `fp32`.

    On a processor it is measured by a small matrix product and convolution.

    Processors without bfloat16 units emulate it, up to 50 times slower than float32.
    """
    if device.type != "cpu":
        return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
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
    """Replaces two operations by equal ones whose backward pass is faster.

    On processors with bfloat16 units, most depthwise convolutions are faster in float32, and plain
    matrix products are faster than fused attention if one side has few tokens.
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
def autocast(precision: str, device: str = "cpu") -> Iterator[None]:
    """Context in which the forward pass runs.

    Args:
        precision: `fp32` or `bf16`.
        device: Type of the device: `cpu`, `cuda` or `mps`.
    """
    if precision == "fp32":
        yield
        return
    faster = QuickBackward() if device == "cpu" else nullcontext()
    with torch.autocast(device, dtype=torch.bfloat16), faster:
        yield


def learning_rate(recipe: Recipe, step: int) -> float:
    """Returns the factor on the peak rates at a step: linear warm-up, then cosine decay to zero."""
    warmup = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    return warmup * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / recipe.steps)))


def build_model(recipe: Recipe) -> SegFace:
    """Builds the model that a run starts from.

    Raises:
        CheckpointError: The initial weights are missing or don't fit.
    """
    torch.manual_seed(recipe.seed)
    model = SegFace(recipe.model_config())
    if recipe.initial:
        load_all_weights(model, SegFace.from_pretrained(recipe.initial), name=recipe.initial)
    elif recipe.pretrained == "imagenet":
        load_imagenet(model.backbone, recipe.model_config().backbone)
    if recipe.decoder:
        load_decoder(model, SegFace.from_pretrained(recipe.decoder), name=recipe.decoder)
    return model.train()


def build_optimizer(model: SegFace, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with separate rates for backbone and rest; no weight decay on vectors."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, value in model.named_parameters():
        rate = recipe.backbone_rate if name.startswith("backbone.") else recipe.learning_rate
        decay = recipe.weight_decay if value.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(value)
    return torch.optim.AdamW(
        [
            {"params": values, "lr": rate, "peak": rate, "weight_decay": decay}
            for (rate, decay), values in groups.items()
        ]
    )
