"""The gate: may a retrained checkpoint replace the current one? A paired bootstrap decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segface_hf.errors import ConfigError, DataError
from segface_hf.evaluation.bootstrap import Interval, draw_counts, paired, percentiles
from segface_hf.evaluation.groups import FEW_PHOTOS
from segface_hf.evaluation.report import Measured
from segface_hf.evaluation.scores import number
from segface_hf.labels import LabelSchema

PASSED, NO_DIFFERENCE, REJECTED = "passed", "no difference", "rejected"
# A fall below this F1 never blocks: any retraining moves large classes by some thousandths, and
# their intervals are narrower than that.
LEAST_FALL = 0.005
CHOSEN = "chosen classes"


@dataclass(frozen=True)
class Change:
    """The difference of one score, candidate minus current.

    Attributes:
        name: A class, a subgroup such as `face size small`, or `CHOSEN`.
        kind: `chosen`, `class` or `group`.
        photos: Photos that hold the class or are in the subgroup.
        difference: Of F1; of the mean F1 for subgroups and chosen classes.
        low: Lower end of the interval.
        high: Upper end.
    """

    name: str
    kind: str
    photos: int
    difference: float
    low: float
    high: float

    @property
    def few_photos(self) -> bool:
        """Whether there are too few photos to let it block; the chosen classes always count."""
        return self.kind != "chosen" and self.photos < FEW_PHOTOS

    @property
    def fell(self) -> bool:
        """Whether the score fell beyond its interval, on enough photos."""
        return not self.few_photos and self.high < 0 and self.difference <= -LEAST_FALL

    def __str__(self) -> str:
        return f"{self.name} {self.difference:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


@dataclass(frozen=True)
class Gate:
    """What the comparison found.

    Attributes:
        chosen: Names of the classes that must rise.
        photos: How many photos were compared.
        changes: The chosen classes first, then classes, then subgroups.
    """

    chosen: tuple[str, ...]
    photos: int
    changes: tuple[Change, ...]

    @property
    def verdict(self) -> str:
        """`PASSED`, `NO_DIFFERENCE` or `REJECTED`."""
        if any(change.fell for change in self.changes):
            return REJECTED
        return PASSED if self.changes[0].low > 0 else NO_DIFFERENCE

    @property
    def sentence(self) -> str:
        """The verdict with its reason."""
        fell = [f"{c.name} fell by {-c.difference:.3f}" for c in self.changes if c.fell]
        if fell:
            return f"{REJECTED}: {', '.join(fell)}"
        return f"{self.verdict}: {self.changes[0]}"

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for the JSON report."""
        rows = [
            {
                **asdict(change),
                **{key: number(getattr(change, key)) for key in ("difference", "low", "high")},
                "few_photos": change.few_photos,
                "fell": change.fell,
            }
            for change in self.changes
        ]
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "chosen": list(self.chosen),
            "photos": self.photos,
            "changes": rows,
        }


def judge(
    candidate: Measured,
    current: Measured,
    groups: Mapping[str, Mapping[str, str]],
    *,
    chosen: Sequence[str] = (),
    rounds: int = 2000,
    seed: int = 0,
) -> Gate:
    """Compares two models on the same photos.

    The intervals of classes and subgroups with enough photos hold together with 95 %: they are
    `q` standard errors wide, where in 95 % of the draws the largest deviation of all is below `q`.
    Otherwise one of some thirty intervals would miss zero by chance, and every second harmless
    retraining would be rejected. All others are 95 % percentile intervals, each for itself.

    Args:
        candidate: Counts of the checkpoint that may be promoted.
        current: Counts of the one in use, on the same photos.
        groups: Column -> stem -> value, from `photo_groups`.
        chosen: Classes that must rise; none takes the tail of the schema.
        rounds: Bootstrap resamplings.
        seed: Of the draws.

    Raises:
        ConfigError: No classes are chosen and the schema has no tail.
        LabelError: A chosen class is not one of the model's.
        DataError: The photos differ, or none of them holds a chosen class.
    """
    if candidate.stems != current.stems:
        raise DataError("both checkpoints must be evaluated on the same photos in the same order")
    names = _chosen_names(candidate.schema, chosen)
    ids = [candidate.schema.id_of(name) for name in names]
    if not candidate.confusions[:, ids].any():
        raise DataError(f"no photo holds {', '.join(names)}: choose other photos or classes")
    counts = draw_counts(len(candidate.stems), rounds=rounds, seed=seed)
    scores = [*_whole(candidate, current, counts, ids), *_parts(candidate, current, counts, groups)]
    wide = _together([s for s in scores if s.kind != "chosen" and s.photos >= FEW_PHOTOS])
    changes = [
        Change(s.name, s.kind, s.photos, s.value, *(wide.get(s.name) or percentiles(s.draws)))
        for s in scores
    ]
    return Gate(names, len(candidate.stems), tuple(changes))


@dataclass(frozen=True, eq=False)
class _Score:
    """A difference with its draws, before it has an interval."""

    name: str
    kind: str
    photos: int
    value: float
    draws: np.ndarray


def _whole(
    candidate: Measured, current: Measured, counts: np.ndarray, ids: Sequence[int]
) -> Iterator[_Score]:
    """Yields the chosen classes, then every class that the masks hold."""
    schema, holds = candidate.schema, candidate.confusions.sum(2) > 0
    photos = {CHOSEN: int(holds[:, ids].any(1).sum())}
    photos |= dict(zip(schema.names, holds.sum(0).tolist(), strict=True))
    values, draws = paired(
        candidate.confusions, current.confusions, schema, counts=counts, means={CHOSEN: ids}
    )
    for name, number_of in photos.items():
        if number_of:
            kind = "chosen" if name == CHOSEN else "class"
            yield _Score(name, kind, number_of, values[name], draws[name])


def _parts(
    candidate: Measured,
    current: Measured,
    counts: np.ndarray,
    groups: Mapping[str, Mapping[str, str]],
) -> Iterator[_Score]:
    """Yields the mean F1 of every subgroup, drawn together with all photos."""
    schema = candidate.schema
    for column, values_of in groups.items():
        labels = np.array([values_of.get(stem, "") for stem in candidate.stems])
        for value in dict.fromkeys(values_of.values()):
            name, inside = f"{column} {value}", labels == value
            values, draws = paired(
                candidate.confusions[inside],
                current.confusions[inside],
                schema,
                counts=counts[:, inside],
                means={name: range(1, schema.num_classes)},
            )
            yield _Score(name, "group", int(inside.sum()), values[name], draws[name])


def _chosen_names(schema: LabelSchema, chosen: Sequence[str]) -> tuple[str, ...]:
    names = tuple(chosen) or tuple(schema.names[index] for index in schema.tail)
    if not names:
        raise ConfigError(
            f"'{schema.name}' names no rare classes: choose with --classes which must rise"
        )
    return names


def _together(scores: Sequence[_Score]) -> dict[str, Interval]:
    """Returns intervals that hold together with 95 % (the bootstrap of the largest deviation)."""
    centered = {s.name: np.nan_to_num(s.draws - s.value) for s in scores}
    errors = {name: float(column.std()) for name, column in centered.items()}
    moved = [np.abs(centered[name]) / error for name, error in errors.items() if error > 0]
    factor = float(np.quantile(np.max(moved, axis=0), 0.95)) if moved else 0.0
    return {
        s.name: (s.value - factor * errors[s.name], s.value + factor * errors[s.name])
        for s in scores
    }
