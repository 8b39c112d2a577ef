"""Durable files: a file is either whole and on the disk, or not there at all."""

from __future__ import annotations

import errno
import logging
import os
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotate.errors import StoreError
from segface_hf._utils import atomic_write


def log_unexpected(log: logging.Logger, error: Exception) -> None:
    """Logs what it is and where, and not what it says: that may hold pixels or a token."""
    steps = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{Path(step.filename).name}:{step.lineno}" for step in reversed(steps))
    log.error("unexpected %s at %s", type(error).__name__, where)


try:
    import fcntl
except ImportError:  # Windows: one app runs one sender there, and nothing checks it
    fcntl = None  # type: ignore[assignment]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_durably(path: Path, data: bytes) -> None:
    """Writes a whole file, for its owner only, and returns when it would survive a power cut.

    Raises:
        StoreError: The folder can't be written or the disk is full.
    """

    def save(partial: Path) -> None:
        with open(partial, "xb", opener=_private) as file:
            file.write(data)

    try:
        atomic_write(path, save, durable=True)
    except OSError as error:
        raise store_error(path.parent, error) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


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
