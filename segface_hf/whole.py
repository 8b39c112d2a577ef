"""Whole files: written beside their place and renamed, so that a crash leaves no half of one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, save: Callable[[Path], object], *, durable: bool = False) -> None:
    """Lets a function save a file, which then appears as a whole, or not at all.

    Args:
        path: Where the file goes; its folder is created.
        save: Writes to the path that it is given.
        durable: Return only when the file would survive a power cut, which takes milliseconds.

    Raises:
        OSError: It can't be written; nothing has changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short: the file's own name may be as long as the system allows.
    partial = path.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        save(partial)
        if durable:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


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
