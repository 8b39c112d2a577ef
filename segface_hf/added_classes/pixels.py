"""Pixels: what a model computes for pixels of an example, and whether the new class is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from segface_hf.images import normalize
from segface_hf.labels import IGNORED
from segface_hf.modeling.segface import SegFace

_MOST = 3000  # pixels of the new class, and as many others, that are kept of an example


@dataclass(frozen=True, eq=False)
class Pixels:
    """Sampled pixels of one or several examples, at the decoder's own resolution.

    Attributes:
        maps: float32 (M, D), the upscaled map.
        scores: float32 (M, T), the products of the map with the rows of the class tokens.
        logits: float32 (M, K) of all old classes.
        labels: uint8 (M,), ids of the mask.
        is_new: bool (M,): where the mask has the new class.
        weights: float32 (M,): how many pixels each one stands for, as a share of its example.
    """

    maps: Tensor
    scores: Tensor
    logits: Tensor
    labels: Tensor
    is_new: Tensor
    weights: Tensor

    @classmethod
    def joined(cls, parts: Sequence[Pixels]) -> Pixels:
        """Puts the pixels of several examples one after another."""
        names = [field.name for field in fields(cls)]
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def share(self, chosen: Tensor) -> float:
        """Returns how much of the examples some of the pixels stand for; bool (M,)."""
        return float(self.weights[chosen].sum())


@torch.no_grad()
def read_pixels(
    model: SegFace, images: Iterable[Tensor], masks: Iterable[Tensor], *, new: int
) -> tuple[Pixels, ...]:
    """Reads the pixels of examples.

    Args:
        model: In evaluation mode.
        images: uint8 (3, S, S) each, at the model's resolution.
        masks: uint8 (S, S) each, of class ids and `IGNORED`.
        new: Id of the new class.
    """
    generator = torch.Generator().manual_seed(0)
    return tuple(
        _read(model, image, mask, new=new, generator=generator)
        for image, mask in zip(images, masks, strict=True)
    )


def _read(
    model: SegFace, image: Tensor, mask: Tensor, *, new: int, generator: torch.Generator
) -> Pixels:
    config, decoder = model.config, model.decoder
    crop = image.permute(1, 2, 0).numpy()[None]
    pixels = torch.from_numpy(normalize(crop, config.mean, config.std))
    features, detail = model.pyramid.features(model.backbone, pixels)
    weights, maps = decoder.weights_and_maps(model.fusion(features), detail)
    ids = torch.from_numpy(_resized(mask.numpy(), maps.shape[2:])).flatten()
    known = (ids != IGNORED).nonzero()[:, 0]
    chosen, shares = _sample(ids[known] == new, generator)
    places = known[chosen]
    maps = maps[0].flatten(1).T[places]
    scores = maps @ weights[0].T
    constants = decoder.constants()
    return Pixels(
        maps=maps,
        scores=scores[:, : len(decoder.class_tokens)],
        logits=scores if constants is None else scores + constants,
        labels=ids[places],
        is_new=ids[places] == new,
        weights=shares,
    )


def _resized(mask: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Takes the nearest pixel of a mask for each place of a smaller one."""
    rows, columns = (
        np.minimum((np.arange(count) + 0.5) * side // count, side - 1).astype(np.int64)
        for count, side in zip(size, mask.shape, strict=True)
    )
    return mask[rows[:, None], columns]


def _sample(is_new: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Chooses pixels of both kinds; returns their indices, and the share that each stands for."""
    indices, shares = [], []
    for kind in (is_new, ~is_new):
        places = kind.nonzero()[:, 0]
        kept = places[torch.randperm(len(places), generator=generator)[:_MOST]]
        indices.append(kept)
        shares.append(torch.full((len(kept),), len(places) / max(1, len(kept) * len(is_new))))
    return torch.cat(indices), torch.cat(shares)
