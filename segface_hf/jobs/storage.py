"""StoragePath: a file or folder, local or at an `hf://` address, with the same methods."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from segface_hf._utils import atomic_write
from segface_hf.errors import DataError, OutputError, SegFaceError, UnreachableError
from segface_hf.hub_client import HUB, file_system, hub_errors, is_transient, refusal, upload
from segface_hf.images import SUFFIXES
from segface_hf.jobs.photos import check_output

PARQUET = ".parquet"


@dataclass(frozen=True)
class StoragePath:
    """A file or folder, local or on the Hub.

    Attributes:
        address: A local path or an `hf://` address.
    """

    address: str

    @classmethod
    def of(cls, address: str | Path) -> StoragePath:
        """Takes a path or an address."""
        return cls(str(address))

    def __str__(self) -> str:
        return self.address

    @property
    def is_remote(self) -> bool:
        """Whether it is on the Hub."""
        return self.address.startswith(HUB)

    def __truediv__(self, name: str) -> StoragePath:
        if self.is_remote:
            return StoragePath(f"{self.address.rstrip('/')}/{name}")
        return StoragePath(str(Path(self.address) / name))

    def open(self) -> IO[bytes]:
        """Opens the file for reading."""
        if self.is_remote:
            return cast("IO[bytes]", file_system().open(self.address, "rb"))
        return open(self.address, "rb")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Converts errors of reading inside the block to errors of this package.

        Raises:
            UnreachableError: The failure is temporary.
            DataError: It can't be read.
        """
        import pyarrow as pa

        try:
            yield
        except SegFaceError:
            raise
        except (*hub_errors(), pa.ArrowException) as error:
            if self.is_remote and is_transient(error):
                raise UnreachableError(
                    f"'{self}' can't be read at the moment: {error}. What is done is kept: run the "
                    "same command again to resume"
                ) from error
            raise DataError(f"'{self}' can't be read: {error}") from error
        except ValueError as error:
            raise DataError(f"{self.address!r:.300} is not a valid path: {error!s:.100}") from error

    def write(self, data: bytes) -> None:
        """Writes the file so that it is either absent or complete; on the Hub that is one commit.

        Raises:
            OutputError: It can't be written.
        """
        try:
            if self.is_remote:
                upload(self.address, data)
            else:
                atomic_write(Path(self.address), lambda path: path.write_bytes(data))
        except hub_errors() as error:
            raise OutputError(
                f"can't write '{self}': {error}. What was written before is kept: run the same "
                "command again to resume"
            ) from error

    def check(self) -> None:
        """Checks that files can be written below it.

        Raises:
            OutputError: The folder can't be written, or the repository doesn't exist.
        """
        if not self.is_remote:
            check_output(Path(self.address))
            return
        try:
            why: object = refusal(self.address)
        except hub_errors() as error:
            why = error
        if why is not None:
            raise OutputError(
                f"can't write to '{self}': {why}. Create the dataset first with "
                "`hf repo create --repo-type dataset`, and log in with `hf auth login`"
            )

    def remove(self) -> None:
        """Removes the file."""
        if self.is_remote:
            file_system().rm_file(self.address)
        else:
            Path(self.address).unlink(missing_ok=True)

    def beside(self, path: str) -> bytes:
        """Reads the file that a table's cell names, relative to the table; empty if it isn't one.

        A table may not reach outside its own folder.
        """
        parts = PurePosixPath(path).parts
        if not path or path.startswith("/") or ".." in parts:
            return b""
        folder = StoragePath(self.address.rpartition("/")[0] or ".")
        file = folder / path
        try:
            with file.reading(), file.open() as stream:
                return stream.read()
        except DataError:
            return b""

    def tables(self) -> Iterator[tuple[str, StoragePath]]:
        """Yields the parquet files of a file, folder or pattern, with relative names.

        Raises:
            DataError: A folder that holds pictures as well, or an address that can't be read.
        """
        if self.is_remote:
            yield from self._remote_tables()
            return
        path = Path(self.address)
        if path.is_dir():
            yield from self._tables_below(path)
        elif path.suffix.lower() == PARQUET or self.address.lower().endswith(PARQUET):
            names = glob.glob(self.address, recursive=True) if not path.exists() else [self.address]
            if not names:
                raise DataError(f"no such file '{self}': check the path")
            for name in sorted(names):
                yield Path(name).stem, StoragePath(name)

    def _tables_below(self, folder: Path) -> Iterator[tuple[str, StoragePath]]:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        tables = [path for path in files if path.suffix.lower() == PARQUET]
        if tables and any(path.suffix.lower() in SUFFIXES for path in files):
            raise DataError(
                f"'{self}' holds both pictures and parquet files: name either with a pattern, "
                f"such as '{self}/*{PARQUET}'"
            )
        for path in tables:
            yield path.relative_to(folder).with_suffix("").as_posix(), StoragePath(str(path))

    def _remote_tables(self) -> Iterator[tuple[str, StoragePath]]:
        hub = file_system()
        pattern = self.address
        if not pattern.endswith(PARQUET):
            pattern = f"{pattern.rstrip('/')}/**/*{PARQUET}"
        with self.reading():
            names = sorted(hub.glob(pattern))
        for name in names:
            below = str(hub.resolve_path(name).path_in_repo)
            yield str(PurePosixPath(below).with_suffix("")), StoragePath(HUB + name)

    def listed(self) -> dict[str, StoragePath]:
        """Returns the parquet files below a folder by their names without a suffix."""
        if not self.is_remote:
            found = sorted(Path(self.address).rglob(f"*{PARQUET}"))
            names = [path.relative_to(self.address).with_suffix("").as_posix() for path in found]
            return dict(zip(names, (StoragePath(str(path)) for path in found), strict=True))
        hub = file_system()
        hub.invalidate_cache()
        root = hub.resolve_path(self.address).unresolve().rstrip("/") + "/"
        paths = hub.glob(f"{self.address.rstrip('/')}/**/*{PARQUET}")
        names = [path.removeprefix(root).removesuffix(PARQUET) for path in sorted(paths)]
        return {name: self / f"{name}{PARQUET}" for name in names}
