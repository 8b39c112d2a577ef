"""Which checkpoint was trained on a dataset last, and what the gate decided last."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from annotate.dataset.base import DatasetFiles
from annotate.dataset.refresh import Counted
from annotate.dataset.releases import Release, releases_with
from annotate.errors import RecordError
from segface_hf.checkpoints.files import GATE_FILE

_MOST_BYTES = 1_000_000
_MOST_CHANGES = 200


@dataclass(frozen=True)
class GateResult:
    """The report of a gate, as far as it is shown; its texts are untrusted.

    Attributes:
        sentence: The verdict with its reason.
        photos: How many photos were compared.
        candidate: The checkpoint that was judged.
        current: The one that it was compared with.
        changes: Name, photos, difference of F1, lower and upper end of its interval, and whether it
            fell.
    """

    sentence: str
    photos: int
    candidate: str
    current: str
    changes: tuple[tuple[str, int, float, float, float, bool], ...]


@dataclass(frozen=True)
class DatasetGrowth:
    """What came of a dataset's rows.

    Attributes:
        gate: The last gate's result; None where no report can be read.
        release: The last checkpoint that was trained on rows that are here; None without one.
        trained: Content ids of the rows that some checkpoint was trained on.
    """

    gate: GateResult | None = None
    release: Release | None = None
    trained: frozenset[str] = frozenset()


class GrowthReader:
    """Reads this once for each state of the dataset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head: str | None = None
        self._growth = DatasetGrowth()

    def look(self, dataset: DatasetFiles, rows: Counted, head: str) -> DatasetGrowth:
        """Returns what came of the rows; what can't be read is left out.

        Args:
            dataset: The dataset.
            rows: Its rows.
            head: Its commit; empty reads everything each time.

        Raises:
            RemoteError: The Hub can't be asked.
            StoreError: The folder can't be read.
        """
        with self._lock:
            if not head or head != self._head:
                gate = _read(dataset.read(GATE_FILE, revision=head or "main") or b"")
                found = _releases(dataset, rows)
                trained = frozenset().union(*(ids for _, ids in found))
                self._growth = DatasetGrowth(gate, found[-1][0] if found else None, trained)
                self._head = head
            return self._growth


def _releases(dataset: DatasetFiles, rows: Counted) -> list[tuple[Release, set[str]]]:
    try:
        return releases_with(dataset, (row["content_id"] for row in rows.columns(["content_id"])))
    except RecordError:
        return []


def _read(data: bytes) -> GateResult | None:
    if not data or len(data) > _MOST_BYTES:
        return None
    try:
        values: dict[str, Any] = json.loads(data)
        return GateResult(
            str(values["sentence"]),
            int(values["photos"]),
            str(values["candidate"]["name"]),
            str(values["current"]["name"]),
            tuple(map(_change, values["changes"][:_MOST_CHANGES])),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _change(row: dict[str, Any]) -> tuple[str, int, float, float, float, bool]:
    difference, low, high = (
        float("nan") if row[key] is None else float(row[key])
        for key in ("difference", "low", "high")
    )
    return str(row["name"]), int(row["photos"]), difference, low, high, row["fell"] is True
