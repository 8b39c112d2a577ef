"""Compaction: many files of one row become one file of many, and no late arrival is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotate import layout
from annotate.correction import digest
from annotate.errors import RecordError
from annotate.place import Place, merged_index, upkeep
from annotate.record import from_parquet, rows_to_parquet
from segface_hf.wording import counted

MOST_FILES = 500


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: how many files of one row became which merged file."""

    files: int
    path: str = ""


def compact(place: Place, *, at_least: int = 50, at_most: int = MOST_FILES) -> Compacted:
    """Moves the rows of up to `at_most` single files into one merged file.

    One commit, pinned to the commit that was read, adds the merged file and deletes exactly the
    files that it read: a contribution that arrives meanwhile is not among them, and makes the Hub
    refuse the commit, after which everything is read anew. The ids stay listed in `index/`, so
    that a retry of an old contribution still finds that it is there.

    Args:
        place: The dataset.
        at_least: With fewer files than this nothing is done.
        at_most: Files to read at once.

    Raises:
        RemoteBusyError: Others kept coming first.
        RecordError: A file is damaged; nothing has changed.
    """
    return upkeep(place, lambda head: _compact(place, head, at_least=at_least, at_most=at_most))


def _compact(place: Place, head: str, *, at_least: int, at_most: int) -> Compacted:
    present = set(place.paths(revision=head))
    singles = sorted(path for path in present if layout.id_at(path))[:at_most]
    if len(singles) < at_least:
        return Compacted(0)
    rows = [_row(place, path, revision=head) for path in singles]
    ids = [row["content_id"] for row in rows]
    merged = f"{layout.MERGED}/{digest(*(i.encode() for i in ids))}.parquet"
    index = merged_index(place, ids, revision=head, present=present)
    added = {merged: rows_to_parquet(rows), **index}
    title = f"Compact {counted(len(singles), 'contribution')} into one file"
    place.commit(added, title=title, deleted=singles, parent=head)
    return Compacted(len(singles), merged)


def _row(place: Place, path: str, *, revision: str) -> dict[str, Any]:
    rows = from_parquet(place.read(path, revision=revision) or b"", source=path)
    if len(rows) != 1 or rows[0]["content_id"] != layout.id_at(path):
        raise RecordError(
            f"{path} does not hold the one row that its name says: take it down first"
        )
    return rows[0]
