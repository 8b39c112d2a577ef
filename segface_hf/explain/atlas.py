"""An atlas of the attention heads: what each looks for, and what is lost without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional as F

from segface_hf._progress import MedianBar
from segface_hf.data.folder import Pair
from segface_hf.errors import DataError
from segface_hf.evaluation.bootstrap import Interval, differences
from segface_hf.evaluation.scores import confusion_matrix
from segface_hf.explain.labeled import labeled_subjects
from segface_hf.explain.margin import Subject
from segface_hf.explain.probe import Attended, Probe
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace

PERMUTATIONS = 1000
DRAWS = 20  # of random heads
TOGETHER = 5  # heads that are switched off together

Pairing = Mapping[int, int]
"""Id of a class -> id of the class that belongs to it."""


@dataclass(frozen=True)
class Match:
    """How well a head leads from a class token to the token that belongs to it.

    Attributes:
        share: Share of the classes whose token comes closest to its partner's.
        p_value: Share of random pairings that do as well.
    """

    share: float
    p_value: float


@dataclass(frozen=True, eq=False)
class Atlas:
    """What the heads of one model do.

    Attributes:
        heads: Names, as `config.head_names`.
        classes: Class names by id.
        retrieval: float (heads, K): share of the class token's attention on pixels of the class,
            minus the class's share of the picture; NaN for heads that don't look at the photo from
            a class token, and for classes that no photo holds.
        lost: float (heads, K): F1 with the head, minus F1 with it switched off.
        mirror: Head -> how it leads from each left part to its right partner and back.
        successor: Head -> how it leads from each part to the next one down the face.
        best: The heads whose loss costs the most mean F1.
        best_lost: Mean F1 that is lost without all of `best`, and its 95 % interval.
        random_lost: The same for as many random heads, drawn `DRAWS` times.
        photos: How many photos were looked at.
    """

    heads: tuple[str, ...]
    classes: tuple[str, ...]
    retrieval: np.ndarray
    lost: np.ndarray
    mirror: Mapping[str, Match]
    successor: Mapping[str, Match]
    best: tuple[str, ...]
    best_lost: tuple[float, Interval]
    random_lost: tuple[float, ...]
    photos: int


def make_atlas(model: SegFace, pairs: Sequence[Pair], *, progress: bool = True) -> Atlas:
    """Looks at photos with every head on, and with each of them off.

    Args:
        model: Without a warp, in evaluation mode.
        pairs: Aligned crops with masks. Their decoder runs once a head, so 40 take some minutes.
        progress: Whether a bar shows how far it is.

    Raises:
        DataError: There are no photos.
    """
    if not pairs:
        raise DataError("no photos to look at: give at least one")
    config, classes = model.config, model.config.labels.num_classes
    heads = config.head_names
    random = np.random.default_rng(0)
    draws = [tuple(random.choice(heads, TOGETHER, replace=False)) for _ in range(DRAWS)]
    sets = [(), *((head,) for head in heads), *draws]
    counts = np.zeros((len(sets), len(pairs), classes, classes), np.int64)
    looked = np.full((len(pairs), len(heads), classes), np.nan)
    found = labeled_subjects(model, pairs)
    bar = MedianBar(found, total=len(pairs), desc="atlas", unit="photo", disable=not progress)
    for index, (subject, truth) in enumerate(bar):
        looked[index] = _retrieval(subject, truth)
        for row, off in enumerate(sets):
            counts[row, index] = _count(subject, truth, off)
    lost = np.stack([_lost(counts[0], counts[row], config.labels) for row in range(1, len(sets))])
    lost, by_draw = lost[: len(heads)], lost[len(heads) :]
    order = np.argsort(-_mean(lost[:, 1:]))[:TOGETHER]
    best = tuple(heads[i] for i in order)
    together = np.stack([_count(s, truth, best) for s, truth in labeled_subjects(model, pairs)])
    return Atlas(
        heads,
        config.labels.names,
        _mean(np.moveaxis(looked, 0, -1)),
        lost,
        _matches(model, mirror_pairs(config.labels)),
        _matches(model, successors(config.labels)),
        best,
        differences(counts[0], together, config.labels)["mean_f1"],
        tuple(_mean(by_draw[:, 1:]).tolist()),
        len(pairs),
    )


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    total = np.where(defined, values, 0).sum(-1)
    return np.where(defined.any(-1), total / np.maximum(defined.sum(-1), 1), np.nan)


def _count(subject: Subject, truth: np.ndarray, off: Sequence[str]) -> np.ndarray:
    logits = subject.without(*off) if off else subject.logits()
    prediction = logits.argmax(0).to(torch.uint8).numpy()
    return confusion_matrix(truth, prediction, len(logits))


def _lost(on: np.ndarray, off: np.ndarray, schema: LabelSchema) -> np.ndarray:
    """(K,) F1 with everything on, minus F1 with some heads off, over all photos."""
    apart = differences(on, off, schema, rounds=1)
    return np.array([apart[name][0] for name in schema.names])


def _retrieval(subject: Subject, truth: np.ndarray) -> np.ndarray:
    """(heads, K): the share of a class token's attention on its class, beyond its area."""
    config = subject.model.config
    size = subject.fused.shape[-2:]
    masks = torch.stack([torch.from_numpy(truth == i) for i in range(config.labels.num_classes)])
    area = F.interpolate(masks[None].float(), tuple(size), mode="area")[0].flatten(1)
    scores: list[torch.Tensor] = []

    def look(attended: Attended) -> torch.Tensor:
        if attended.block.rpartition(".")[2] in ("cross", "final"):
            on_class = (attended.weights()[0] * area).sum(-1)
            scores.append(on_class - area.mean(1))
        else:
            scores.append(torch.full((config.heads, len(area)), torch.nan))
        return attended.read

    subject.logits(Probe(config, look))
    table = torch.cat(scores)
    table[:, area.sum(1) == 0] = torch.nan
    return table.numpy()


