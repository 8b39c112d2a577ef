"""Published checkpoints as upstream's code would save them, with weights that follow a formula.

Backbones are torchvision's own modules, so key names and shapes are upstream's by construction.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import torch
from torch import nn
from torchvision import models

TOKENS = {
    "celeb": [
        "background",
        "neck",
        "face",
        "cloth",
        "rightear",
        "leftear",
        "rightbro",
        "leftbro",
        "righteye",
        "lefteye",
        "nose",
        "innermouth",
        "lowerlip",
        "upperlip",
        "hair",
        "glass",
        "hat",
        "earring",
        "necklace",
    ],
    "lapa": [
        "background",
        "face",
        "leftbro",
        "rightbro",
        "lefteye",
        "righteye",
        "nose",
        "upperlip",
        "innermouth",
        "lowerlip",
        "hair",
    ],
}
TOKENS["helen"] = TOKENS["lapa"]
_SWIN_TAPS = ("0.1", "0.3", "0.5", "0.7")

# What upstream builds from torchvision, where it listens, and the channels it hears.
_TORCHVISION = {
    "swin_base": (models.swin_b, -1, _SWIN_TAPS, (128, 256, 512, 1024)),
    "swinv2_base": (models.swin_v2_b, -1, _SWIN_TAPS, (128, 256, 512, 1024)),
    "swinv2_small": (models.swin_v2_s, -1, _SWIN_TAPS, (96, 192, 384, 768)),
    "swinv2_tiny": (models.swin_v2_t, -1, _SWIN_TAPS, (96, 192, 384, 768)),
    "convnext_base": (models.convnext_base, -1, _SWIN_TAPS, (128, 256, 512, 1024)),
    "convnext_small": (models.convnext_small, -1, _SWIN_TAPS, (96, 192, 384, 768)),
    "convnext_tiny": (models.convnext_small, -1, _SWIN_TAPS, (96, 192, 384, 768)),
    "resnet": (models.resnet101, -2, ("4", "5", "6", "7"), (256, 512, 1024, 2048)),
    "mobilenet": (models.mobilenet_v3_large, None, ("3", "6", "12", "16"), (24, 40, 112, 960)),
    "efficientnet": (models.efficientnet_v2_m, None, ("2", "3", "5", "8"), (48, 80, 176, 1280)),
}
BACKBONES = tuple(_TORCHVISION)


class ReferenceBackbone(nn.Module):
    """torchvision's network in an `nn.Sequential`, heard at four places; (B, C, h, w) each."""

    def __init__(self, name: str) -> None:
        super().__init__()
        build, end, self.taps, self.channels = _TORCHVISION[name]
        network = build(weights=None)
        inner = network.features if end is None else nn.Sequential(*list(network.children())[:end])
        self.inner, self.last = inner.eval(), name.startswith("swin")

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        heard = []
        modules = dict(self.inner.named_modules())
        hooks = [
            modules[tap].register_forward_hook(lambda m, i, output: heard.append(output))
            for tap in self.taps
        ]
        try:
            x = pixels
            for module in self.inner:
                # Only the first children feed a tap; what follows them never reaches the decoder.
                if len(heard) < len(self.taps):
                    x = module(x)
        finally:
            for hook in hooks:
                hook.remove()
        return [x.permute(0, 3, 1, 2) for x in heard] if self.last else heard


