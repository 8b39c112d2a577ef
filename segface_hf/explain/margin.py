"""Contributions to a margin: how far a region's class is above its rival, part by part.

With attention weights, the statistics of norms and the slopes of activations held fixed, the
decoder is linear from what its heads read to its maps and to the weights of its maps; a logit is
the product of the two. So a part's contribution is its gradient times its value, halved because
both factors count. The parts sum to the margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from segface_hf.config import SegFaceConfig
from segface_hf.errors import ConfigError
from segface_hf.explain.probe import Attended, Probe, changed_heads
from segface_hf.modeling.decoder import resized
from segface_hf.modeling.segface import SegFace

_STRONGEST = 5  # heads that are switched off one by one


@dataclass(frozen=True, eq=False)
class HeadVote:
    """What one attention head adds to a margin.

    Attributes:
        name: The head, one of `config.head_names`.
        vote: Logits that it adds to the margin; negative where it votes for the rival.
        attention: float32 (h, w), where in the crop the class token looks, or where the crop looks
            at the class token; sums to 1. None for heads among class tokens.
        without: The margin with this head switched off; None where it wasn't tried.
    """

    name: str
    vote: float
    attention: np.ndarray | None = None
    without: float | None = None


@dataclass(frozen=True, eq=False)
class Margin:
    """Why a region of a crop has its class.

    Attributes:
        target: Id of the class.
        rival: Id of the class that it is compared with.
        value: Mean difference of their logits in the region.
        heads: Votes of all heads, the strongest first.
        tokens: Class name -> what heads add by reading the token of that class; a part of `heads`.
        scales: Backbone feature -> what it adds by itself: `stride 4` and so on.
        constants: What biases and class constants add.
    """

    target: int
    rival: int
    value: float
    heads: tuple[HeadVote, ...]
    tokens: Mapping[str, float]
    scales: Mapping[str, float]
    constants: float

    @property
    def total(self) -> float:
        """The sum of all contributions; `value` up to rounding."""
        return sum(h.vote for h in self.heads) + sum(self.scales.values()) + self.constants


def rival_of(logits: Tensor, region: np.ndarray, target: int) -> int:
    """Returns the id of the class with the highest mean logit in a region, but for the target.

    Args:
        logits: (K, H, W).
        region: bool (H, W).
        target: Id of a class.
    """
    means = logits[:, torch.from_numpy(region)].mean(1)
    means[target] = -torch.inf
    return int(means.argmax())


def check_tokens(config: SegFaceConfig) -> None:
    """Checks that every class has a class token, which is what heads read.

    Raises:
        ConfigError: One was added from examples, as a row of the mask head.
    """
    if added := [name for name, _, _ in config.added_classes]:
        raise ConfigError(
            f"the model's class '{added[0]}' was added from examples and has no class token, so "
            "its heads can't be explained: choose the model that it was added to"
        )


class Subject:
    """One crop on its way through a model's decoder, as often as needed.

    Args:
        model: In evaluation mode, without a warp.
        pixels: (1, 3, S, S), normalized.

    Raises:
        ConfigError: What `check_tokens` raises.
    """

    def __init__(self, model: SegFace, pixels: Tensor) -> None:
        check_tokens(model.config)
        self.model, self.size = model, pixels.shape[-2:]
        with torch.no_grad():
            self.features, self.detail = model.pyramid.features(model.backbone, pixels)
            self.fused = model.fusion(self.features)

    @torch.no_grad()
    def logits(self, probe: Probe | None = None) -> Tensor:
        """Returns (K, S, S) logits, through a probe if one is given."""
        if probe is None:
            return resized(self.model.decoder(self.fused, self.detail), self.size)[0]
        with probe:
            logits = self.model.decoder(self.fused, self.detail)
        return resized(logits, self.size)[0]

    def without(self, *names: str) -> Tensor:
        """Returns (K, S, S) logits with some heads switched off."""
        config = self.model.config
        return self.logits(
            Probe(config, changed_heads(config, lambda name, x: x * 0 if name in names else None))
        )


def margin_of(
    subject: Subject, region: np.ndarray, target: int, rival: int, *, tried: int = _STRONGEST
) -> Margin:
    """Splits the margin of a region into what each part of the decoder adds.

    Args:
        subject: The crop.
        region: bool (S, S) in its pixels; some are True.
        target: Id of the class.
        rival: Id of the class that it is compared with.
        tried: How many of the strongest heads are switched off, one by one.
    """
    mask = torch.from_numpy(region)
    found = _Gradients(subject, mask, target, rival)
    votes = [vote for block in found.attended for vote in found.votes(block)]
    votes.sort(key=lambda vote: -abs(vote.vote))
    for index, vote in enumerate(votes[:tried]):
        logits = subject.without(vote.name)
        value = float((logits[target] - logits[rival])[mask].mean())
        votes[index] = HeadVote(vote.name, vote.vote, vote.attention, value)
    scales = found.scales()
    return Margin(
        target,
        rival,
        found.value,
        tuple(votes),
        MappingProxyType(found.tokens()),
        MappingProxyType({name: value for name, value in scales.items() if name}),
        found.constants() + scales[""],
    )


class _Gradients:
    """One backward pass from a margin to every part of the decoder."""

    def __init__(self, subject: Subject, region: Tensor, target: int, rival: int) -> None:
        self.config: SegFaceConfig = subject.model.config
        self.target, self.rival = target, rival
        self.subject = subject
        self.attended: list[Attended] = []
        self._fused = subject.fused.clone().requires_grad_()
        detail = subject.detail
        self._detail = None if detail is None else detail.clone().requires_grad_()
        decoder = subject.model.decoder
        with torch.enable_grad(), Probe(self.config, self._keep, frozen=True):
            logits = resized(decoder(self._fused, self._detail), subject.size)[0]
        margin = (logits[target] - logits[rival])[region].mean()
        self.value = margin.item()
        self._biases = [bias for name, bias in decoder.named_parameters() if name.endswith("bias")]
        sources = [self._fused, *([] if self._detail is None else [self._detail])]
        sources += [attended.read for attended in self.attended]
        grads = torch.autograd.grad(margin, [*sources, *self._biases], allow_unused=True)
        by_source = zip([*sources, *self._biases], grads, strict=True)
        self._grads = {id(source): grad for source, grad in by_source if grad is not None}

    def _keep(self, attended: Attended) -> Tensor:
        # A source of its own: what it owes to earlier heads is theirs only by other ways.
        read = attended.read.detach().requires_grad_()
        queries, keys, values = attended.queries, attended.keys, attended.values
        self.attended.append(
            Attended(attended.block, queries.detach(), keys.detach(), values.detach(), read)
        )
        return read

    def _share(self, source: Tensor) -> Tensor:
        """A source's gradient times its value, halved: logits are a product of two factors."""
        grad = self._grads.get(id(source))
        return torch.zeros(()) if grad is None else (grad * source.detach()) / 2

    def votes(self, block: Attended) -> list[HeadVote]:
        votes = self._share(block.read).expand_as(block.read)[0].sum((-2, -1)).tolist()
        maps = self._maps(block)
        return [
            HeadVote(f"{block.block}.{i}", vote, None if maps is None else maps[i])
            for i, vote in enumerate(votes)
        ]

    def _maps(self, block: Attended) -> np.ndarray | None:
        """(heads, h, w): where the target's token looks, or where the crop looks at it."""
        kind, weights = block.block.rpartition(".")[2], block.weights()[0]
        if kind == "self":
            return None
        looks = weights[:, :, self.target] if kind == "image" else weights[:, self.target]
        looks = looks / looks.sum(1, keepdim=True)
        return looks.unflatten(1, self.subject.fused.shape[-2:]).numpy()

    def tokens(self) -> dict[str, float]:
        """What heads add by reading each class token: in attention among tokens and of the crop."""
        total = torch.zeros(self.config.labels.num_classes)
        for block in self.attended:
            grad = self._grads.get(id(block.read))
            if block.block.rpartition(".")[2] in ("self", "image") and grad is not None:
                moved = grad @ block.values.transpose(-1, -2)
                total += (block.weights() * moved)[0].sum((0, 1)) / 2
        return dict(zip(self.config.labels.names, total.tolist(), strict=True))

    def scales(self) -> dict[str, float]:
        """What each backbone feature adds past all heads; '' is what the fusion's biases add."""
        model = self.subject.model
        features = [x.clone().requires_grad_() for x in self.subject.features]
        with torch.enable_grad():
            fused = model.fusion(features)
        grads = torch.autograd.grad(fused, features, self._grads[id(self._fused)])
        shares = [float((g * x.detach()).sum()) / 2 for g, x in zip(grads, features, strict=True)]
        strides = [self.subject.size[1] // x.shape[-1] for x in features]
        named = {f"stride {s}": share for s, share in zip(strides, shares, strict=True)}
        named[""] = float(self._share(self._fused).sum()) - sum(shares)
        if self._detail is not None:
            named["stride 2"] = float(self._share(self._detail).sum())
        return named

    def constants(self) -> float:
        bias = self.config.class_bias
        own = bias[self.target] - bias[self.rival] if bias else 0.0
        return own + sum(float(self._share(bias).sum()) for bias in self._biases)


@dataclass(frozen=True)
class Patched:
    """How much of the difference between two crops single heads carry.

    Attributes:
        with_part: The margin in the first crop.
        without_part: The margin in the second.
        recovered: Head -> the share of the difference that comes back when the head reads, in the
            second crop, what it reads in the first; the largest first.
        together: The share that the best `count` heads recover together.
        random: The same of `count` random heads, drawn 20 times.
        count: How many heads.
    """

    with_part: float
    without_part: float
    recovered: Mapping[str, float]
    together: float
    random: tuple[float, ...]
    count: int


def patch(
    first: Subject,
    second: Subject,
    region: np.ndarray,
    target: int,
    rival: int,
    *,
    count: int = _STRONGEST,
    seed: int = 0,
) -> Patched:
    """Puts what heads read in one crop into another, and sees what the margin does.

    Args:
        first: A crop with the part.
        second: The same crop without it.
        region: bool (S, S), the place of the part.
        target: Id of the part's class.
        rival: Id of the class that is there without it.
        count: How many of the best heads are patched together.
        seed: Of the random heads.
    """
    config, mask = first.model.config, torch.from_numpy(region)
    reads: dict[str, Tensor] = {}

    def margin(logits: Tensor) -> float:
        return float((logits[target] - logits[rival])[mask].mean())

    def recovered(names: Sequence[str]) -> float:
        change = changed_heads(config, lambda name, _: reads[name] if name in names else None)
        return (margin(second.logits(Probe(config, change))) - low) / (high - low)

    keep = changed_heads(config, lambda name, x: reads.setdefault(name, x))
    high, low = margin(first.logits(Probe(config, keep))), margin(second.logits())
    single = {name: recovered([name]) for name in config.head_names}
    best = sorted(single, key=lambda name: -single[name])
    random = np.random.default_rng(seed)
    draws = [random.choice(config.head_names, count, replace=False) for _ in range(20)]
    return Patched(
        high,
        low,
        MappingProxyType({name: single[name] for name in best}),
        recovered(best[:count]),
        tuple(recovered(list(draw)) for draw in draws),
        count,
    )
