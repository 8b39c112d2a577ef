"""Limits on what a parquet file unpacks to, checked before it is unpacked.

A footer is untrusted, so the headers of the pages are read, which the reader uses.

Source:
    Apache Parquet, "Parquet file format" and parquet.thrift; Apache Thrift, "Thrift compact
    protocol encoding".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow.parquet as pq

from annotate.errors import RecordError

LEAST_ROW = 100  # bytes: two ids and a hash take more, even without three images
MOST_ITEMS = 4096  # entries of a list: classes, or tools
MOST_TIMES = 4  # a PNG file hardly packs further
SPARED_IMAGES, SPARED = (
    32 * 2**20,
    64 * 1024,
)  # bytes that any column may unpack to; other columns: by row
_HEADER, _FOOTER = 32 * 1024, 16 * 2**20
_DATA, _DICTIONARY = 0, 2
_ENCODINGS = (0, 2, 3, 8)  # plain, run lengths, dictionaries: each value takes its own size
_FALSE, _TRUE, _WHOLE, _BINARY, _LIST, _STRUCT = 2, 1, (3, 4, 5, 6), 8, 9, 12


class Stream(Protocol):
    """A file with random access."""

    def read(self, size: int = -1, /) -> Any:
        """Returns the next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Sets the position."""


@dataclass(frozen=True)
class RowGroup:
    """A row group: its rows, and first byte and length of each column."""

    rows: int
    chunks: tuple[tuple[int, int], ...]


def groups_of(
    stream: Stream, *, size: int, source: str, most: int | None = None
) -> tuple[RowGroup, ...]:
    """Returns the row groups of a parquet file, after checking how many rows they have.

    Args:
        stream: The file.
        size: Its bytes.
        source: Its name in errors.
        most: The most rows to allow; None allows as many as the file's size can hold.

    Raises:
        RecordError: There are too many rows, or the footer is damaged.
    """
    stream.seek(size - 8)
    length = int.from_bytes(stream.read(4), "little")
    if length > min(size - 8, _FOOTER):
        raise RecordError(f"{source} has a footer of {length} bytes, at most {_FOOTER} are read")
    stream.seek(size - 8 - length)
    footer = _Thrift(stream.read(length), source=source)
    try:
        groups = tuple(_group(held) for held in footer.struct()[4])
    except (KeyError, TypeError, AttributeError) as error:
        raise footer.unknown() from error
    rows = sum(group.rows for group in groups)
    most = size // LEAST_ROW if most is None else most
    if rows > most or len(groups) > max(rows, 1):
        raise RecordError(
            f"{source} says it has {rows} rows in {len(groups)} groups, at most {most} are read"
        )
    return groups


def _group(held: dict[int, Any]) -> RowGroup:
    chunks = []
    for column in held[1]:
        about = column[3]
        start, table = about[9], about.get(11) or 0
        chunks.append((table if 0 < table < start else start, about[7]))
    if min(held[3], *(min(chunk) for chunk in chunks)) < 0:
        raise TypeError("a negative size")
    return RowGroup(held[3], tuple(chunks))


def check_group(
    stream: Stream,
    group: RowGroup,
    *,
    schema: pq.ParquetSchema,
    source: str,
    columns: Collection[str] | None = None,
) -> None:
    """Checks that a row group unpacks to a bounded size.

    Args:
        stream: The file.
        group: Which group.
        schema: The columns of the file.
        source: Its name in errors.
        columns: Names of the columns that will be read; None for all.

    Raises:
        RecordError: It is too large, or a page is of a kind that this project doesn't write.
    """
    if len(group.chunks) != len(schema):
        raise RecordError(f"{source} holds a row group without all columns")
    for index, (start, packed) in enumerate(group.chunks):
        column = schema.column(index)
        if columns is not None and column.path.split(".")[0] not in columns:
            continue
        spared = SPARED_IMAGES if column.path.endswith(".bytes") else SPARED * group.rows
        most = group.rows * (MOST_ITEMS if column.max_repetition_level else 1)
        unpacked, values = _measured(stream, start, start + packed, source=source)
        if unpacked > max(spared, MOST_TIMES * packed) or values > most:
            raise RecordError(
                f"{source} would unpack {column.path} from {packed} to {unpacked} bytes or "
                f"{values} values: it is not read"
            )


def _measured(stream: Stream, at: int, end: int, *, source: str) -> tuple[int, int]:
    """Returns the bytes that the pages of a column unpack to, and their number of values."""
    unpacked = values = listed = 0
    while at < end:
        stream.seek(at)
        thrift = _Thrift(stream.read(min(_HEADER, end - at)), source=source)
        page = thrift.struct()
        kind, size, packed = (page.get(field, -1) for field in (1, 2, 3))
        about = page.get({_DATA: 5, _DICTIONARY: 7}.get(kind, 0))
        if not isinstance(about, dict) or about.get(2) not in _ENCODINGS:
            raise RecordError(f"{source} holds a page of a kind that is not read")
        count = about.get(1, -1)
        if min(size, packed, count) < 0:
            raise RecordError(f"{source} holds a page without a size")
        values, listed = (values + count, listed) if kind == _DATA else (values, listed + count)
        unpacked += size
        at += thrift.at + packed
    return unpacked, max(values, listed)


class _Thrift:
    """Reads the kinds of fields that a footer and the header of a page have.

    pyarrow reads footers too, but some damaged ones end the whole process.
    """

    def __init__(self, data: bytes, *, source: str) -> None:
        self._data = data
        self._source = source
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Returns the fields of a struct by their numbers."""
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._whole()
            if number in fields or not 0 < number < 64 or depth > 8:
                raise self.unknown()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _WHOLE:
            return self._byte() if kind == _WHOLE[0] else self._whole()
        if kind == _BINARY:
            length = self._varint()
            self.at += length
            return None
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _LIST:
            head = self._byte()
            if head & 15 in (_TRUE, _FALSE):
                raise self.unknown()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            return [self._value(head & 15, depth) for _ in range(count)]
        raise self.unknown()

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise self.unknown()
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise self.unknown()

    def _whole(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def unknown(self) -> RecordError:
        """Returns the error for bytes that can't be read."""
        return RecordError(f"{self._source} is not a whole parquet file (its footer or a page)")
