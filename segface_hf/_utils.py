"""Small shared helpers: atomic file writes, counted nouns, a check of torch devices."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segface_hf.errors import ConfigError, says_what_to_install

if TYPE_CHECKING:
    import torch


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun: `1 face`, `12,000 faces`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def check_device(device: str | torch.device) -> None:
    """Checks that torch can use a device; `cpu` is always there and needs no torch.

    Raises:
        ConfigError: It can't, such as `cuda` without a driver.
        MissingPackageError: torch is not installed.
    """
    if str(device) == "cpu":
        return
    with says_what_to_install():
        import torch
    try:
        torch.zeros(1, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        raise ConfigError(
            f"no model can run on '{device}' here ({str(error).splitlines()[0]}): leave the device "
            "out to use the processor, or name one that torch finds, such as cuda:0 or mps"
        ) from error


# Errors of systems that can't make a folder durable.
_UNABLE = (errno.EINVAL, errno.ENOTSUP)


def atomic_write(path: Path, save: Callable[[Path], object], *, durable: bool = False) -> None:
    """Writes a file completely or not at all: to a temporary name, which is then renamed.

    Args:
        path: The file; its folder is created.
        save: Writes the content to the path that it is given.
        durable: Whether to return only when the file would survive a power cut, which takes
            milliseconds.

    Raises:
        OSError: It can't be written. The old file is still there; or the new one, if only its
            folder could not be made durable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A short name: the file's own may be as long as the system allows.
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
    """Makes a rename durable, on systems that can do so."""
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
