"""Shards: the parts of a job that one machine reads, parses and writes as a whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import IO, Any

from segface_hf.errors import DataError, SegFaceError
from segface_hf.jobs.photos import Photo
from segface_hf.jobs.storage import StoragePath

STAMP = b"segface"  # metadata key under which a result file records how it was made
# A row group longer than this many shards is cut; shorter ones are read as a whole.
_LARGE_GROUP = 4


@dataclass(frozen=True)
class Shard:
    """Consecutive rows of one source, or some photos, whose results make one parquet file.

    Attributes:
        name: Of its results, relative, without a suffix; unique in a job.
        source: The parquet file as path or `hf://` address, the dataset's split, or the folder.
        start: First row.
        stop: Last row + 1.
        photos: The photos themselves if the source is not a table.
        column: Of a table's photos.
        content: Hash of the table's content, so that a rewritten table is noticed.
    """

    name: str
    source: str
    start: int
    stop: int
    photos: tuple[Photo, ...] = ()
    column: str = ""
    content: str = ""

    def to_json(self) -> str:
        """Returns the shard as text; photos must be files."""
        photos = [[str(photo.path), photo.name] for photo in self.photos]
        place = [self.name, self.source, self.start, self.stop]
        return json.dumps([*place, photos, self.column, self.content])

    @classmethod
    def from_json(cls, text: str) -> Shard:
        """Reads what `to_json` wrote."""
        name, source, start, stop, photos, column, content = json.loads(text)
        files = tuple(Photo(Path(path), called) for path, called in photos)
        return cls(name, source, start, stop, files, column, content)


def find_tables(sources: Sequence[str]) -> dict[str, StoragePath]:
    """Expands parquet files, folders and patterns, local or `hf://`, each table once.

    Args:
        sources: Paths, patterns or addresses.

    Returns:
        Relative names without a suffix, and where the tables are; empty where a source is of
        another kind.

    Raises:
        DataError: A folder that holds both pictures and tables.
    """
    found: dict[str, StoragePath] = {}
    for source in sources:
        for relative, place in StoragePath.of(source).tables():
            if any(place == other for other in found.values()):
                continue
            name, number = relative, 1
            while name in found:
                number += 1
                name = f"{relative}_{number}"
            found[name] = place
    return found


def table_shards(
    tables: Mapping[str, StoragePath], *, rows: int, column: str
) -> tuple[list[Shard], dict[str, SegFaceError]]:
    """Cuts tables into shards of about so many rows, along their groups of rows where it can.

    Returns:
        The shards, and the tables that can't be used with the error of each.

    Raises:
        DataError: None of them can be used.
    """
    shards: list[Shard] = []
    failed: dict[str, SegFaceError] = {}
    for name, place in tables.items():
        try:
            sizes, content = _looked_at(place, column)
        except DataError as error:
            failed[str(place)] = error
            continue
        shards += [
            Shard(f"{name}-{a:07}", str(place), a, b, column=column, content=content)
            for a, b in _ranges(sizes, rows)
        ]
    if failed and not shards:
        raise next(iter(failed.values()))
    return shards, failed


def photo_shards(photos: Sequence[Photo], *, rows: int) -> list[Shard]:
    """Cuts a list of photos into shards."""
    starts = range(0, len(photos), rows)
    return [
        Shard(f"photos-{start:07}", "photos", start, start + len(part), part)
        for start in starts
        for part in [tuple(photos[start : start + rows])]
    ]


def photos_of(shard: Shard, *, column: str) -> Iterator[Photo | SegFaceError]:
    """Reads a shard's photos, a few at a time, not yet decoded.

    Yields:
        Photos; an error for each row that can't be read from a damaged table.
    """
    if shard.photos:
        yield from shard.photos
        return
    count = 0
    try:
        for photo in _rows_of(shard, column):
            count += 1
            yield photo
    except DataError as error:
        yield from [error] * (shard.stop - shard.start - count)


def _rows_of(shard: Shard, column: str) -> Iterator[Photo]:
    import pyarrow.parquet as pq

    place, name = StoragePath.of(shard.source), shard.name.rpartition("-")[0]
    with place.reading(), place.open() as stream, pq.ParquetFile(stream) as table:
        groups, first = _groups_around(_sizes(table), shard)
        batches = table.iter_batches(batch_size=8, row_groups=groups, columns=[column])
        values = (value for batch in batches for value in batch.column(0).to_pylist())
        wanted = islice(values, shard.start - first, shard.stop - first)
        for row, value in enumerate(wanted, start=shard.start):
            yield photo_of_row(value, place, row=row, name=name)


def _sizes(table: Any) -> list[int]:
    return [table.metadata.row_group(i).num_rows for i in range(table.num_row_groups)]


def _groups_around(sizes: Sequence[int], shard: Shard) -> tuple[list[int], int]:
    """The row groups that contain a shard, and the number of their first row."""
    starts = [0, *accumulate(sizes)]
    groups = [
        index
        for index, size in enumerate(sizes)
        if starts[index] < shard.stop and starts[index] + size > shard.start
    ]
    return groups, starts[groups[0]] if groups else 0


def photo_of_row(value: object, place: StoragePath, *, row: int, name: str) -> Photo:
    """Takes a cell: encoded bytes, `datasets`' struct of bytes and path, or a relative path.

    Args:
        value: The cell.
        place: The table's.
        row: The row's number.
        name: The table's in the results.
    """
    data = (value.get("bytes") or value.get("path")) if isinstance(value, dict) else value
    if isinstance(data, str):
        data = place.beside(data)
    given = data if isinstance(data, bytes) else b""
    return Photo(Path(f"{place}#{row}"), f"{name}/{row:07}", given, row)


def missing_photo(shard: Shard, row: int) -> Photo:
    """Names the photo of a row that could not be read."""
    name = shard.name.rpartition("-")[0]
    return Photo(Path(f"{shard.source}#{row}"), f"{name}/{row:07}", b"", row)


def _looked_at(place: StoragePath, column: str) -> tuple[list[int], str]:
    """The number of rows in each of a table's groups, and the hash of its content."""
    import pyarrow.parquet as pq

    with place.reading(), place.open() as stream, pq.ParquetFile(stream) as table:
        schema, sizes, content = table.schema_arrow, _sizes(table), _content(stream, place)
    if column not in schema.names and STAMP in (schema.metadata or {}):
        return [], ""  # an earlier run left it in the folder
    check_column(column, schema.names, source=str(place))
    return sizes, content


