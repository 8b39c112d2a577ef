"""A backbone for inference: batch norms folded into convolutions, padding without copies."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional as F

from segface_hf.modeling.backbones import Pyramid

_PROBE = 64  # pixels; any picture shows which convolution feeds which norm
# How far features may be off, as a share of the largest, before the fold is not trusted.
_TRUSTED = 1e-4


@torch.no_grad()
def folded(backbone: nn.Module, pyramid: Pyramid) -> nn.Module:
    """Returns a copy that gives the same features in evaluation mode, or the backbone itself.

    A norm is folded where its input is a convolution's output; the copy must then reproduce the
    features of a probe, or it is thrown away.

    Args:
        backbone: In evaluation mode; it is left as it is.
        pyramid: Reads its features.
    """
    weight = next(backbone.parameters())
    norms = any(isinstance(module, nn.BatchNorm2d) for module in backbone.modules())
    if not norms or weight.dtype not in (torch.float32, torch.float64):
        return backbone  # in half precision a folded weight is rounded once more
    probe = torch.randn(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0))
    probe = probe.to(weight)
    fast = copy.deepcopy(backbone)
    for conv, name in _fed_by_convolutions(fast, pyramid, probe):
        parent, _, leaf = name.rpartition(".")
        norm = fast.get_submodule(name)
        assert isinstance(norm, nn.BatchNorm2d)
        _fold(conv, norm)
        # timm's norms carry the activation that follows them.
        rest = [getattr(norm, part) for part in ("drop", "act") if hasattr(norm, part)]
        setattr(fast.get_submodule(parent), leaf, nn.Sequential(*rest))
    _pad_within(fast)
    fast = fast.to(memory_format=torch.channels_last)
    return fast if _same(backbone, fast, pyramid, probe) else backbone


def _fed_by_convolutions(
    net: nn.Module, pyramid: Pyramid, probe: Tensor
) -> list[tuple[nn.Conv2d, str]]:
    """Pairs of a convolution and the name of the norm that reads its output."""
    outputs: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    pairs: list[tuple[nn.Conv2d, str]] = []

    def remember(module: nn.Module, _: Any, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        outputs[id(output)] = module, output  # holding it keeps its id its own

    hooks = []
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(remember))
        elif isinstance(module, nn.BatchNorm2d):

            def match(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                if id(inputs[0]) in outputs:
                    pairs.append((outputs[id(inputs[0])][0], name))

            hooks.append(module.register_forward_pre_hook(match))
    pyramid.features(net, probe)
    for hook in hooks:
        hook.remove()
    return pairs


class PaddedWithin(nn.Module):
    """TensorFlow's lopsided padding at stride 2 as a symmetric one, without a padded copy.

    A picture of even sides gets one more zero behind it than before it. A kernel with a row and a
    column of zeros in front reads the same from a picture that is padded evenly.

    Args:
        conv: A convolution of stride 2 with an odd square kernel that pads by itself.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.weight = nn.Parameter(F.pad(conv.weight.detach(), (1, 0, 1, 0)), requires_grad=False)
        self.padding = conv.kernel_size[0] // 2

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', ceil(H / 2), ceil(W / 2))."""
        if x.shape[2] % 2 or x.shape[3] % 2:
            return cast(Tensor, self.conv(x))
        conv = self.conv
        return F.conv2d(x, self.weight, conv.bias, 2, self.padding, groups=conv.groups)


def _pad_within(net: nn.Module) -> None:
    """Replaces the convolutions that `PaddedWithin` can stand for."""
    for name, module in list(net.named_modules()):
        if isinstance(module, Conv2dSame) and _is_plain_halving(module):
            parent, _, leaf = name.rpartition(".")
            setattr(net.get_submodule(parent), leaf, PaddedWithin(module))


def _is_plain_halving(conv: nn.Conv2d) -> bool:
    rows, columns = conv.kernel_size
    odd = rows == columns and rows % 2 == 1 and rows > 1
    return odd and conv.stride == (2, 2) and conv.dilation == (1, 1)


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    scale, shift = scale_and_shift(norm)
    bias = torch.zeros_like(shift) if conv.bias is None else conv.bias.double()
    dtype = conv.weight.dtype
    folded_weight = conv.weight.double() * scale[:, None, None, None]
    conv.weight = nn.Parameter(folded_weight.to(dtype), requires_grad=False)
    conv.bias = nn.Parameter((bias * scale + shift).to(dtype), requires_grad=False)


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a batch norm does in evaluation, as x * scale + shift, in double precision."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _same(backbone: nn.Module, fast: nn.Module, pyramid: Pyramid, probe: Tensor) -> bool:
    pairs = zip(pyramid.features(backbone, probe)[0], pyramid.features(fast, probe)[0], strict=True)
    return all(
        float((ours - theirs).abs().max()) <= _TRUSTED * float(theirs.abs().max())
        for theirs, ours in pairs
    )