def formula(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor that depends on its name and shape alone."""
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    last = key.rsplit(".", 1)[-1]
    noise = torch.randn(shape, generator=generator)
    if last == "running_var":
        return noise.abs() + 0.5
    if last in ("bias", "running_mean"):
        return 0.1 * noise
    if len(shape) == 1 or last in ("layer_scale", "logit_scale"):
        return 1 + 0.1 * noise
    if "gaussian" in key or key.endswith("_token.weight"):
        return noise
    return noise / math.sqrt(math.prod(shape[1:]))


def reference_backbone(name: str) -> ReferenceBackbone:
    """A torchvision backbone whose weights follow the formula."""
    backbone = ReferenceBackbone(name)
    with torch.no_grad():
        for key, value in backbone.inner.state_dict().items():
            if value.is_floating_point() and not key.endswith("relative_coords_table"):
                value.copy_(formula(key, tuple(value.shape)))
    return backbone


def _attention(prefix: str, inner: int) -> dict[str, tuple[int, ...]]:
    shapes = {f"{prefix}.{part}_proj.weight": (inner, 256) for part in "qkv"}
    shapes |= {f"{prefix}.{part}_proj.bias": (inner,) for part in "qkv"}
    return shapes | {f"{prefix}.out_proj.weight": (256, inner), f"{prefix}.out_proj.bias": (256,)}


def _pair(prefix: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.weight": shape, f"{prefix}.bias": shape[:1]}


def _block_shapes(prefix: str) -> dict[str, tuple[int, ...]]:
    shapes = _attention(f"{prefix}.self_attn", 256)
    shapes |= _attention(f"{prefix}.cross_attn_token_to_image", 128)
    shapes |= _attention(f"{prefix}.cross_attn_image_to_token", 128)
    shapes |= _pair(f"{prefix}.mlp.lin1", 2048, 256) | _pair(f"{prefix}.mlp.lin2", 256, 2048)
    for index in range(1, 5):
        shapes |= _pair(f"{prefix}.norm{index}", 256)
    return shapes


def head_shapes(dataset: str, channels: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of everything upstream puts behind its backbone."""
    decoder = "face_decoder"
    shapes = {"pe_layer.positional_encoding_gaussian_matrix": (2, 128)}
    for layer in range(2):
        shapes |= _block_shapes(f"{decoder}.transformer.layers.{layer}")
    shapes |= _attention(f"{decoder}.transformer.final_attn_token_to_image", 128)
    shapes |= _pair(f"{decoder}.transformer.norm_final_attn", 256)
    shapes |= {f"{decoder}.{token}_token.weight": (1, 256) for token in TOKENS[dataset]}
    shapes |= {f"{decoder}.output_upscaling.0.weight": (256, 64, 2, 2)}
    shapes |= {f"{decoder}.output_upscaling.0.bias": (64,)}
    shapes |= _pair(f"{decoder}.output_upscaling.1", 64)
    shapes |= {f"{decoder}.output_upscaling.3.weight": (64, 32, 2, 2)}
    shapes |= {f"{decoder}.output_upscaling.3.bias": (32,)}
    mlps = f"{decoder}.output_hypernetwork_mlps.layers"
    shapes |= (
        _pair(f"{mlps}.0", 256, 256) | _pair(f"{mlps}.1", 256, 256) | _pair(f"{mlps}.2", 32, 256)
    )
    for index, count in enumerate(channels):
        shapes |= _pair(f"linear_c.{index}.proj", 256, count)
    return shapes | {"linear_fuse.weight": (256, 256 * len(channels), 1, 1)}


def published_state(name: str, dataset: str) -> dict[str, torch.Tensor]:
    """The `state_dict_backbone` of a published checkpoint, weights by formula."""
    backbone = reference_backbone(name)
    state = {f"backbone.{key}": value for key, value in backbone.inner.state_dict().items()}
    shapes = head_shapes(dataset, backbone.channels)
    return state | {key: formula(key, shape) for key, shape in shapes.items()}


def pixels(height: int, width: int, *, batch: int = 1) -> torch.Tensor:
    """Smooth noise, as a normalized picture."""
    generator = torch.Generator().manual_seed(1000 * height + width)
    low = torch.randn((batch, 3, 12, 12), generator=generator)
    smooth = nn.functional.interpolate(low, size=(height, width), mode="bicubic")
    return smooth + 0.1 * torch.randn((batch, 3, height, width), generator=generator)


def save(path: Path, state: dict, **extra: object) -> Path:
    """Writes a file of the published form and returns its path."""
    torch.save({"epoch": 299, "state_dict_backbone": state, **extra}, path)
    return path
