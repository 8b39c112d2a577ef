"""Weights that the fused head derives from a SegFace's parameters; never saved or trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segface_hf.inference.backbone import scale_and_shift
from segface_hf.inference.linear import Affine
from segface_hf.modeling.decoder import Decoder
from segface_hf.modeling.segface import Fusion, Projection, Refinement, SegFace

# Elements of each tensor that are compared: what rewrites a tensor as a whole changes them too.
_SAMPLES = 16


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The state of the parameters and buffers that weights are derived from.

    Attributes:
        keys: Place, version, type and device of every tensor.
        samples: Views of a few elements of each; they keep its place from being taken by another.
        values: What the samples held.
    """

    keys: tuple[tuple[object, ...], ...]
    samples: tuple[Tensor, ...]
    values: bytes

    def fits(self, model: SegFace) -> bool:
        """Whether a model is still in this state.

        Not after an in-place update (an optimizer step, `load_state_dict`), nor with another dtype
        or device. Fused optimizers and writing through `parameter.data` leave no trace but the
        values; an edit of single elements through `.data` can pass unseen.
        """
        return _keys(_tensors(model)) == self.keys and _values(self.samples) == self.values


@dataclass(frozen=True)
class RefineWeights:
    """The refinement behind the fusion, its batch norms folded away.

    Attributes:
        depthwise: (width, 1, 3, 3) kernel.
        bias: (width,) added after the depthwise kernel.
        pointwise: The closing 1x1 convolution.
    """

    depthwise: Tensor
    bias: Tensor
    pointwise: Affine


@dataclass(frozen=True)
class HeadWeights:
    """The head's weights in the form that is fastest to compute with.

    Attributes:
        projections: One (width, C_i) matrix a scale: its projection times its share of the mix.
        bias: (width,) the projections' biases after the mix.
        refine: The refinement, where the model has one.
        ups: Each doubling as a map from a token to its 2 x 2 finer ones, row by row.
        detail: Stride-2 features to the channels of the first doubling, where the model has them.
    """

    projections: tuple[Tensor, ...]
    bias: Tensor
    refine: RefineWeights | None
    ups: tuple[Affine, ...]
    detail: Affine | None


@torch.no_grad()
def fingerprint(model: SegFace) -> Fingerprint:
    """Records the state of a model's parameters and buffers."""
    tensors = _tensors(model)
    samples = tuple(_sample(t) for t in tensors if t.is_floating_point() and t.numel())
    return Fingerprint(_keys(tensors), samples, _values(samples))


def _tensors(model: nn.Module) -> list[Tensor]:
    # `parameters()` and `buffers()` look for shared tensors, which takes longer than all the rest.
    held = [
        part
        for module in model.modules()
        for parts in (module._parameters, module._buffers)
        for part in parts.values()
    ]
    return [tensor for tensor in held if tensor is not None]


def _keys(tensors: list[Tensor]) -> tuple[tuple[object, ...], ...]:
    return tuple((t.data_ptr(), _version(t), t.dtype, t.device) for t in tensors)


def _values(samples: tuple[Tensor, ...]) -> bytes:
    # Compared as bytes, so that NaN equals NaN.
    return torch.cat(samples).view(torch.uint8).cpu().numpy().tobytes()


def _sample(tensor: Tensor) -> Tensor:
    count = min(_SAMPLES, tensor.numel())
    step = max(1, (tensor.numel() - 1) // max(1, count - 1))
    step -= step % 2 == 0  # an even step would meet the same columns in every row
    if tensor.is_contiguous() or tensor.is_contiguous(memory_format=torch.channels_last):
        return tensor.as_strided((count,), (step,))
    return tensor.flatten()[::step]


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


@torch.no_grad()
def derive(model: SegFace) -> HeadWeights:
    """Derives the head's weights; products are taken in double precision."""
    projections, bias = _projections(model.fusion)
    refine = None
    if model.fusion.refine is not None:
        scale, shift = scale_and_shift(model.fusion.refine.norm)
        projections = [weight * scale[:, None] for weight in projections]
        bias = bias * scale + shift
        refine = _refine(model.fusion.refine)
    mix = model.fusion.mix.weight
    return HeadWeights(
        projections=tuple(weight.to(mix.dtype).contiguous() for weight in projections),
        bias=bias.to(mix.dtype),
        refine=refine,
        ups=tuple(_up(layer) for layer in _transposed(model.decoder)),
        detail=None if model.decoder.detail is None else _affine(model.decoder.detail),
    )


def _projections(fusion: Fusion) -> tuple[list[Tensor], Tensor]:
    """Fusion and bilinear resizing are linear, so they commute: mix first, resize after."""
    mix = fusion.mix.weight[:, :, 0, 0].double()
    width, scales = mix.shape[0], len(fusion.projections)
    # The mix takes the deepest scale first.
    shares = [mix[:, (scales - 1 - i) * width : (scales - i) * width] for i in range(scales)]
    pairs = list(zip(shares, map(_checked, fusion.projections), strict=True))
    weights = [share @ part.weight.double() for share, part in pairs]
    return weights, torch.stack([share @ part.bias.double() for share, part in pairs]).sum(0)


def _checked(module: nn.Module) -> Projection:
    assert isinstance(module, Projection)
    return module


def _refine(refinement: Refinement) -> RefineWeights:
    conv, norm, _, pointwise = refinement.residual
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(pointwise, nn.Conv2d)
    depthwise = conv.weight
    scale, shift = scale_and_shift(norm)
    folded = depthwise.double() * scale[:, None, None, None]
    return RefineWeights(
        depthwise=folded.to(depthwise).contiguous(memory_format=torch.channels_last),
        bias=shift.to(depthwise),
        pointwise=_affine(pointwise),
    )


def _affine(conv: nn.Conv2d) -> Affine:
    assert conv.bias is not None
    return Affine(conv.weight[:, :, 0, 0].contiguous(), conv.bias.clone())


def _transposed(decoder: Decoder) -> list[nn.ConvTranspose2d]:
    return [layer for layer in decoder.upscaling if isinstance(layer, nn.ConvTranspose2d)]


def _up(layer: nn.ConvTranspose2d) -> Affine:
    """A 2 x 2 transposed convolution of stride 2 is linear a token: (2 * 2 * out, in)."""
    assert layer.bias is not None
    weight = layer.weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
    return Affine(weight, layer.bias.repeat(4))


def refined(x: Tensor, weights: RefineWeights) -> Tensor:
    """ReLU and the depthwise residual on (B, h, w, width) tokens; overwrites its argument."""
    x = x.relu_().permute(0, 3, 1, 2)
    y = F.conv2d(x, weights.depthwise, weights.bias, padding=1, groups=x.shape[1]).relu_()
    tokens = x.permute(0, 2, 3, 1).flatten(0, 2)
    return tokens.add_(weights.pointwise(y.permute(0, 2, 3, 1).flatten(0, 2)))
