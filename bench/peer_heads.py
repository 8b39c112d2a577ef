"""Heads of other segmentation networks on the backbone of SegFace's small model.

They follow their papers: U-Net (Ronneberger et al., 2015), SegFormer's MLP head (Xie et al., 2021)
and BiSeNet (Yu et al., 2018) without its auxiliary losses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segface_hf.config import SegFaceConfig
from segface_hf.modeling.backbones import build_backbone
from segface_hf.modeling.segface import SegFace


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _resized(features: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=False)


class UNetHead(nn.Module):
    """Upsampling blocks with skip connections up to the full resolution.

    Args:
        channels: Of the features at strides 2, 4, 8, 16 and 32.
        classes: K.
    """

    def __init__(self, channels: tuple[int, ...], classes: int) -> None:
        super().__init__()
        widths, inputs = (256, 128, 64, 32, 16), channels[-1]
        self.blocks = nn.ModuleList()
        for width, skip in zip(widths, (*channels[-2::-1], 0), strict=True):
            self.blocks.append(nn.Sequential(_block(inputs + skip, width), _block(width, width)))
            inputs = width
        self.classify = nn.Conv2d(inputs, classes, 1)

    def forward(self, features: list[Tensor], pixels: Tensor) -> Tensor:
        """Features, shallow first, and the image -> (B, K, H, W)."""
        x = features[-1]
        for block, skip in zip(self.blocks, [*features[-2::-1], None], strict=True):
            x = _resized(x, pixels if skip is None else skip)
            x = block(x if skip is None else torch.cat([x, skip], 1))
        return self.classify(x)


class SegFormerHead(nn.Module):
    """Projects four scales to one width, concatenates them and classifies each position.

    Args:
        channels: Of the features at strides 2, 4, 8, 16 and 32; the first is not used.
        classes: K.
    """

    def __init__(self, channels: tuple[int, ...], classes: int, *, width: int = 256) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels[1:])
        self.fuse = _block(4 * width, width, 1)
        self.classify = nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(width, classes, 1))

    def forward(self, features: list[Tensor], pixels: Tensor) -> Tensor:
        """Features, shallow first, and the image -> (B, K, H / 4, W / 4)."""
        pairs = zip(self.project, features[1:], strict=True)
        maps = [_resized(project(x), features[1]) for project, x in pairs]
        return self.classify(self.fuse(torch.cat(maps, 1)))


class _Attention(nn.Module):
    """BiSeNet's attention refinement: scales channels by a global average."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.reduce = _block(inputs, width)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, features: Tensor) -> Tensor:
        x = self.reduce(features)
        return x * self.weigh(x).sigmoid()


class BiSeNetHead(nn.Module):
    """A spatial path on the image beside a context path on the deep features.

    Args:
        channels: Of the features at strides 2, 4, 8, 16 and 32; the last two are used.
        classes: K.
    """

    def __init__(self, channels: tuple[int, ...], classes: int, *, width: int = 128) -> None:
        super().__init__()
        self.spatial = nn.Sequential(
            _block(3, 64, 7, 2), _block(64, 64, 3, 2), _block(64, 64, 3, 2), _block(64, width, 1)
        )
        self.refine16, self.refine32 = (_Attention(count, width) for count in channels[-2:])
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels[-1], width, 1))
        self.head16, self.head32 = _block(width, width), _block(width, width)
        self.fuse = _block(2 * width, 2 * width, 1)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(2 * width, width // 2, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width // 2, 2 * width, 1),
        )
        self.classify = nn.Sequential(
            _block(2 * width, 2 * width), nn.Conv2d(2 * width, classes, 1)
        )

    def forward(self, features: list[Tensor], pixels: Tensor) -> Tensor:
        """Features, shallow first, and the image -> (B, K, H / 8, W / 8)."""
        spatial = self.spatial(pixels)
        deep = self.refine32(features[-1]) + self.whole(features[-1])
        deep = self.head32(_resized(deep, features[-2]))
        context = self.head16(_resized(self.refine16(features[-2]) + deep, spatial))
        fused = self.fuse(torch.cat([spatial, context], 1))
        return self.classify(fused + fused * self.weigh(fused).sigmoid())


class Peer(nn.Module):
    """A backbone with another head; it has what training and scoring use of `SegFace`.

    Args:
        config: Its backbone, classes, mean and std are used.
        head: From channels and number of classes to a head.
    """

    def __init__(self, config: SegFaceConfig, head: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.config = config
        self.backbone, self.pyramid = build_backbone(config.backbone, detail=True)
        channels = (self.pyramid.detail_channels, *self.pyramid.channels)
        self.head = head(channels, config.labels.num_classes)

    def logits(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, K, h, w) at the head's own resolution."""
        features, detail = self.pyramid.features(self.backbone, pixels)
        assert detail is not None
        return self.head([detail, *features], pixels)


Network = SegFace | Peer
PEERS: Mapping[str, Callable[[SegFaceConfig], Network]] = MappingProxyType(
    {
        "SegFace": SegFace,
        "U-Net": lambda config: Peer(config, UNetHead),
        "SegFormer": lambda config: Peer(config, SegFormerHead),
        "BiSeNet": lambda config: Peer(config, BiSeNetHead),
    }
)