def _content(stream: IO[bytes], place: StoragePath) -> str:
    """Hashes a table's footer, which holds all offsets, and samples of a local file."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(size - 8)
    footer = int.from_bytes(stream.read(4), "little") + 8
    stream.seek(max(0, size - footer))
    digest = hashlib.sha256(stream.read())
    if not place.is_remote:
        digest.update(Photo(Path(place.address), "").fingerprint().encode())
    return f"{size}:{digest.hexdigest()}"


def check_column(column: str, names: Iterable[str], *, source: str) -> None:
    """Checks that a table has the column of photos.

    Raises:
        DataError: It doesn't; the message lists what it has.
    """
    if column not in names:
        raise DataError(
            f"'{source}' has no column '{column}', it has {sorted(names)}: "
            "name the one that holds the photos with --image-column"
        )


def _ranges(sizes: Sequence[int], rows: int) -> Iterator[tuple[int, int]]:
    """Whole groups until there are enough rows; only large groups are cut."""
    start = stop = 0
    for size in sizes:
        if size > _LARGE_GROUP * rows:
            if stop > start:
                yield start, stop
            cuts = range(stop, stop + size, rows)
            yield from ((cut, min(cut + rows, stop + size)) for cut in cuts)
            start = stop = stop + size
            continue
        stop += size
        if stop - start >= rows:
            yield start, stop
            start = stop
    if stop > start:
        yield start, stop
