"""Reading a published pickle: once, on the CPU, with the restricted unpickler, so no code runs."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segface_hf.checkpoints import upstream
from segface_hf.errors import CheckpointNotFoundError, ConversionError

# The unpickler walks hostile bytes; these are the ways in which garbage makes it stop.
_UNREADABLE = (
    RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, AssertionError,
    zipfile.BadZipFile, OSError, MemoryError,
)  # fmt: skip
_UNREADABLE_MESSAGE = (
    "{path} is truncated or no PyTorch checkpoint; nothing in it was run: download it again"
)
_DDP_PREFIX = "module."


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Reads the model's tensors from a published pickle, on the CPU, running no code.

    Raises:
        CheckpointNotFoundError: No such file.
        ConversionError: Truncated, no checkpoint, with code in it, or without a model.
    """
    if not path.is_file():
        raise CheckpointNotFoundError(f"no file {path}: give a published .pt file")
    try:
        with warnings.catch_warnings():
            # Of the pickle protocol: whether it could be read, the error below says.
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise ConversionError(_refused(path, error)) from error
    except _UNREADABLE as error:
        raise ConversionError(_UNREADABLE_MESSAGE.format(path=path)) from error
    return _state_of(content, path)


def _state_of(content: Any, path: Path) -> dict[str, Tensor]:
    state = content.get(upstream.STATE_KEY, content) if isinstance(content, dict) else None
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise ConversionError(
            f"{path} is no published checkpoint: expected a dictionary with "
            f"'{upstream.STATE_KEY}', got {type(content).__name__}"
        )
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    if len(tensors) != len(state) or not tensors:
        raise ConversionError(
            f"{path} is no published checkpoint: '{upstream.STATE_KEY}' should hold tensors only, "
            f"got keys {sorted(map(str, state))[:5]}"
        )
    if all(key.startswith(_DDP_PREFIX) for key in tensors):
        return {key.removeprefix(_DDP_PREFIX): value for key, value in tensors.items()}
    return tensors


def _refused(path: Path, error: pickle.UnpicklingError) -> str:
    """PyTorch's own message advises to load without restriction, so it is not passed on."""
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    if named is None:
        return _UNREADABLE_MESSAGE.format(path=path)
    return (
        f"{path} holds '{named[1]}', which is neither a tensor nor a number: perhaps code, which "
        "was not run; a published checkpoint has nothing like it"
    )