def mirror_pairs(schema: LabelSchema) -> dict[int, int]:
    """Returns each class with a left and a right form -> its partner."""
    return {i: partner for i, partner in enumerate(schema.mirror_ids) if i != partner}


# Down a face; names that a schema lacks are left out.
_DOWN = ("hat", "hair", "l_brow", "l_eye", "nose", "u_lip", "mouth", "l_lip", "neck", "cloth")


def successors(schema: LabelSchema) -> dict[int, int]:
    """Returns each part of the face -> the next one down."""
    ids = [schema.id_of(name) for name in _DOWN if name in schema.names]
    return dict(pairwise(ids))


@torch.no_grad()
def _matches(model: SegFace, pairing: Pairing) -> dict[str, Match]:
    """How each head among class tokens leads from a token to its partner, against chance."""
    tokens = model.decoder.class_tokens
    centered = F.normalize(tokens - tokens.mean(0), dim=-1)
    found: dict[str, Match] = {}
    names = iter(model.config.head_names)
    for attention in model.decoder.transformer.attentions():
        values = attention.v_proj.weight.unflatten(0, (attention.heads, -1))
        outs = attention.out_proj.weight.unflatten(1, (attention.heads, -1))
        for head in range(attention.heads):
            name = next(names)
            if ".self." in name:
                moved = (tokens - tokens.mean(0)) @ values[head].T @ outs[:, head].T
                found[name] = match((F.normalize(moved, dim=-1) @ centered.T).numpy(), pairing)
    return found


def match(closeness: np.ndarray, pairing: Pairing) -> Match:
    """Counts the classes whose token comes closest to its partner's, against random pairings.

    Args:
        closeness: float (K, K), how close a head's picture of token i is to token j.
        pairing: Class -> partner.
    """
    if not pairing:
        return Match(0.0, 1.0)
    sources, targets = np.array(list(pairing)), np.array(list(pairing.values()))
    others = closeness.copy()
    np.fill_diagonal(others, -np.inf)
    nearest = others[sources].argmax(1)
    share = (nearest == targets).mean()
    random = np.random.default_rng(0)
    chance = [(nearest == random.permutation(targets)).mean() for _ in range(PERMUTATIONS)]
    return Match(float(share), float(np.mean(np.array(chance) >= share)))
