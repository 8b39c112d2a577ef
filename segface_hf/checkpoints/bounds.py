"""Bounds of untrusted checkpoints: their weights must hold what their configuration describes.

A few bytes of `config.json` can describe a network of any size. So the header of the weights file
is read first, and no module is built that has more parameters than the file holds.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError

if TYPE_CHECKING:
    import torch

MAX_CONFIG_BYTES = 1_000_000
_MAX_HEADER_BYTES = 4_000_000
_MAX_TENSORS = 20_000
_MAX_DIMENSIONS = 8
_ITEM_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
# What reading a malformed header raises.
_MALFORMED = (
    OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError,
    struct.error,
)  # fmt: skip

# Parameters of the feature networks of these backbones, as timm builds them.
BACKBONE_PARAMETERS: Mapping[str, int] = MappingProxyType(
    {
        "swin_base": 86_741_176,
        "swinv2_base": 86_891_768,
        "swinv2_small": 48_957_882,
        "swinv2_tiny": 27_576_618,
        "convnext_base": 87_564_416,
        "convnext_small": 49_453_152,
        "convnext_tiny": 49_453_152,
        "resnet": 42_500_160,
        "mobilenet": 2_971_952,
        "efficientnet": 52_858_356,
        "tf_efficientnet_lite0": 2_958_848,
        "tf_efficientnet_lite1": 3_723_520,
        "tf_efficientnet_lite2": 4_357_952,
        "tf_efficientnet_lite3": 6_422_016,
        "tf_efficientnet_lite4": 11_149_568,
    }
)


def check_bounds(
    path: Path,
    config: SegFaceConfig,
    build: Callable[[SegFaceConfig], torch.nn.Module],
    *,
    source: str,
) -> None:
    """Checks that a weights file holds the parameters that a configuration describes.

    Args:
        path: A safetensors file, of which only the header is read.
        config: Its configuration.
        source: How messages name the checkpoint.
        build: Makes a model of a configuration. It is used on torch's meta device, without
            memory for weights, and only for backbones that `BACKBONE_PARAMETERS` doesn't list.
            No process of its own bounds that: a configuration gives timm a name of its fixed list
            and no other option. The 78 largest took at most 1.7 s of CPU each, and 21 MB in all;
            a new process would take 8 s to import torch and timm.

    Raises:
        CheckpointError: The file is damaged or holds too few values.
    """
    held = values_in(path, source=f"{path.name} of {source}")
    described = parameters_at_least(config)
    if described is None:
        import torch

        with torch.device("meta"):
            described = sum(weights.numel() for weights in build(config).parameters())
    if held < described:
        raise CheckpointError(
            f"config.json of {source} describes {described:,} parameters or more, but "
            f"{path.name} holds {held:,} values: one of them is damaged, or of another checkpoint"
        )


def parameters_at_least(config: SegFaceConfig) -> int | None:
    """Returns a lower bound of a model's parameters; None for a backbone that isn't listed.

    It counts all but the projections of the backbone's features and the optional parts.
    """
    backbone = BACKBONE_PARAMETERS.get(config.backbone)
    if backbone is None:
        return None
    width, half, hidden = config.width, config.width // 2, config.mlp_dim
    cross = 4 * width * half + 3 * half + width
    itself = 4 * width * width + 4 * width
    block = itself + 2 * cross + 8 * width + 2 * width * hidden + hidden + width
    transformer = config.depth * block + cross + 2 * width
    doublings = zip((width, *config.upscale_dims), config.upscale_dims, strict=False)
    upscaling = sum(4 * before * after + after for before, after in doublings)
    upscaling += 2 * config.upscale_dims[0]
    last = config.upscale_dims[-1]
    classes = config.labels.num_classes - len(config.added_classes)
    tokens = classes * width + 2 * (width + 1) * width + (width + 1) * last
    return backbone + 4 * width * width + transformer + upscaling + tokens


def values_in(path: Path, *, source: str) -> int:
    """Returns how many values the tensors of a safetensors file hold, from its header.

    Args:
        path: The file.
        source: How messages name it.

    Raises:
        CheckpointError: It is damaged, or its header is larger than any model's.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(size - 8, _MAX_HEADER_BYTES):
                raise ValueError(f"its header claims {length:,} bytes")
            header = json.loads(stream.read(length))
        tensors = {key: value for key, value in header.items() if key != "__metadata__"}
        if len(tensors) > _MAX_TENSORS:
            raise ValueError(f"it lists {len(tensors):,} tensors")
        sizes = [_values_of(tensor) for tensor in tensors.values()]
        if sum(span for _, span in sizes) != size - 8 - length:
            raise ValueError("its tensors don't fill the file")
    except _MALFORMED as error:
        raise CheckpointError(
            f"{source} is damaged or not a safetensors file ({str(error)[:200]}): download it again"
        ) from error
    return sum(count for count, _ in sizes)


def _values_of(tensor: Mapping[str, Any]) -> tuple[int, int]:
    """A tensor's values and bytes."""
    begin, end = tensor["data_offsets"]
    count = math.prod(tensor["shape"][:_MAX_DIMENSIONS])
    span = count * _ITEM_BYTES.get(tensor["dtype"], 1)
    if not (type(begin) is int and begin >= 0 and end - begin == span >= 0):
        raise ValueError("the offsets of a tensor don't fit its shape")
    return count, span
