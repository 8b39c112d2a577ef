"""Durable files: a file is either whole and on the disk, or not there at all."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from annotate.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows: one app runs one courier there, and nothing checks it
    fcntl = None  # type: ignore[assignment]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
TEMPORARY = ".part-"


def write_durably(path: Path, data: bytes) -> None:
    """Writes a whole file and returns when it would survive a power cut.

    A crash at any moment leaves the old file or the new one, and at worst a stray temporary
    file whose name starts with `TEMPORARY`.

    Raises:
        StoreError: The folder can't be written or the disk is full; nothing has changed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise store_error(path.parent, error) from error


def _sync_folder(folder: Path) -> None:
    """Makes a rename durable; some systems can't open folders and do without."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def store_error(folder: Path, error: OSError) -> StoreError:
    """Says what a failed write means for the person, and what to do."""
    if error.errno in _FULL:
        return StoreError(f"the disk of {folder} is full: free some space and save again")
    if error.errno in _FORBIDDEN:
        return StoreError(f"the folder {folder} can't be written: allow it or choose another")
    return StoreError(f"the folder {folder} can't be written ({error.strerror or error})")


@contextmanager
def only_one(file: Path, stopping: threading.Event) -> Iterator[None]:
    """Holds a lock that the system releases even when the process is killed.

    Args:
        file: The lock.
        stopping: Ends the waiting for another process, without the lock.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("wb") as lock:
        while fcntl is not None and not stopping.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                stopping.wait(1.0)
        yield
