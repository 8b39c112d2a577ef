"""Reading parts of a dataset's file, so that a large file never has to be in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from annotate.dataset.base import DatasetFiles
from annotate.rows.record import row_groups

TAIL = (
    64 * 1024
)  # what pyarrow asks for at once; the footer and the columns beside images take 16 kB
MOST_AT_ONCE = 64 * 2**20


def rows_in(
    dataset: DatasetFiles, path: str, *, revision: str = "main"
) -> Iterator[dict[str, Any]]:
    """Yields the rows of a file of any size with their images, keeping one row group in memory.

    Raises:
        FileNotFoundError: The file does not exist.
        RemoteError: The Hub can't be asked.
        RecordError: It is not a parquet file of this record version.
    """
    with RangedFile(dataset, path, revision) as stream:
        for group in row_groups(stream, size=stream.size, source=path):
            yield from group


class RangedFile(io.RawIOBase):
    """A file of which only the requested parts are fetched.

    Attributes:
        size: Bytes of the whole file.
    """

    def __init__(self, dataset: DatasetFiles, path: str, revision: str) -> None:
        super().__init__()
        self._of = {"path": path, "revision": revision}
        self._dataset = dataset
        tail, size = dataset.read_part(**self._of, span=f"-{TAIL}")
        self.size = len(tail) if size is None else size
        self._parts = [(self.size - len(tail), tail)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self.size - self._at))
        for done in range(0, count, MOST_AT_ONCE):
            part = min(MOST_AT_ONCE, count - done)
            buffer[done : done + part] = self._bytes(self._at + done, part)
        self._at += count
        return count

    def _bytes(self, start: int, count: int) -> bytes:
        for first, data in self._parts:
            if first <= start and start + count <= first + len(data):
                return data[start - first : start - first + count]
        last = min(self.size, max(start + count, start + TAIL)) - 1
        data, _ = self._dataset.read_part(**self._of, span=f"{start}-{last}")
        if len(data) <= TAIL:  # images are read once, the other columns many times
            self._parts.append((start, data))
        return data[:count]
