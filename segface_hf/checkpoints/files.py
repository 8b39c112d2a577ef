"""Checkpoint folders: names of their files, which ones ship, strict reading and loading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError

from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, CheckpointNotFoundError, ConfigError

if TYPE_CHECKING:
    import torch

Model = TypeVar("Model", bound="torch.nn.Module")

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
_PICKLES = ("*.pt", "*.pth", "*.bin", "*.ckpt", "*.pkl")
EMBEDDED = "embedded"
SYNTHETIC = "synthetic"
_PACKAGE = Path(__file__).resolve().parents[1]
SHIPPED: Mapping[str, Path] = MappingProxyType(
    {EMBEDDED: _PACKAGE / "weights", SYNTHETIC: _PACKAGE / "weights_synthetic"}
)


def embedded_folder() -> Path:
    """Returns the folder of the checkpoint that is used where none is named."""
    return SHIPPED[EMBEDDED]


def read_config(folder: Path) -> dict[str, Any]:
    """Reads a checkpoint folder's `config.json`.

    Raises:
        CheckpointNotFoundError: The file is missing.
        CheckpointError: It isn't a JSON object.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise CheckpointNotFoundError(_missing(folder, CONFIG_FILE))
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} must hold a JSON object, got {type(values).__name__}")
    return values


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Reads a checkpoint folder's `model.safetensors`, on the CPU; pickles are never opened.

    Raises:
        CheckpointNotFoundError: The file is missing.
        CheckpointError: It is truncated or no safetensors file.
    """
    from safetensors.torch import load_file

    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise CheckpointNotFoundError(_missing(folder, WEIGHTS_FILE))
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file ({error}): download it again"
        ) from error


def _missing(folder: Path, name: str) -> str:
    pickles = sorted(p.name for pattern in _PICKLES for p in folder.glob(pattern))
    if pickles:
        return (
            f"{folder} has no {name}, only {pickles}: pickles are never loaded here, "
            "convert them once with `segface convert`"
        )
    return f"{folder} has no {name}: a checkpoint folder holds {CONFIG_FILE} and {WEIGHTS_FILE}"


def load_exactly(
    module: torch.nn.Module, weights: Mapping[str, torch.Tensor], *, source: str
) -> None:
    """Loads weights that must match a module's tensors one to one, in name and shape.

    Half-precision weights are cast to the module's own type.

    Raises:
        CheckpointError: Missing, unexpected or wrongly shaped tensors, listed.
    """
    expected = module.state_dict()
    problems = [f"missing {key}" for key in expected.keys() - weights.keys()]
    problems += [f"unexpected {key}" for key in weights.keys() - expected.keys()]
    problems += [
        f"{key} is {tuple(weights[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in expected.keys() & weights.keys()
        if weights[key].shape != expected[key].shape
    ]
    if problems:
        shown = "; ".join(sorted(problems)[:10])
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise CheckpointError(f"{source} does not fit its config.json: {shown}{more}")
    module.load_state_dict(weights, strict=True)


def file_digest(path: Path) -> str:
    """Returns `sha256:` and the hexadecimal digest of a file."""
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def config_error(folder: Path, error: ConfigError) -> CheckpointError:
    """Names the folder whose configuration can't be used."""
    return CheckpointError(f"{folder / CONFIG_FILE}: {error}")


def load_folder(
    folder: Path, build: Callable[[SegFaceConfig], Model], *, source: str | None = None
) -> Model:
    """Builds the model of a checkpoint folder and loads its weights strictly.

    Args:
        folder: Holds `config.json` and `model.safetensors`.
        build: Makes a model of a configuration.
        source: How to name the checkpoint in errors; the folder by default.

    Raises:
        CheckpointError: The configuration is not valid, or the weights do not fit it.
    """
    try:
        model = build(SegFaceConfig.from_dict(read_config(folder)))
    except ConfigError as error:
        raise config_error(folder, error) from error
    load_exactly(model, read_weights(folder), source=source or str(folder))
    return model
