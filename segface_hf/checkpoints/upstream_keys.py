"""The published name of every tensor of ours, backbone and head.

Published backbones are torchvision's, wrapped in `nn.Sequential`: `backbone.0.5.17.norm1.weight`
is `features[5][17].norm1.weight`, which is timm's `layers_2.blocks.17.norm1.weight`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from segface_hf.errors import ConversionError

if TYPE_CHECKING:
    from torch import Tensor

CLASS_TOKENS = "decoder.class_tokens"
_BACKBONE = "backbone."
_HEAD = {
    "decoder.position.gaussian": "pe_layer.positional_encoding_gaussian_matrix",
    "decoder.transformer.": "face_decoder.transformer.",
    "decoder.upscaling.": "face_decoder.output_upscaling.",
    "decoder.token_mlp.": "face_decoder.output_hypernetwork_mlps.",
    "fusion.mix.": "linear_fuse.",
}
# What follows from the architecture alone, and counters of training steps.
_REBUILT = ("relative_position_index", "relative_coords_table", "num_batches_tracked")
_FINAL_NORM = f"{_BACKBONE}1."  # torchvision's Swin has one; no feature of the decoder passes it
_MOBILENET_STAGES = (1, 2, 3, 4, 2, 3)
_EXCITE = {"se.conv_reduce.": "fc1.", "se.conv_expand.": "fc2."}

# (convolution, batch norm) of each step in a block, in torchvision's order.
_Steps = tuple[tuple[str, str], ...]
_EXPAND_FIRST: _Steps = (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3"))
_NO_EXPANSION: _Steps = (("conv_dw", "bn1"), ("conv_pw", "bn2"))
_FUSED: _Steps = (("conv_exp", "bn1"), ("conv_pwl", "bn2"))
_PLAIN: _Steps = (("conv", "bn1"),)


def is_rebuilt(key: str) -> bool:
    """Whether a tensor of either side is rebuilt with the model and never copied."""
    return key.endswith(_REBUILT)


def is_unused(key: str, backbone: str) -> bool:
    """Whether a published tensor never reaches the decoder, so that leaving it out is exact."""
    return is_rebuilt(key) or (backbone.startswith("swin") and key.startswith(_FINAL_NORM))


def token_keys(tokens: Iterable[str]) -> tuple[str, ...]:
    """Returns the published names of class tokens."""
    return tuple(f"face_decoder.{token}_token.weight" for token in tokens)


def published_names(backbone: str, keys: Collection[str]) -> dict[str, str]:
    """Finds the published name of every tensor of a model except its class tokens.

    Args:
        backbone: A published backbone, such as `swin_base`.
        keys: Names of the model's own tensors.

    Raises:
        ConversionError: If the model has a tensor that no published model has.
    """
    family = _FAMILIES[backbone.split("_")[0]]
    names: dict[str, str] = {}
    for key in keys:
        if key == CLASS_TOKENS or is_rebuilt(key):
            continue
        if key.startswith(_BACKBONE):
            inner = family(key.removeprefix(_BACKBONE), keys)
            name = None if inner is None else _BACKBONE + inner
        else:
            name = _head(key)
        if name is None:
            raise ConversionError(f"'{key}' of a {backbone} model has no published counterpart")
        names[key] = name
    return names


def taken(key: str, value: Tensor) -> Tensor:
    """Brings a published tensor into the form of our tensor `key`."""
    if key.endswith(".gamma"):
        return value.flatten()
    # torchvision's SwinV2 zeroes the key's third each time it runs; timm has no tensor for it.
    if key.endswith(".q_bias"):
        return value.chunk(3)[0].clone()
    if key.endswith(".v_bias"):
        return value.chunk(3)[2].clone()
    return value


def _head(key: str) -> str | None:
    match = re.fullmatch(r"fusion\.projections\.(\d+)\.(weight|bias)", key)
    if match:
        return f"linear_c.{match[1]}.proj.{match[2]}"
    return _renamed(key, _HEAD)


def _swin(key: str, keys: Collection[str]) -> str | None:
    match = re.fullmatch(r"layers_(\d+)\.(blocks\.\d+|downsample)\.(.+)", key)
    if match is None:
        return _renamed(key, {"patch_embed.proj.": "0.0.0.", "patch_embed.norm.": "0.0.2."})
    parts = {
        "mlp.fc1.": "mlp.0.",
        "mlp.fc2.": "mlp.3.",
        "attn.q_bias": "attn.qkv.bias",
        "attn.v_bias": "attn.qkv.bias",
    }
    rest = _renamed(match[3], parts) or match[3]
    return _stage(int(match[1]), match[2]) + rest


def _convnext(key: str, keys: Collection[str]) -> str | None:
    match = re.fullmatch(r"stages_(\d+)\.(blocks\.\d+|downsample)\.(.+)", key)
    if match is None:
        return _renamed(key, {"stem_": "0.0."})
    parts = {
        "gamma": "layer_scale",
        "conv_dw.": "block.0.",
        "norm.": "block.2.",
        "mlp.fc1.": "block.3.",
        "mlp.fc2.": "block.5.",
    }
    rest = match[3] if match[2] == "downsample" else _renamed(match[3], parts)
    return None if rest is None else _stage(int(match[1]), match[2]) + rest


def _stage(stage: int, part: str) -> str:
    """torchvision alternates downsampling and blocks in one list, stem first."""
    if part == "downsample":
        return f"0.{2 * stage}."
    return f"0.{2 * stage + 1}.{part.removeprefix('blocks.')}."


def _resnet(key: str, keys: Collection[str]) -> str | None:
    layers = {f"layer{layer}.": f"{layer + 3}." for layer in range(1, 5)}
    return _renamed(key, {"conv1.": "0.", "bn1.": "1."} | layers)


def _mobilenet(key: str, keys: Collection[str]) -> str | None:
    last = {"blocks.6.0.conv.": "16.0.", "blocks.6.0.bn1.": "16.1."}
    name = _renamed(key, {"conv_stem.": "0.0.", "bn1.": "0.1."} | last)
    match = re.fullmatch(r"(blocks\.(\d+)\.(\d+)\.)(.+)", key)
    if name is not None or match is None:
        return name
    prefix, stage, block, rest = match[1], int(match[2]), int(match[3]), match[4]
    layer = 1 + sum(_MOBILENET_STAGES[:stage]) + block
    steps = _EXPAND_FIRST if stage else _NO_EXPANSION
    return _step(rest, steps, f"{layer}.block.", excites=_excites(prefix, keys))


def _efficientnet(key: str, keys: Collection[str]) -> str | None:
    ends = {"conv_stem.": "0.0.", "bn1.": "0.1.", "conv_head.": "8.0.", "bn2.": "8.1."}
    match = re.fullmatch(r"(blocks\.(\d+)\.(\d+)\.)(.+)", key)
    if match is None:
        return _renamed(key, ends)
    stage = int(match[2])
    steps = {0: _PLAIN, 1: _FUSED, 2: _FUSED}.get(stage, _EXPAND_FIRST)
    prefix = f"{stage + 1}.{match[3]}.block."
    return _step(match[4], steps, prefix, excites=_excites(match[1], keys))


def _excites(block: str, keys: Collection[str]) -> bool:
    return f"{_BACKBONE}{block}se.conv_reduce.weight" in keys


def _step(rest: str, steps: _Steps, prefix: str, *, excites: bool) -> str | None:
    """Names a tensor of an inverted residual; squeeze-and-excite sits before its last step."""
    excite = _renamed(rest, _EXCITE)
    if excite is not None:
        return f"{prefix}{len(steps) - 1}.{excite}"
    for index, (convolution, norm) in enumerate(steps):
        position = index + (excites and index == len(steps) - 1)
        places = {f"{convolution}.": f"{position}.0.", f"{norm}.": f"{position}.1."}
        name = _renamed(rest, places)
        if name is not None:
            return prefix + name
    return None


def _renamed(text: str, prefixes: Mapping[str, str]) -> str | None:
    for ours, theirs in prefixes.items():
        if text.startswith(ours):
            return theirs + text.removeprefix(ours)
    return None


_FAMILIES: Mapping[str, Callable[[str, Collection[str]], str | None]] = MappingProxyType(
    {
        "swin": _swin,
        "swinv2": _swin,
        "convnext": _convnext,
        "resnet": _resnet,
        "mobilenet": _mobilenet,
        "efficientnet": _efficientnet,
    }
)
