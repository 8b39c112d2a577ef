"""Whole files: written beside their place and renamed, so that a crash leaves no half of one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, save: Callable[[Path], object]) -> None:
    """Lets a function save a file, which then appears as a whole, or not at all.

    Args:
        path: Where the file goes; its folder is created.
        save: Writes to the path that it is given.

    Raises:
        OSError: It can't be written; nothing has changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short: the file's own name may be as long as the system allows.
    partial = path.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        save(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
