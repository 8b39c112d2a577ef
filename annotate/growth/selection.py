"""Which rows of a dataset the next checkpoint is trained on, and why others are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from annotate.dataset import layout
from annotate.errors import RecordError
from annotate.rows.photo_hash import is_hash, near_duplicates, photo_hash
from segface_hf.checkpoints.licenses import conflict
from segface_hf.data.folder import find_pairs, iterate_pairs
from segface_hf.errors import DataError
from segface_hf.labels import LabelSchema

COLUMNS = (
    "content_id", "schema", "schema_version", "photo_hash", "consent_right", "licence",
    "photo_licence",
)  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """Rows to train on.

    Attributes:
        new: Content ids that the model was not trained on yet.
        earlier: Those that it was trained on; they are replayed.
        left_out: Content id -> why the row is left out.
        licenses: Content id -> licenses of the row and, where it has an own one, of its photo.
        private: Content ids without consent to be shared.
    """

    new: tuple[str, ...]
    earlier: tuple[str, ...]
    left_out: Mapping[str, str]
    licenses: Mapping[str, tuple[str, ...]]
    private: tuple[str, ...] = ()

    def reasons(self) -> Counter[str]:
        """Counts the rows that are left out by reason."""
        return Counter(self.left_out.values())

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Selection:
        """Reads what `to_dict` gave, also after JSON."""
        licenses = {key: tuple(texts) for key, texts in values["licenses"].items()}
        ids = {name: tuple(values[name]) for name in ("new", "earlier", "private")}
        return cls(**ids, left_out=dict(values["left_out"]), licenses=licenses)


@dataclass(frozen=True)
class RowLimits:
    """What a row must fit.

    Attributes:
        schema: The model's classes.
        trained: Content ids that the model was trained on.
        taken_down: Content ids with a tombstone.
        validation: Name -> hash of each validation photo.
        license: License of the model's weights.
        shared: Whether the weights are published, so that every row needs consent.
    """

    schema: LabelSchema
    trained: Collection[str] = ()
    taken_down: Collection[str] = ()
    validation: Mapping[str, str] = field(default_factory=dict)
    license: str = ""
    shared: bool = False


def select(rows: Iterable[Mapping[str, Any]], limits: RowLimits) -> Selection:
    """Chooses the rows to train on.

    Args:
        rows: `COLUMNS` of every row, untrusted.
        limits: What they must fit.

    Raises:
        RecordError: There are no rows, or they have other classes than the model.
    """
    by_id = {row["content_id"]: row for row in rows}
    if not by_id:
        raise RecordError("the dataset has no rows yet: expected at least one merged contribution")
    _check_classes(by_id.values(), limits.schema)
    reasons = {key: _reason(row, limits) for key, row in by_id.items()}
    kept = sorted(key for key, reason in reasons.items() if not reason)
    return Selection(
        new=tuple(key for key in kept if key not in limits.trained),
        earlier=tuple(key for key in kept if key in limits.trained),
        left_out={key: reason for key, reason in sorted(reasons.items()) if reason},
        licenses={key: _licenses(by_id[key]) for key in kept},
        private=tuple(key for key in kept if not by_id[key]["consent_right"]),
    )


def _check_classes(rows: Iterable[Mapping[str, Any]], schema: LabelSchema) -> None:
    found = {(row["schema"], row["schema_version"]) for row in rows}
    if others := found - {(schema.name, schema.version)}:
        name, version = min(others)
        raise RecordError(
            f"the dataset has '{name:.60}' masks of version {version:.60} and the model has "
            f"'{schema.name}' classes of version {schema.version}: name a model with the "
            "dataset's classes by --model"
        )


def _reason(row: Mapping[str, Any], limits: RowLimits) -> str:
    """Returns why a row is left out, or ""."""
    if row["content_id"] in limits.taken_down:
        return "taken down"
    if not is_hash(row["photo_hash"]):
        return "its photo has no valid hash: run `python -m annotate audit`"
    if near_duplicates(row["photo_hash"], limits.validation):
        return "looks like a validation photo"
    if not row["consent_right"]:
        return "no consent to share it" if limits.shared else ""
    conflicts = (conflict(license, limits.license) for license in _licenses(row) or ("",))
    return next(filter(None, conflicts), "")


def _licenses(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(text for text in (row["licence"], row["photo_licence"]) if text)


def taken_down(paths: Iterable[str]) -> set[str]:
    """Returns the content ids with a tombstone among the paths of a dataset."""
    notes = (Path(path).stem for path in paths if path.startswith(layout.TOMBSTONES))
    return set(filter(layout.is_content_id, notes))


def validation_hashes(
    folder: str | Path, schema: LabelSchema, chosen: Collection[str]
) -> dict[str, str]:
    """Reads the validation photos, before hours of work; returns the hash of each by its stem.

    Args:
        folder: Photos and masks.
        schema: What the ids stand for.
        chosen: Classes that must rise; one of the masks must hold one of them.

    Raises:
        DataError: The folder can't be used, or no mask holds a chosen class.
        LabelError: A chosen class is not one of the model's.
    """
    ids = [schema.id_of(name) for name in chosen] or list(schema.tail)
    hashes, held = {}, False
    for pair, image, mask in iterate_pairs(find_pairs(folder), schema):
        hashes[pair.stem] = photo_hash(np.asarray(image))
        held = held or bool(np.isin(mask, ids).any())
    if not held:
        names = ", ".join(schema.names[index] for index in ids) or "a rare class"
        raise DataError(
            f"no photo of {folder} holds {names}: choose other photos, or by --classes which "
            "classes must rise"
        )
    return hashes
