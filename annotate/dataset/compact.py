"""Compaction: many files of one row become one file; rows that arrive meanwhile are kept."""

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

    Without a path the rows were in merged files already, and only the single files were deleted.
    """

    files: int
    path: str = ""


def compact(
    dataset: DatasetFiles,
    *,
    at_least: int = 50,
    at_most: int = MOST_FILES,
    most_bytes: int = MOST_BYTES,
) -> Compacted:
    """Moves the rows of up to `at_most` single files into one merged file.

    One commit, pinned to the commit that was read, adds the merged file and deletes exactly the
    files that were read. If a contribution arrives meanwhile, the Hub refuses the commit, and
    everything is read again. The ids stay listed in `index/`, so that a retry of an old
    contribution still finds it.

    Args:
        dataset: The dataset.
        at_least: Do nothing with fewer files.
        at_most: Files to read at once.
        most_bytes: Images in one merged file; fewer files are read where theirs are more.

    Raises:
        RemoteBusyError: Other commits came first in every attempt.
        RecordError: A file is damaged; nothing is changed.
    """
    limits = {"at_least": at_least, "at_most": at_most, "most": most_bytes}
    return retry_on_head(dataset, lambda head: _compact(dataset, head, **limits))


def _compact(
    dataset: DatasetFiles, head: str, *, at_least: int, at_most: int, most: int
) -> Compacted:
    present = set(dataset.paths(revision=head))
    singles = sorted(path for path in present if layout.id_at(path))[:at_most]
    if doubles := _without_doubles(dataset, singles, revision=head, present=present):
        return doubles
    if len(singles) < at_least:
        return Compacted(0)
    rows = _rows(dataset, singles, revision=head, most=most)
    ids = [row["content_id"] for row in rows]
    (merged,) = (files := merged_files(rows, most=most))
    index = merged_index(dataset, ids, revision=head, present=present)
    title = f"Compact {counted(len(rows), 'contribution')} into one file"
    # If a compaction of a folder is stopped in between, the index names the rows that are twice.
    dataset.commit({**index, **files}, title=title, deleted=singles[: len(rows)], parent=head)
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
    dataset: DatasetFiles, paths: list[str], *, revision: str, most: int
) -> list[dict[str, Any]]:
    """Reads rows until a merged file is full, but at least one."""
    rows: list[dict[str, Any]] = []
    size = 0
    for path in paths:
        row = _row(dataset, path, revision=revision)
        size += image_bytes(row)
        if rows and size > most:
            break
        rows.append(row)
    return rows


def _without_doubles(
    dataset: DatasetFiles, singles: list[str], *, revision: str, present: set[str]
) -> Compacted | None:
    """Deletes single files whose rows are in merged files too; returns None if there are none.

    A stopped compaction of a folder leaves such files, and so do two pull requests of one
    contribution. The merged row stays, unless only the single one has consent.
    """
    listed = _listed(dataset, singles, revision=revision, present=present)
    added, doubles = dict[str, bytes](), set[str]()
    for path in sorted(p for p in present if listed and p.startswith(f"{layout.MERGED}/")):
        if not (
            inside := listed & {r["content_id"] for r in facts_of(dataset, path, revision=revision)}
        ):
            continue
        own = {i: _row(dataset, layout.row_path(i), revision=revision) for i in inside}
        if any(row["consent_right"] for row in own.values()):
            rows = rows_in(dataset, path, revision=revision)
            whole = (_agreed(row, own.get(row["content_id"], row)) for row in rows)
            added[path] = rows_to_parquet(whole)
        doubles |= inside
    if not doubles:
        return None
    title = f"Delete {counted(len(doubles), 'file')} whose rows are in merged files"
    dataset.commit(
        added, title=title, deleted=sorted(map(layout.row_path, doubles)), parent=revision
    )
    return Compacted(len(doubles))


def _agreed(merged: dict[str, Any], single: dict[str, Any]) -> dict[str, Any]:
    return single if single["consent_right"] and not merged["consent_right"] else merged


def _listed(
    dataset: DatasetFiles, singles: list[str], *, revision: str, present: set[str]
) -> set[str]:
    """Returns the ids of single files that `index/` says are in merged files too."""
    ids = {layout.id_at(path) or "" for path in singles}
    indexes = {layout.index_path(content_id) for content_id in ids} & present
    texts = [dataset.read(path, revision=revision) or b"" for path in sorted(indexes)]
    return ids & {content_id for text in texts for content_id in text.decode().split()}


def _row(dataset: DatasetFiles, path: str, *, revision: str) -> dict[str, Any]:
    data = dataset.read(path, revision=revision) or b""
    try:
        return one_row(data, str(layout.id_at(path)), source=path)
    except RecordError as error:
        raise RecordError(f"{error}: take it down first") from error
