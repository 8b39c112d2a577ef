"""How the row of a new class is found from pixels of a few examples; the methods, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from segface_hf.added_classes.pixels import Pixels

LOGISTIC = "logistic"
_DECAY = 1e-3
_ROUNDS = 60
# Prototype calibration (TEEN, NeurIPS 2023): share of the raw prototype, and sharpness.
_OWN_SHARE = 0.5
_SHARPNESS = 16.0
_LEAST_OF_CLASS = 20  # pixels that make a prototype of an old class


@dataclass(frozen=True, eq=False)
class Row:
    """The row of a new class in the mask head; see `modeling.decoder.AddedRows`.

    Attributes:
        weight: float32 (D,).
        mix: float32 (T,), the share of each class token's row.
        bias: float32 ().
    """

    weight: Tensor
    mix: Tensor
    bias: Tensor

    def logits(self, pixels: Pixels) -> Tensor:
        """Returns the new class's logits, (M,)."""
        return pixels.maps @ self.weight + pixels.scores @ self.mix + self.bias

    def wins(self, pixels: Pixels) -> Tensor:
        """Returns bool (M,): where the new class is above all old ones."""
        return self.logits(pixels) > pixels.logits.amax(1)


Method = Callable[[Sequence[Pixels]], Row]


def logistic(examples: Sequence[Pixels]) -> Row:
    """Fits weights, mixture and bias to all pixels, with weight decay on standardized inputs."""
    pixels = Pixels.joined(examples)
    inputs = torch.cat([pixels.maps, pixels.scores], dim=1)
    mean, scale = inputs.mean(0), inputs.std(0) + 1e-3
    factors, bias = _fit((inputs - mean) / scale, pixels, decay=_DECAY)
    factors = factors / scale
    channels = pixels.maps.shape[1]
    return Row(factors[:channels], factors[channels:], bias - mean @ factors)


def prototype(examples: Sequence[Pixels]) -> Row:
    """Takes the mean normalized feature of the new class, with scale and bias by leave-one-out."""
    return _scaled(examples, _raw)


def calibrated(examples: Sequence[Pixels]) -> Row:
    """Moves the prototype towards those of old classes that resemble it (TEEN, NeurIPS 2023)."""
    return _scaled(examples, _calibrated)


METHODS: Mapping[str, Method] = MappingProxyType(
    {"prototype": prototype, "calibrated": calibrated, LOGISTIC: logistic}
)


def without(examples: Sequence[Pixels], index: int) -> Sequence[Pixels]:
    """Leaves one example out; a single one has nothing else to learn from, and stays."""
    return [part for i, part in enumerate(examples) if i != index] or examples


def _scaled(examples: Sequence[Pixels], direction: Callable[[Pixels], Tensor]) -> Row:
    """Fits scale and bias of a direction to examples that it was not made from."""
    parts = []
    for index, example in enumerate(examples):
        parts.append(example.maps @ direction(Pixels.joined(without(examples, index))))
    pixels = Pixels.joined(examples)
    found = torch.cat(parts)[:, None]
    scale, bias = _fit(found, pixels, decay=0.0)
    return Row(scale * direction(pixels), torch.zeros(pixels.scores.shape[1]), bias)


def _raw(pixels: Pixels) -> Tensor:
    return _prototypes(pixels)[0]


def _calibrated(pixels: Pixels) -> Tensor:
    own, others = _prototypes(pixels)
    similarity = F.cosine_similarity(own[None], others)
    nearest = (_SHARPNESS * similarity).softmax(0) @ others
    return _OWN_SHARE * own + (1 - _OWN_SHARE) * nearest


def _prototypes(pixels: Pixels) -> tuple[Tensor, Tensor]:
    """Returns the prototype of the new class (D,), and those of the old ones (B, D).

    What all features have in common is subtracted first; in the row it is part of the bias. Old
    classes are where the model sees them now.
    """
    features = F.normalize(pixels.maps - pixels.maps.mean(0), dim=1)
    labels = pixels.logits.argmax(1).masked_fill(pixels.is_new, -1)
    held = [index for index in labels.unique() if index >= 0]
    groups = [features[labels == index] for index in held]
    others = [group.mean(0) for group in groups if len(group) >= _LEAST_OF_CLASS]
    return features[pixels.is_new].mean(0), torch.stack(others or [features.mean(0)])


def _fit(inputs: Tensor, pixels: Pixels, *, decay: float) -> tuple[Tensor, Tensor]:
    """Fits the new class's logit to the old ones by cross-entropy of new against all old classes.

    Args:
        inputs: (M, F).
        pixels: Logits, truth and weights of the same pixels.
        decay: Factor of the squared weights.

    Returns:
        (F,) weights and the bias.
    """
    factors = torch.zeros(inputs.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    old, truth = pixels.logits.logsumexp(1), pixels.is_new.float()
    weights = pixels.weights / pixels.weights.sum()
    optimizer = torch.optim.LBFGS(
        [factors, bias], max_iter=_ROUNDS, history_size=20, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        margins = inputs @ factors + bias - old
        errors = F.binary_cross_entropy_with_logits(margins, truth, reduction="none")
        total = (weights * errors).sum() + decay * factors.square().sum()
        total.backward()
        return total

    with torch.enable_grad():
        optimizer.step(loss)
    return factors.detach(), bias.detach()
