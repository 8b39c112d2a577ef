"""State: everything a run needs to go on bit for bit after a kill, written atomically."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segface_hf._utils import write_whole
from segface_hf.errors import CheckpointError, OutputError

STATE_FILE = "state.pt"


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is either the old one or the whole new one.

    Raises:
        OutputError: The folder can't be written; nothing is left in it.
    """
    try:
        write_whole(path, lambda partial: partial.write_bytes(data), durable=True)
    except OSError as error:
        raise OutputError(f"can't write {path}: {error}") from error


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Saves a run's state of tensors and plain values.

    Raises:
        OutputError: The folder can't be written.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any] | None:
    """Loads what `save_state` wrote, None where there is nothing yet.

    Raises:
        CheckpointError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path} can't be read ({error}): remove it to start the run again"
        ) from error
    return state
