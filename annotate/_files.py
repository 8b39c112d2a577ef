"""Durable files: a file is complete and on the disk, or absent."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from annotate.errors import StoreError
from segface_hf._utils import atomic_write

try:
    import fcntl
except ImportError:  # Windows: nothing there checks that only one sender runs
    fcntl = None  # type: ignore[assignment]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_STALE = 3600.0  # seconds after which an unfinished file belongs to a write that was killed


def log_unexpected(log: logging.Logger, error: Exception) -> None:
    """Logs type and location only; the message may contain pixels or a token."""
    steps = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{Path(step.filename).name}:{step.lineno}" for step in reversed(steps))
    log.error("unexpected %s at %s", type(error).__name__, where)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a file that only its owner may read; returns when it would survive a power cut.

    Unfinished files of earlier writes that were killed are removed from the folder.

    Raises:
        StoreError: The folder can't be written or the disk is full.
    """

    def save(partial: Path) -> None:
        with open(partial, "xb", opener=_private) as file:
            file.write(data)

    try:
        atomic_write(path, save, durable=True)
        remove_unfinished(path.parent)
    except OSError as error:
        raise store_error(path.parent, error) from error


def remove_unfinished(folder: Path, *, below: bool = False) -> None:
    """Removes the files that killed writes left in a folder, or also in the folders below it."""
    for path in (folder.rglob if below else folder.glob)(".*.part"):
        with suppress(OSError):  # another process may remove it first
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def store_error(folder: Path, error: OSError) -> StoreError:
    """Returns the error that says why a folder can't be written, and what to do."""
    if error.errno in _FULL:
        return StoreError(f"the disk of {folder} is full: free some space and save again")
    if error.errno in _FORBIDDEN:
        return StoreError(f"the folder {folder} can't be written: allow it or choose another")
    return StoreError(f"the folder {folder} can't be written ({error.strerror or error})")


@contextmanager
def only_one(file: Path, stopping: threading.Event) -> Iterator[None]:
    """Holds a lock that the system releases even when the process is killed.

    Args:
        file: The lock file.
        stopping: When set, waiting for another process ends without the lock.
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
