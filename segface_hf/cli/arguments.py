"""Values of command lines: refused before any work, with what was expected."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from segface_hf.errors import ConfigError, OutputError

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")

DTYPES = ("float32", "float16")


def whole(least: int) -> Callable[[str], int]:
    """Returns an argument type: a whole number of at least so much."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, got {text}")
        return value

    return read


def share(text: str) -> float:
    """An argument type: a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text}")
    return value


def finite(text: str) -> float:
    """An argument type: a number that is one, and not without end."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a finite number, got {text}")
    return value


def check_device(name: str) -> None:
    """Makes sure that a model can run there.

    Raises:
        ConfigError: It can't.
    """
    import torch

    try:
        torch.zeros(1, device=name)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        raise ConfigError(
            f"no model can run on '{name}' here ({str(error).splitlines()[0]}): leave out --device "
            "for the processor, or name a device that torch finds, such as cuda:0 or mps"
        ) from error


def check_picture(path: str | Path | None) -> None:
    """Makes sure that a file's name says a kind of picture, before the work that draws it.

    Raises:
        ConfigError: It doesn't.
    """
    if path and Path(path).suffix.lower() not in _PICTURES:
        raise ConfigError(f"'{path}' has no picture's suffix: name it .png or .jpg")


def check_files(*paths: str | Path | None) -> None:
    """Makes sure that files can be written, before the work that fills them.

    Raises:
        OutputError: One can't.
    """
    for path in (Path(name) for name in paths if name):
        was_there = path.exists()
        try:
            with path.open("ab"):
                pass
            if not was_there:
                path.unlink()
        except OSError as error:
            raise OutputError(
                f"can't write '{path}' ({error.strerror}): choose a file in a folder that is there "
                "and can be written"
            ) from error
