"""Argument types and checks of command lines. Bad values are refused before any work."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from segface_hf.errors import ConfigError, OutputError

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")

DTYPES = ("float32", "float16")


def whole(least: int) -> Callable[[str], int]:
    """Returns an argument type: a whole number of at least `least`."""

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
    """An argument type: a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a finite number, got {text}")
    return value


def check_picture(path: str | Path | None) -> None:
    """Checks that a file name ends like a picture's, before the work that draws it.

    Raises:
        ConfigError: It doesn't.
    """
    if path and Path(path).suffix.lower() not in _PICTURES:
        raise ConfigError(f"'{path}' does not end like a picture: name it .png or .jpg")


def check_files(*paths: str | Path | None) -> None:
    """Checks that files can be written, before the work that fills them.

    Raises:
        OutputError: One can't.
    """
    for path in (Path(name) for name in paths if name):
        try:
            was_there = path.exists()
            with path.open("ab"):
                pass
            if not was_there:
                path.unlink()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"can't write {str(path)!r:.300} ({reason!s:.100}): choose a file in a "
                "folder that exists and can be written"
            ) from error
