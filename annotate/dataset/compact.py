"""Compaction: many files of one row become one file of many, and no late arrival is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from annotate.correction import digest
from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles, merged_index, retry_on_head
from annotate.dataset.index import facts_of
from annotate.dataset.ranged import rows_in
from annotate.errors import RecordError
from annotate.rows.record import image_bytes, one_row, rows_to_parquet
from segface_hf._utils import counted

MOST_FILES = 500
MOST_BYTES = 128 * 2**20  # half of what is read as a whole


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: how many files of one row became which merged file.

    Without a path their rows were in merged files already, and only the files are gone.
    """

    files: int
    path: str = ""


def compact(
    place: DatasetFiles,
    *,
    at_least: int = 50,
    at_most: int = MOST_FILES,
    most_bytes: int = MOST_BYTES,
) -> Compacted:
    """Moves the rows of up to `at_most` single files into one merged file.

    One commit, pinned to the commit that was read, adds the merged file and deletes exactly the
    files that it read: a contribution that arrives meanwhile is not among them, and makes the Hub
    refuse the commit, after which everything is read anew. The ids stay listed in `index/`, so
    that a retry of an old contribution still finds that it is there.

    Args:
        place: The dataset.
        at_least: With fewer files than this nothing is done.
        at_most: Files to read at once.
        most_bytes: Images in one merged file; fewer files are read where theirs are more.

    Raises:
        RemoteBusyError: Others kept coming first.
        RecordError: A file is damaged; nothing has changed.
    """
    limits = {"at_least": at_least, "at_most": at_most, "most": most_bytes}
    return retry_on_head(place, lambda head: _compact(place, head, **limits))


def _compact(
    place: DatasetFiles, head: str, *, at_least: int, at_most: int, most: int
) -> Compacted:
    present = set(place.paths(revision=head))
    singles = sorted(path for path in present if layout.id_at(path))[:at_most]
    if doubles := _without_doubles(place, singles, revision=head, present=present):
        return doubles
    if len(singles) < at_least:
        return Compacted(0)
    rows = _rows(place, singles, revision=head, most=most)
    ids = [row["content_id"] for row in rows]
    (merged,) = (files := merged_files(rows, most=most))
    index = merged_index(place, ids, revision=head, present=present)
    title = f"Compact {counted(len(rows), 'contribution')} into one file"
    # Where a folder is left in between, the index names what may be there twice.
    place.commit({**index, **files}, title=title, deleted=singles[: len(rows)], parent=head)
    return Compacted(len(rows), merged)


def merged_files(rows: Iterable[dict[str, Any]], *, most: int = MOST_BYTES) -> dict[str, bytes]:
    """Returns merged files of rows by path, each of at most so many bytes of images.

    A row that is larger has a file of its own.
    """
    files: dict[str, bytes] = {}
    part: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if part and size + image_bytes(row) > most:
            files.update(_merged(part))
            part, size = [], 0
        part.append(row)
        size += image_bytes(row)
    return {**files, **_merged(part)} if part else files


def _merged(rows: list[dict[str, Any]]) -> dict[str, bytes]:
    name = digest(*(row["content_id"].encode() for row in rows))
    return {f"{layout.MERGED}/{name}.parquet": rows_to_parquet(rows)}


def _rows(
    place: DatasetFiles, paths: list[str], *, revision: str, most: int
) -> list[dict[str, Any]]:
    """Reads rows until the next one would be too much for one file, but at least one."""
    rows: list[dict[str, Any]] = []
    size = 0
    for path in paths:
        row = _row(place, path, revision=revision)
        size += image_bytes(row)
        if rows and size > most:
            break
        rows.append(row)
    return rows


def _without_doubles(
    place: DatasetFiles, singles: list[str], *, revision: str, present: set[str]
) -> Compacted | None:
    """Deletes single files whose rows merged files hold as well; returns None without any.

    A compaction of a folder that was stopped leaves such, and so do two pull requests of one
    contribution. The merged row stays, unless only the single one has consent.
    """
    listed = _listed(place, singles, revision=revision, present=present)
    added, doubles = dict[str, bytes](), set[str]()
    for path in sorted(p for p in present if listed and p.startswith(f"{layout.MERGED}/")):
        if not (
            inside := listed & {r["content_id"] for r in facts_of(place, path, revision=revision)}
        ):
            continue
        own = {i: _row(place, layout.row_path(i), revision=revision) for i in inside}
        if any(row["consent_right"] for row in own.values()):
            rows = rows_in(place, path, revision=revision)
            whole = (_agreed(row, own.get(row["content_id"], row)) for row in rows)
            added[path] = rows_to_parquet(whole)
        doubles |= inside
    if not doubles:
        return None
    title = f"Delete {counted(len(doubles), 'file')} whose rows are in merged files"
    place.commit(added, title=title, deleted=sorted(map(layout.row_path, doubles)), parent=revision)
    return Compacted(len(doubles))


def _agreed(merged: dict[str, Any], single: dict[str, Any]) -> dict[str, Any]:
    return single if single["consent_right"] and not merged["consent_right"] else merged


def _listed(
    place: DatasetFiles, singles: list[str], *, revision: str, present: set[str]
) -> set[str]:
    """Returns the ids of single files that `index/` says are in merged files too."""
    ids = {layout.id_at(path) or "" for path in singles}
    indexes = {layout.index_path(content_id) for content_id in ids} & present
    texts = [place.read(path, revision=revision) or b"" for path in sorted(indexes)]
    return ids & {content_id for text in texts for content_id in text.decode().split()}


def _row(place: DatasetFiles, path: str, *, revision: str) -> dict[str, Any]:
    data = place.read(path, revision=revision) or b""
    try:
        return one_row(data, str(layout.id_at(path)), source=path)
    except RecordError as error:
        raise RecordError(f"{error}: take it down first") from error
