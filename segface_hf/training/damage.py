"""Damage: photos made grey, dark, small or noisy, to measure what a model still sees in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageEnhance

# A face takes about 0.45 of the width of an aligned frame, so this frame shows it 48 pixels wide.
_SMALL_SIDE = 107
_DARK = 0.35
_NOISE = 20.0


def _gray(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _dark(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(_DARK)


def _small(image: Image.Image) -> Image.Image:
    reduced = image.resize((_SMALL_SIDE, _SMALL_SIDE), Image.Resampling.BOX)
    return reduced.resize(image.size, Image.Resampling.BILINEAR)


def _noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, _NOISE, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


DAMAGES: Mapping[str, Callable[[Image.Image], Image.Image]] = MappingProxyType(
    {"gray": _gray, "dark": _dark, "small": _small, "noisy": _noisy}
)
