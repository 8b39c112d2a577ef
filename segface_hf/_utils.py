"""Whole files: written beside their place and renamed, so that a crash leaves no half of one."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun: `1 face`, `12,000 faces`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# What systems say that have no way to make a folder durable.
_UNABLE = (errno.EINVAL, errno.ENOTSUP)


def atomic_write(path: Path, save: Callable[[Path], object], *, durable: bool = False) -> None:
    """Lets a function save a file, which then appears as a whole, or not at all.

    Args:
        path: Where the file goes; its folder is created.
        save: Writes to the path that it is given.
        durable: Return only when the file would survive a power cut, which takes milliseconds.

    Raises:
        OSError: It can't be written: the old file is there, or, where it was the folder that
            could not be made durable, the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short: the file's own name may be as long as the system allows.
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        save(partial)
        if durable:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename durable; some systems can't do that to folders, and do without."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
    finally:
        os.close(handle)
