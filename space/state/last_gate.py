"""What the gate decided last, where the dataset holds its report."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from annotate.dataset.base import DatasetFiles
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


class LastGate:
    """Reads the report once for each state of the dataset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head: str | None = None
        self._result: GateResult | None = None

    def look(self, dataset: DatasetFiles, head: str) -> GateResult | None:
        """Returns the last gate's result, or None where there is no report that can be read.

        Args:
            dataset: The dataset.
            head: Its commit; empty reads the report each time.

        Raises:
            RemoteError: The Hub can't be asked.
            StoreError: The folder can't be read.
        """
        with self._lock:
            if not head or head != self._head:
                data = dataset.read(GATE_FILE, revision=head or "main")
                self._result = _read(data or b"")
                self._head = head
            return self._result


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
