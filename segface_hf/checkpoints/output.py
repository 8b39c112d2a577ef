"""Output folders that are written completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from segface_hf.checkpoints import files
from segface_hf.errors import OutputError

_OUTPUT_FILES = frozenset({files.CONFIG_FILE, files.WEIGHTS_FILE, files.CARD_FILE})


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a converted checkpoint; folders appear complete or not at all."""
    return (folder / files.CONFIG_FILE).is_file() and (folder / files.WEIGHTS_FILE).is_file()


def check_target(out: Path) -> None:
    """Checks that a folder can be written and holds only an earlier result.

    Raises:
        OutputError: It is a file, the current folder, or a folder with other files, or nothing
            can be written around it.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file: give a folder")
    if out.resolve() == Path.cwd():
        raise OutputError(f"{out} is the current folder, which can't be replaced: give a new one")
    present = {path.name for path in out.iterdir()} if out.is_dir() else set()
    others = sorted(present - _OUTPUT_FILES)
    if others:
        raise OutputError(f"{out} holds other files ({others[:3]}): give a new or empty folder")
    around = next(path for path in out.absolute().parents if path.exists())
    if not around.is_dir() or not os.access(around, os.W_OK | os.X_OK):
        raise OutputError(
            f"can't write to {around}: choose another folder, or change its permissions"
        )


@contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """Yields a temporary folder that is renamed to `out` when the block ends without an error."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for stale in out.parent.glob(f".{out.name}.*.partial"):
            shutil.rmtree(stale)
        partial = out.parent / f".{out.name}.{os.getpid()}.partial"
        partial.mkdir()
    except OSError as error:
        raise OutputError(f"can't write next to {out}: {error}") from error
    try:
        yield partial
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"can't write {out}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
