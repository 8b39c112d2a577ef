"""An index of the columns of a dataset's rows that are not images, read in few kilobytes."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate._files import write_durably
from annotate.correction import Correction
from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles
from annotate.dataset.ranged import RangedFile, rows_in
from annotate.dataset.stats import COLUMNS
from annotate.errors import RecordError, ReviewError, StoreError
from annotate.rows.parquet_limits import check_group, groups_of
from annotate.rows.photo_hash import near_duplicates
from annotate.rows.record import check_columns, features, from_row

log = logging.getLogger(__name__)
KEPT = (*COLUMNS, "photo_hash", "consent_right", "photo_licence")
MOST_AT_ONCE = 64
FRESH, SOON = 60.0, 5.0


class RowIndex:
    """The columns of every row of a dataset that are not images; updates read only new files.

    A row's images are most of its file and come before the other columns, so these are in the
    last kilobytes of the file: one small request for a contribution, a few for a merged file. A
    file is never rewritten under its name, so it is read once.

    Args:
        file: Keeps the columns over a restart; None keeps them in memory only.
        reread: Ignore what the file keeps.
    """

    def __init__(self, file: Path | None = None, *, reread: bool = False) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._rows: dict[str, list[dict[str, Any]]] = {} if reread else _read_kept(file)
        self._proposed: dict[tuple[int, str], dict[str, Any]] = {}
        self._looked: float | None = None
        self.head = ""
        self.left = 0

    def look(self, repo: DatasetFiles) -> int:
        """Updates at most once in `FRESH` seconds, or in `SOON` while files are left.

        See `update`.
        """
        pause = SOON if self.left else FRESH
        if self._looked is None or time.monotonic() - self._looked >= pause:
            self._looked = time.monotonic()
            return self.update(repo)
        return self.left

    def update(self, repo: DatasetFiles, *, most: int = MOST_AT_ONCE, head: str = "") -> int:
        """Reads files that are not known yet; returns how many are left.

        Args:
            repo: The dataset.
            most: Files to read now; each takes one request, a merged one a few.
            head: The commit to read; empty takes the newest.

        Raises:
            RemoteError: The Hub can't be asked; what was read before is kept.
            RecordError: A file is damaged or of another record version.
        """
        with self._lock:
            head = head or repo.head()
            if head == self.head and not self.left:
                return 0
            paths = {path for path in repo.paths(revision=head) if _holds_rows(path)}
            known = {path: rows for path, rows in self._rows.items() if path in paths}
            fresh = sorted(paths - known.keys())
            try:
                for path in fresh[:most]:
                    with suppress(FileNotFoundError):  # a folder may lose files meanwhile
                        known[path] = facts_of(repo, path, revision=head)
            finally:
                self._rows = known
                self._keep()
            self.head, self.left = head, max(0, len(fresh) - most)
            return self.left

    def at(self, repo: DatasetFiles, head: str) -> RowIndex:
        """Returns this index updated to one commit, completely; see `update`."""
        self.update(repo, most=sys.maxsize, head=head)
        return self

    def forget(self, path: str) -> None:
        """Reads a file again at the next update: a row in it got consent."""
        with self._lock:
            self._rows = {known: rows for known, rows in self._rows.items() if known != path}
            self.head = ""

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yields some columns of every known row."""
        for rows in tuple(self._rows.values()):
            for row in rows:
                yield {name: row[name] for name in names}

    def near_duplicates(self, wanted: str) -> tuple[str, ...]:
        """Returns the content ids of known rows whose photo has nearly this hash, nearest first."""
        rows = self.columns(["content_id", "photo_hash"])
        held = {row["content_id"]: row["photo_hash"] for row in rows}
        return tuple(near_duplicates(wanted, held))

    def proposed(self, repo: DatasetFiles, number: int, content_id: str) -> dict[str, Any] | None:
        """Returns the columns of the row that a pull request proposes, or None where there is none.

        They are untrusted and unchecked: use them as a hint only. They are read once.
        """
        key = (number, content_id)
        if key not in self._proposed:
            path = layout.row_path(content_id)
            try:
                (row,) = facts_of(repo, path, revision=f"refs/pr/{number}")
            except (FileNotFoundError, RecordError, ValueError):
                return None
            self._proposed[key] = row
        return self._proposed[key]

    def _keep(self) -> None:
        if self._file is None:
            return
        rows = [{**row, "path": path} for path, held in self._rows.items() for row in held]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=_kept_schema()), sink)
        try:
            write_durably(self._file, sink.getvalue())
        except StoreError as error:
            log.warning("the index is not kept: %s", error)


def facts_of(repo: DatasetFiles, path: str, *, revision: str) -> list[dict[str, Any]]:
    """Reads the columns of one file's rows that are not images.

    Raises:
        FileNotFoundError: The file does not exist.
        RemoteError: The Hub can't be asked.
        RecordError: It is not a parquet file of this record version.
    """
    content_id = layout.id_at(path)
    names = [name for name in KEPT if not (content_id and name == "content_id")]
    with RangedFile(repo, path, revision) as stream:
        try:
            file = pq.ParquetFile(stream)
            check_columns(file.schema_arrow, source=path)
            most = 1 if content_id else None
            for group in groups_of(stream, size=stream.size, source=path, most=most):
                check_group(stream, group, schema=file.schema, source=path, columns=names)
            rows = file.read(names, use_threads=False).to_pylist()
        except (RecordError, StoreError, FileNotFoundError):
            raise
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise RecordError(f"{path} is not a whole parquet file ({error})") from error
    return [{"content_id": content_id, **row} for row in rows]


def _holds_rows(path: str) -> bool:
    return path.startswith(f"{layout.ROWS}/") and path.endswith(".parquet")


def _kept_schema() -> pa.Schema:
    whole = features().arrow_schema
    return pa.schema([pa.field("path", pa.string()), *(whole.field(name) for name in KEPT)])


def _read_kept(file: Path | None) -> dict[str, list[dict[str, Any]]]:
    """Returns the kept columns by path; a file that can't be read is ignored."""
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        rows: Iterable[Any] = pq.read_table(file, schema=_kept_schema()).to_pylist() if file else ()
    except (OSError, pa.ArrowException):
        return {}
    for row in rows:
        found.setdefault(row.pop("path"), []).append(row)
    return found


def row_of(dataset: DatasetFiles, content_id: str) -> Correction:
    """Returns the correction in a row of a dataset.

    A compacted row is searched in the ids of merged files, some kilobytes each.

    Args:
        dataset: The dataset.
        content_id: The row.

    Raises:
        ReviewError: The row does not exist.
        RecordError: A file is damaged.
        RemoteError: The Hub can't be asked.
    """
    head = dataset.head()
    paths = set(dataset.paths(revision=head))
    own = layout.row_path(content_id)
    merged = sorted(path for path in paths if path.startswith(f"{layout.MERGED}/"))
    for path in [own] if own in paths else merged:
        known = [row["content_id"] for row in facts_of(dataset, path, revision=head)]
        if content_id in known:
            for row in rows_in(dataset, path, revision=head):
                if row["content_id"] == content_id:
                    return from_row(row)
    raise ReviewError(f"the dataset has no row {content_id}")
