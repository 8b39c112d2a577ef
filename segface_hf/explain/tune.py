"""Tuning a head's factor or a class constant for one class, chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from segface_hf._progress import MedianBar
from segface_hf.data.folder import Pair, iterate_pairs
from segface_hf.errors import DataError
from segface_hf.evaluation.bootstrap import Interval, differences
from segface_hf.evaluation.scores import Scores, confusion_matrix
from segface_hf.explain.labeled import labeled_subjects
from segface_hf.explain.margin import margin_of, rival_of
from segface_hf.explain.probe import Probe, scaled_head
from segface_hf.modeling.calibration import with_class_bias, with_head_scales
from segface_hf.modeling.segface import SegFace

FOLDS = 5
HEADS = 6  # heads with the strongest votes for the class
FACTORS = (0.0, 0.5, 1.5, 2.0)
CONSTANTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
_SCREENED = 12  # photos that votes are counted on


@dataclass(frozen=True)
class Adjustment:
    """A factor of a head, or what is added to a class constant.

    Attributes:
        kind: `head` for a factor of an attention head, `bias` for a class constant, or `none`.
        name: The head, or the class.
        value: The factor, or what is added to the constant.
    """

    kind: str = "none"
    name: str = ""
    value: float = 0.0

    def apply(self, model: SegFace) -> SegFace:
        """Returns a copy of the model with the change."""
        if self.kind == "head":
            factor = dict(model.config.head_scales).get(self.name, 1.0)
            return with_head_scales(model, {self.name: factor * self.value})
        index = model.config.labels.id_of(self.name)
        constant = model.config.class_bias[index] if model.config.class_bias else 0.0
        return with_class_bias(model, {self.name: constant + self.value})

    def __str__(self) -> str:
        form = {"head": "{} x {:g}", "bias": "{} {:+g}", "none": "no change"}[self.kind]
        return form.format(self.name, self.value)


@dataclass(frozen=True)
class Tuned:
    """What one kind of change did for a class on photos that it was not chosen on.

    Attributes:
        best: The change that is best on all photos.
        chosen: What each fold's other photos chose.
        gain: The class's F1 on held-out photos, minus that without a change, and its 95 % interval.
        fallen: Other classes, or the mean, whose F1 falls beyond its interval -> by how much.
    """

    best: Adjustment
    chosen: tuple[Adjustment, ...]
    gain: tuple[float, Interval]
    fallen: dict[str, float]

    @property
    def helps(self) -> bool:
        """Whether the class gains beyond its interval and nothing else falls beyond its own."""
        return self.best.kind != "none" and self.gain[1][0] > 0 and not self.fallen


def tune(
    model: SegFace, pairs: Sequence[Pair], name: str, *, progress: bool = True
) -> dict[str, Tuned]:
    """Looks for the best factor of one head, and for the best constant, of one class.

    Args:
        model: Without a warp.
        pairs: Aligned crops with masks, none of them trained on; at least `FOLDS` hold the class.
        name: The class.
        progress: Whether a bar shows how far it is.

    Returns:
        `head` and `bias` -> what the best change of that kind does.

    Raises:
        DataError: Fewer than `FOLDS` photos hold the class.
        LabelError: The model lacks the class.
    """
    schema = model.config.labels
    target = schema.id_of(name)
    holding = [pair for pair in pairs if _holds(pair, model, target)]
    if len(holding) < FOLDS:
        raise DataError(
            f"{len(holding)} photos hold {name}, expected at least {FOLDS}: give more photos"
        )
    heads = _voters(model, holding[:_SCREENED], target)
    changes = [Adjustment("head", head, factor) for head in heads for factor in FACTORS]
    changes += [Adjustment("bias", name, constant) for constant in CONSTANTS]
    changes.insert(0, Adjustment())
    counts = _counts(model, pairs, changes, target, progress=progress)
    return {
        kind: _crossed(
            [c for c in changes if c.kind in ("none", kind)],
            np.stack([counts[i] for i, c in enumerate(changes) if c.kind in ("none", kind)]),
            model,
            target,
        )
        for kind in ("head", "bias")
    }


def _holds(pair: Pair, model: SegFace, target: int) -> bool:
    return any((mask == target).any() for _, _, mask in iterate_pairs([pair], model.config.labels))


def _voters(model: SegFace, pairs: Sequence[Pair], target: int) -> list[str]:
    """The heads with the strongest votes for a class where it is."""
    votes: dict[str, float] = dict.fromkeys(model.config.head_names, 0.0)
    for subject, truth in labeled_subjects(model, pairs):
        region = truth == target
        if region.any():
            rival = rival_of(subject.logits(), region, target)
            for vote in margin_of(subject, region, target, rival).heads:
                votes[vote.name] += abs(vote.vote)
    return sorted(votes, key=lambda head: -votes[head])[:HEADS]


def _counts(
    model: SegFace,
    pairs: Sequence[Pair],
    changes: Sequence[Adjustment],
    target: int,
    *,
    progress: bool,
) -> np.ndarray:
    """int64 (changes, N, K, K): confusion matrices of every photo after every change."""
    classes, config = model.config.labels.num_classes, model.config
    counts = np.zeros((len(changes), len(pairs), classes, classes), np.int64)
    subjects = labeled_subjects(model, pairs)
    bar = MedianBar(subjects, total=len(pairs), desc="tune", unit="photo", disable=not progress)
    for index, (subject, truth) in enumerate(bar):
        plain = subject.logits()
        for row, change in enumerate(changes):
            logits = plain
            if change.kind == "head":
                logits = subject.logits(
                    Probe(config, scaled_head(config, change.name, change.value))
                )
            elif change.kind == "bias":
                logits = plain.clone()
                logits[target] += change.value
            prediction = logits.argmax(0).to(torch.uint8).numpy()
            counts[row, index] = confusion_matrix(truth, prediction, classes)
    return counts


def _crossed(
    changes: Sequence[Adjustment], counts: np.ndarray, model: SegFace, target: int
) -> Tuned:
    """Chooses on four fifths of the photos and scores on the last, five times."""
    schema = model.config.labels
    fold = np.arange(counts.shape[1]) % FOLDS

    def best(photos: np.ndarray) -> int:
        scores = [
            Scores(counts[row, photos].sum(0), schema).f1[target] for row in range(len(changes))
        ]
        return int(np.nanargmax(scores))

    picks = [best(fold != held_out) for held_out in range(FOLDS)]
    held = np.stack([counts[picks[fold[i]], i] for i in range(counts.shape[1])])
    apart = differences(held, counts[0], schema)
    name = schema.names[target]
    others = {key: value for key, value in apart.items() if key not in (name, "tail_f1")}
    return Tuned(
        changes[best(np.ones(len(fold), bool))],
        tuple(changes[pick] for pick in picks),
        apart[name],
        {key: value for key, (value, (_, high)) in others.items() if high < 0},
    )
