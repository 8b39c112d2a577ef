"""A queue that was written before, and the photos that its rows name."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.dataset.repo import DatasetRepo
from annotate.growth.queue import QueuedPhoto, bytes_of, dataset_of_photos
from annotate.rows.photo_hash import is_hash
from segface_hf.errors import DataError, SegFaceError, UnreachableError

MOST_ROWS = 100_000
_MOST_REASON = 200


def read_queue(source: str, *, token: str | None = None) -> tuple[QueuedPhoto, ...]:
    """Reads a queue that `python -m annotate queue` wrote, best first.

    Args:
        source: A file, or a file of a dataset repository as `org/name/path/queue.parquet`.
        token: To read a repository that is not public.

    Raises:
        DataError: It doesn't exist, or is not a queue.
        RemoteError: The Hub can't be asked.
    """
    try:
        stored = pq.ParquetFile(io.BytesIO(_bytes_of(source, token)))
        if stored.metadata.num_rows > MOST_ROWS:
            raise DataError(f"'{source}' has more than {MOST_ROWS:,} rows: rank fewer photos")
        rows = stored.read([each.name for each in fields(QueuedPhoto)]).to_pylist()
        return tuple(_checked(rows, source))
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        if isinstance(error, SegFaceError):
            raise
        raise _not_a_queue(source, str(error)) from error


def _bytes_of(source: str, token: str | None) -> bytes:
    if Path(source).is_file():
        return Path(source).read_bytes()
    parts = PurePosixPath(source).parts
    if len(parts) < 3 or source.startswith(("/", ".")):
        raise DataError(
            f"the queue '{source}' was not found: expected a parquet file, or "
            "org/name/file.parquet on the Hub"
        )
    data = DatasetRepo("/".join(parts[:2]), token=token).read("/".join(parts[2:]))
    if data is None:
        raise DataError(f"the dataset {parts[0]}/{parts[1]} has no file {'/'.join(parts[2:])}")
    return data


def _checked(rows: Sequence[dict[str, Any]], source: str) -> Iterator[QueuedPhoto]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row["photo"], str) or not is_hash(row["photo_hash"]):
            raise _not_a_queue(source, f"row {number} has no photo or no hash")
        yield QueuedPhoto(**{**row, "reason": str(row["reason"] or "")[:_MOST_REASON]})


def _not_a_queue(source: str, why: str) -> DataError:
    return DataError(f"'{source}' is not a queue ({why}): write it with `python -m annotate queue`")


class PhotoSource(Protocol):
    """Where the photos of a queue are."""

    def check(self, photo: str) -> None:
        """Checks the name of a photo without opening it.

        Raises:
            DataError: It is outside of this source.
        """

    def read(self, photo: str, *, most_bytes: int) -> bytes:
        """Returns an encoded photo.

        Raises:
            DataError: It is outside of this source, absent, or larger.
            UnreachableError: The Hub can't be asked.
        """


def photos_from(source: str, *, token: str | None = None) -> PhotoSource:
    """Returns the photos of a folder, or of a dataset on the Hub, named `org/name`.

    Raises:
        DataError: It is neither.
    """
    if Path(source).is_dir():
        return PhotoFolder(Path(source))
    if len(PurePosixPath(source).parts) == 2 and not source.startswith(("/", ".")):
        return PhotoDataset(source, token=token)
    raise DataError(f"'{source}' is neither a folder of photos nor a dataset named org/name")


class PhotoFolder:
    """Photos in a folder; nothing outside of it is read, also not over a link."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def check(self, photo: str) -> None:
        """See `PhotoSource`; links are followed only when the photo is read."""
        inside = (self._root / photo).is_relative_to(self._root)
        if not inside or ".." in Path(photo).parts or "\0" in photo:
            raise self._outside()

    def read(self, photo: str, *, most_bytes: int) -> bytes:
        """See `PhotoSource`."""
        self.check(photo)
        try:
            path = (self._root / photo).resolve(strict=True)
            if not path.is_relative_to(self._root):
                raise self._outside()
            with path.open("rb") as stream:
                return _bounded(stream.read(most_bytes + 1), most_bytes)
        except (OSError, RuntimeError) as error:
            raise DataError("a photo of the queue can't be read: write the queue again") from error

    def _outside(self) -> DataError:
        return DataError(
            "a photo of the queue is outside of the photos' folder: write the queue again with "
            "that folder as --photos"
        )


class PhotoDataset:
    """Photos in the column `image` of a dataset on the Hub, which is downloaded at first use."""

    def __init__(self, name: str, *, token: str | None = None) -> None:
        self._name, self._token = name, token
        self._rows: Any = None

    def check(self, photo: str) -> None:
        """See `PhotoSource`."""
        name, _, number = photo.rpartition("#")
        if name != self._name or not (number.isascii() and number.isdigit()):
            raise DataError(
                f"a photo of the queue is not of the dataset {self._name}: write the queue again "
                f"with --photos {self._name}"
            )

    def read(self, photo: str, *, most_bytes: int) -> bytes:
        """See `PhotoSource`."""
        self.check(photo)
        try:
            if self._rows is None:
                self._rows = dataset_of_photos(self._name, token=self._token)
            row = self._rows[int(photo.rpartition("#")[2])]
        except (OSError, RuntimeError) as error:
            raise UnreachableError("the photos of the queue can't be downloaded") from error
        except IndexError as error:
            raise DataError("a photo of the queue is absent: write the queue again") from error
        return _bounded(bytes_of(row), most_bytes)


def _bounded(data: bytes, most: int) -> bytes:
    if len(data) > most:
        raise DataError(f"a photo of the queue has more than {most:,} bytes: make it smaller")
    return data
