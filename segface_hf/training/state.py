"""The saved state of a run: written atomically, and checked before a run resumes from it."""

from __future__ import annotations

import io
import math
import pickle
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from segface_hf.errors import CheckpointError
from segface_hf.training.report import write_atomically

STATE_FILE = "state.pt"

_DAMAGED = (
    RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, OSError, EOFError,
    NotImplementedError, OverflowError, MemoryError, pickle.UnpicklingError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_random_state(value: Any) -> bool:
    own = torch.get_rng_state()
    return isinstance(value, torch.Tensor) and value.dtype == own.dtype and value.shape == own.shape


# Key -> what it must be, in words and as a check.
_REQUIRED: Mapping[str, tuple[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "recipe": ("a mapping", _is_mapping),
        "step": ("a number of steps, 0 or more", _is_count),
        "best": ("a finite number", _is_finite),
        "seconds": ("a finite number", _is_finite),
        "precision": ("'fp32' or 'bf16'", lambda value: value in ("fp32", "bf16")),
        "model": ("a mapping", _is_mapping),
        "average": ("a mapping", _is_mapping),
        "optimizer": ("a mapping", _is_mapping),
        "random": ("a random state", _is_random_state),
    }
)
# States of older versions lack these.
_OPTIONAL: Mapping[str, tuple[str, Callable[[Any], bool]]] = MappingProxyType(
    {"sources": ("a mapping", _is_mapping), "validation": ("a mapping", _is_mapping)}
)


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Saves a run's state of tensors and plain values, with a checksum of each record.

    Tensors of any device are loaded on the processor again.

    Raises:
        OutputError: The folder can't be written.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any] | None:
    """Loads a state by `save_state`; None if the file doesn't exist.

    Raises:
        CheckpointError: The file is damaged, or is not the state of a run.
    """
    if not path.exists():
        return None
    try:
        # torch.save writes a ZIP archive with a CRC-32 of each record; torch.load ignores it.
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        raise CheckpointError(
            f"{path} is damaged ({error}): remove it to start the run from its beginning"
        ) from error
    check_state(state, path)
    return dict(state)


def check_state(state: Any, path: Path) -> None:
    """Checks the keys of a state and the kinds of their values.

    Raises:
        CheckpointError: A key is missing or unknown, or a value is of another kind.
    """
    remedy = "remove it to start the run from its beginning"
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path} is not the state of a run: {remedy}")
    known = {**_REQUIRED, **_OPTIONAL}
    missing = sorted(_REQUIRED.keys() - state.keys())
    unknown = sorted(str(key) for key in state if key not in known)
    if missing or unknown:
        raise CheckpointError(
            f"{path} is not the state of a run: it lacks {missing} and has unknown keys {unknown}; "
            f"{remedy}"
        )
    for key, value in state.items():
        kind, fits = known[key]
        if not fits(value):
            shown = repr(value)[:60]
            raise CheckpointError(f"'{key}' in {path} must be {kind}, got {shown}: {remedy}")
