"""Backbones: a table of the published ones, and an NCHW feature pyramid from any timm model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import timm
from torch import Tensor, nn

from segface_hf.errors import ConfigError, ImageError
from segface_hf.modeling.swin import exact_swin

STRIDES = (4, 8, 16, 32)
DETAIL_STRIDE = 2
_SWIN_OPTIONS = {"img_size": 512, "strict_img_size": False}


@dataclass(frozen=True)
class PublishedBackbone:
    """How a backbone of the published checkpoints is built from timm.

    Attributes:
        timm_name: timm's name of the same architecture.
        options: Keyword arguments of `timm.create_model` that equal the published layers.
        window: Side of the attention windows where they must be torchvision's, else 0.
        head_channels: Channels of the convolution head where it is the last feature, else 0.
    """

    timm_name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    window: int = 0
    head_channels: int = 0


PUBLISHED: Mapping[str, PublishedBackbone] = MappingProxyType(
    {
        "swin_base": PublishedBackbone("swin_base_patch4_window7_224", _SWIN_OPTIONS, window=7),
        "swinv2_base": PublishedBackbone("swinv2_base_window8_256", _SWIN_OPTIONS, window=8),
        "swinv2_small": PublishedBackbone("swinv2_small_window8_256", _SWIN_OPTIONS, window=8),
        "swinv2_tiny": PublishedBackbone("swinv2_tiny_window8_256", _SWIN_OPTIONS, window=8),
        "convnext_base": PublishedBackbone("convnext_base"),
        "convnext_small": PublishedBackbone("convnext_small"),
        # The published convnext_tiny checkpoints hold a convnext_small.
        "convnext_tiny": PublishedBackbone("convnext_small"),
        "resnet": PublishedBackbone("resnet101"),
        # torchvision's batch norms of these two use 1e-3; timm's 1e-5 is silently off by 2e-3.
        "mobilenet": PublishedBackbone("mobilenetv3_large_100", {"bn_eps": 1e-3}),
        "efficientnet": PublishedBackbone("efficientnetv2_m", {"bn_eps": 1e-3}, head_channels=1280),
    }
)


@dataclass(frozen=True)
class Pyramid:
    """Which of a backbone's outputs form the feature pyramid, and how they are laid out.

    Attributes:
        channels: Channels of the features at strides 4, 8, 16 and 32.
        indices: Their positions in the backbone's output list.
        detail_channels: Channels of the stride-2 feature, 0 where it isn't used.
        detail_index: Its position in the output list.
        channels_last: Whether the backbone returns (B, H, W, C).
        with_head: Whether the last feature is the whole model's convolution head.
        divisor: What the sides of an input must be multiples of.
    """

    channels: tuple[int, ...]
    indices: tuple[int, ...]
    detail_channels: int = 0
    detail_index: int = -1
    channels_last: bool = False
    with_head: bool = False
    divisor: int = 1

    def features(
        self, backbone: nn.Module, pixels: Tensor, *, contiguous: bool = True
    ) -> tuple[list[Tensor], Tensor | None]:
        """Runs the backbone.

        Args:
            backbone: The network that `build_backbone` returned with this pyramid.
            pixels: (B, 3, H, W), normalized.
            contiguous: Whether the features of a backbone that computes (B, H, W, C) are copied
                into (B, C, H, W) order, or left as views of it.

        Returns:
            Four (B, C, H / stride, W / stride) features, shallow first, and the stride-2 feature
            or None.

        Raises:
            ImageError: A size that the backbone's patches don't divide.
        """
        self._check_size(*pixels.shape[-2:])
        if self.with_head:
            last, outputs = backbone.forward_intermediates(pixels, indices=list(self.indices))  # type: ignore[operator]
            return [*outputs, last], None
        outputs = backbone(pixels)
        maps = [self._nchw(outputs[index]) for index in self.indices]
        features = [x.contiguous() for x in maps] if contiguous and self.channels_last else maps
        detail = self._nchw(outputs[self.detail_index]) if self.detail_channels else None
        return features, detail

    def _check_size(self, height: int, width: int) -> None:
        if height % self.divisor or width % self.divisor:
            raise ImageError(
                f"this backbone takes sides that are multiples of {self.divisor} pixels, "
                f"got {width} x {height}: resize or pad the input"
            )

    def _nchw(self, feature: Tensor) -> Tensor:
        return feature.permute(0, 3, 1, 2) if self.channels_last else feature


def build_backbone(name: str, *, detail: bool = False) -> tuple[nn.Module, Pyramid]:
    """Builds a randomly initialized backbone; nothing is downloaded.

    Args:
        name: A key of `PUBLISHED`, or a timm name.
        detail: Whether the pyramid also gives the stride-2 feature.

    Returns:
        The timm network, and the pyramid that reads its features.

    Raises:
        ConfigError: timm doesn't know the name, or the model has no such pyramid.
    """
    published = PUBLISHED.get(name)
    if published is not None and published.head_channels:
        if detail:
            raise ConfigError(f"'{name}' gives no stride-2 feature: use detail=False")
        return _with_head(published)
    timm_name = published.timm_name if published else name
    net = _create(timm_name, dict(published.options) if published else _options(timm_name))
    if published is not None and published.window:
        exact_swin(net, published.window)
    return net, _pyramid(net, name, detail=detail)


def _options(timm_name: str) -> dict[str, Any]:
    return dict(_SWIN_OPTIONS) if timm_name.startswith(("swin_", "swinv2_")) else {}


def _create(timm_name: str, options: Mapping[str, Any]) -> nn.Module:
    if not timm.is_model(timm_name):
        raise ConfigError(
            f"timm {timm.__version__} has no model '{timm_name}': choose one of "
            f"{sorted(PUBLISHED)} or a name from timm.list_models()"
        )
    try:
        return timm.create_model(timm_name, pretrained=False, features_only=True, **options)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ConfigError(f"'{timm_name}' gives no feature pyramid: {error}") from error


def _with_head(published: PublishedBackbone) -> tuple[nn.Module, Pyramid]:
    """The features_only form drops the head convolution, so the whole model is kept here."""
    net = timm.create_model(
        published.timm_name, pretrained=False, num_classes=0, global_pool="", **published.options
    )
    info: Any = net.feature_info
    reductions = [int(stage["reduction"]) for stage in info]
    indices = tuple(_last(reductions, stride) for stride in STRIDES[:-1])
    channels = [int(info[index]["num_chs"]) for index in indices]
    return net, Pyramid(
        channels=(*channels, published.head_channels), indices=indices, with_head=True
    )


def _last(values: Sequence[int], wanted: int) -> int:
    return len(values) - 1 - values[::-1].index(wanted)


def _pyramid(net: nn.Module, name: str, *, detail: bool) -> Pyramid:
    info: Any = net.feature_info
    reductions, channels = list(info.reduction()), list(info.channels())
    wanted = (DETAIL_STRIDE, *STRIDES) if detail else STRIDES
    missing = [stride for stride in wanted if stride not in reductions]
    if missing:
        raise ConfigError(
            f"'{name}' has features at strides {reductions}, but strides {list(wanted)} are "
            "needed: choose a backbone with a feature pyramid"
        )
    indices = tuple(_last(reductions, stride) for stride in STRIDES)
    detail_index = _last(reductions, DETAIL_STRIDE) if detail else -1
    channels_last = str(getattr(net, "output_fmt", "NCHW")).endswith("NHWC")
    # Stock patch embeddings are strict about sizes; published Swins leave a part patch out.
    published = PUBLISHED.get(name)
    strict = channels_last and not (published is not None and published.window)
    return Pyramid(
        channels=tuple(channels[index] for index in indices),
        indices=indices,
        detail_channels=channels[detail_index] if detail else 0,
        detail_index=detail_index,
        channels_last=channels_last,
        divisor=STRIDES[0] if strict else 1,
    )
