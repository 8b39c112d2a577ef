"""Review of the rows of a local folder; it needs no Hub."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from annotate.dataset import layout
from annotate.dataset.folder import FolderStore
from annotate.dataset.takedown import take_down
from annotate.errors import ConsentError, CorrectionError, RecordError, ReviewError
from annotate.review.agreement import agree
from annotate.review.inspection import RowInspection
from annotate.rows.checks import Finding, check
from segface_hf.errors import LabelError

_LISTED = ("content_id", "contributor", "created_at", "photo_id", "photo_hash")


@dataclass(frozen=True)
class WaitingRow:
    """A row of a folder that was not accepted yet."""

    id: str
    contributor: str
    created_at: datetime


class FolderReviewer:
    """Lists, shows, accepts and rejects rows of a folder.

    An accepted row gets a note beside the rows, so that it is not listed again. A rejected one is
    taken down, so that the same correction can't be saved again.
    """

    def __init__(self, store: FolderStore) -> None:
        self.store = store
        self._rows = {row["content_id"]: row for row in store.columns(_LISTED)}

    def open(self) -> tuple[WaitingRow, ...]:
        """Lists the rows that wait for a decision, oldest first."""
        waiting = (row for i, row in self._rows.items() if not self._is_accepted(i))
        rows = (WaitingRow(r["content_id"], r["contributor"], r["created_at"]) for r in waiting)
        return tuple(sorted(rows, key=lambda row: (row.created_at, row.id)))

    def ids(self) -> Iterable[str]:
        """Returns the content id of every row."""
        return self._rows.keys()

    def inspect(self, content_id: str) -> RowInspection:
        """Reads a row, as untrusted input, and checks it.

        A folder may hold rows without consent, which stay on this machine.

        Raises:
            StoreError: The row does not exist.
        """
        try:
            correction = self.store.load(content_id)
        except (RecordError, CorrectionError, ConsentError, LabelError) as error:
            return RowInspection(None, (Finding("row", str(error), blocks=True),))
        photos = {i: row["photo_hash"] for i, row in self._rows.items()}
        numbers = agree(correction.prediction, correction.mask, schema=correction.schema).classes
        same = tuple(
            i
            for i, row in self._rows.items()
            if i != content_id and row["photo_id"] == correction.photo_id
        )
        return RowInspection(correction, check(correction, photos=photos), numbers, same)

    def accept(self, content_id: str) -> None:
        """Notes that a row was reviewed and is right.

        Raises:
            ReviewError: A check forbids it.
        """
        if blocking := self.inspect(content_id).blocking:
            raise ReviewError(f"{content_id[:8]} can't be accepted: {'; '.join(blocking)}")
        when = datetime.now(UTC).replace(microsecond=0).isoformat()
        note = json.dumps({"content_id": content_id, "accepted_at": when}) + "\n"
        self.store.commit(
            {layout.accepted_path(content_id): note.encode()},
            title=f"Accept {content_id}",
            parent=self.store.head(),
        )

    def reject(self, content_id: str, reason: str) -> None:
        """Takes a row down with a reason, which is kept in its tombstone.

        Raises:
            ReviewError: The row does not exist, or the reason is empty.
        """
        if content_id not in self._rows:
            raise ReviewError(f"{self.store.root} holds no contribution {content_id[:40]}")
        if not reason.strip():
            raise ReviewError("say why it is rejected: the tombstone keeps the reason")
        take_down(self.store, [content_id], reason=reason.strip())

    def _is_accepted(self, content_id: str) -> bool:
        return (self.store.root / layout.accepted_path(content_id)).is_file()
