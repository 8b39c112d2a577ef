"""Inputs of a job: photos, tables or a dataset, and the part of them that is not done yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from segface_hf.errors import ConfigError, DataError, SegFaceError
from segface_hf.jobs.photos import Photo, look_for_photos
from segface_hf.jobs.shards import Shard, find_tables, photo_shards, table_shards
from segface_hf.jobs.storage import HUB, PARQUET, StoragePath
from segface_hf.jobs.streams import HubDataset
from segface_hf.jobs.table import Row, done, done_of_stream
from segface_hf.jobs.work import ShardRow, rows_of_shards, rows_of_stream


@dataclass(frozen=True)
class Input:
    """What a job parses: photos, tables or a dataset.

    Attributes:
        photos: Pictures on disk.
        tables: Parquet files by their names in the results.
        dataset: A dataset of the Hub that is streamed.
        failed: Tables that turned out to be unusable, with the error.
        note: A sentence on skipped files, if any were skipped.
    """

    photos: tuple[Photo, ...] = ()
    tables: Mapping[str, StoragePath] = field(default_factory=dict)
    dataset: HubDataset | None = None
    failed: dict[str, SegFaceError] = field(default_factory=dict)
    note: str | None = None

    def shards(self, *, column: str, rows: int) -> list[Shard]:
        """Cuts photos or tables into shards; unusable tables are recorded in `failed`."""
        if self.photos:
            return photo_shards(self.photos, rows=rows)
        shards, failed = table_shards(self.tables, rows=rows, column=column)
        self.failed.update(failed)
        return shards

    def items(self, *, column: str, rows: int) -> Iterator[ShardRow]:
        """Reads everything."""
        if self.dataset is not None:
            return rows_of_stream(self.dataset, column=column, start=0, length=rows)
        return rows_of_shards(self.shards(column=column, rows=rows), column=column)

    def count(self, *, column: str) -> int | None:
        """Returns the number of photos; None if unknown."""
        if self.dataset is not None:
            return self.dataset.count()
        shards = self.shards(column=column, rows=1000)
        return sum(shard.stop - shard.start for shard in shards)


def find_input(
    sources: Sequence[str], *, dataset: str | None, split: str, subset: str | None = None
) -> Input:
    """Returns the input that a command line names.

    Raises:
        DataError: It names nothing, several kinds at once, or something that doesn't exist.
    """
    if dataset is not None:
        streamed = HubDataset.of(dataset, split=split, subset=subset)
        if sources or streamed is None:
            raise DataError(
                f"--dataset takes one 'org/name' and no other photos, got '{dataset}' and "
                f"{list(sources)}"
            )
        return Input(dataset=streamed)
    if not sources:
        raise DataError("nothing to parse: name photos, folders, parquet files or a dataset")
    if len(sources) == 1 and sources[0].startswith(HUB):
        streamed = HubDataset.of(sources[0], split=split, subset=subset)
        if streamed is not None:
            return Input(dataset=streamed)
    if subset is not None:
        raise DataError("--subset goes with a dataset of the Hub: --dataset ORG/NAME")
    tables = find_tables(sources)
    if not tables and not any(source.startswith(HUB) for source in sources):
        looked = look_for_photos(sources)
        return Input(photos=looked.photos, note=looked.skipped_note())
    _check_tables(sources, tables)
    return Input(tables=tables)


def _check_tables(sources: Sequence[str], tables: Mapping[str, StoragePath]) -> None:
    if not tables:
        raise DataError(f"{list(sources)} hold no {PARQUET} file")
    for source in sources:
        if not any(True for _ in StoragePath.of(source).tables()):
            raise DataError(
                f"'{source}' holds no {PARQUET} file: parse tables and pictures one after the other"
            )


def require_tables() -> None:
    """Checks that tables can be read and written.

    Raises:
        ConfigError: A package is missing.
    """
    for name in ("datasets", "pyarrow"):
        if find_spec(name) is None:
            raise ConfigError(
                f"tables and datasets need {name}: install it with "
                "`pip install 'segface-hf[tables]'`"
            )


@dataclass(frozen=True)
class JobPlan:
    """The rest of a job after earlier runs.

    Attributes:
        done: Rows of earlier runs, without masks.
        shards: What to parse, if it is known in advance.
        stream: What to stream instead.
        start: Its first row.
        count: Number of photos to parse; None if unknown.
    """

    done: list[Row]
    shards: list[Shard]
    stream: HubDataset | None = None
    start: int = 0
    count: int | None = None

    def items(self, *, column: str, rows: int) -> Iterator[ShardRow]:
        """Reads what is left to do."""
        if self.stream is not None:
            return rows_of_stream(self.stream, column=column, start=self.start, length=rows)
        return rows_of_shards(self.shards, column=column)


def plan(
    found: Input,
    out: StoragePath,
    settings: Mapping[str, Any],
    *,
    column: str,
    rows: int,
    overwrite: bool = False,
    split: bool = False,
) -> JobPlan:
    """Compares an input with the results that are there.

    Args:
        found: The input.
        out: Where results go.
        settings: Of the job.
        column: Of the photos.
        rows: Rows of a result file, about.
        overwrite: Removes results of the same sources first.
        split: Whether all shards must be known in advance. A dataset is then read as the parquet
            files that it consists of.

    Raises:
        DataError: The input can't be read, or a dataset has no parquet files.
        ConfigError: Earlier results have another number of rows a file.
    """
    if found.dataset is not None and not split:
        known, rows_done = (
            (0, []) if overwrite else done_of_stream(out, found.dataset, settings, column=column)
        )
        total = found.dataset.count()
        left = None if total is None else max(0, total - known)
        return JobPlan(rows_done, [], found.dataset, known, left)
    if found.dataset is not None:
        found = Input(tables=dataset_tables(found.dataset))
    shards = found.shards(column=column, rows=rows)
    finished = done(out, shards, settings, overwrite=overwrite)
    todo = [shard for shard in shards if shard.name not in finished]
    rows_done = [row for some in finished.values() for row in some]
    return JobPlan(rows_done, todo, count=sum(shard.stop - shard.start for shard in todo))


def dataset_tables(dataset: HubDataset) -> dict[str, StoragePath]:
    """Finds the parquet files of a dataset's split: those that are named after it, or else all.

    Raises:
        DataError: It has none, or none that is named after the subset.
    """
    revision = f"@{dataset.revision}" if dataset.revision else ""
    address = f"{HUB}datasets/{dataset.repo}{revision}"
    tables = find_tables([address])
    if not tables:
        raise DataError(
            f"'{address}' holds no parquet file, which many machines can share: stream it with "
            "--engine local, or take its copy @refs/convert/parquet"
        )
    if dataset.subset is not None:
        named = re.compile(rf"(^|[/._-]){re.escape(dataset.subset)}([/._-]|$)")
        tables = {name: place for name, place in tables.items() if named.search(str(place))}
        if not tables:
            raise DataError(
                f"no parquet file of '{address}' is named after the subset '{dataset.subset}': "
                "stream it with --engine local"
            )
    of_split = {name: place for name, place in tables.items() if dataset.split in name}
    return of_split or tables
