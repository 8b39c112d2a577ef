"""Checkpoint folders: names of their files, which ones ship, strict reading and loading."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError

from segface_hf.checkpoints.bounds import MAX_CONFIG_BYTES, check_bounds, values_in
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, CheckpointNotFoundError, ConfigError

if TYPE_CHECKING:
    import torch

Build = Callable[[SegFaceConfig], Any]
Model = TypeVar("Model", bound="torch.nn.Module")

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
GATE_FILE = "gate.json"  # what `segface promote` decided about these weights
ROWS_FILE = "rows.json"  # which dataset rows these weights were trained on
_LONGEST_MESSAGE = 500
ONNX_FILE = "model.onnx"
PUBLISHED = "hub:"  # what names of published checkpoints begin with
CONVERTED = "segface"  # converted checkpoints are kept here, beside `snapshots`
ONNX_WEIGHTS_KEY = "segface_weights"  # metadata of an ONNX file: digest of its weights file
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


def commit_of(folder: Path) -> str | None:
    """Returns the Hub commit of a checkpoint's folder, None where it is not in a Hub cache.

    The cache names folders by commit, and those of converted checkpoints, beside them, as well.
    """
    folder = folder.absolute()
    for place, kind in ((folder, "snapshots"), (folder.parent, CONVERTED)):
        in_cache = place.parent.name == kind and place.parent.parent.name.startswith("models--")
        if in_cache and re.fullmatch(r"[0-9a-f]{40}", place.name):
            return place.name
    return None


def read_config(folder: Path) -> dict[str, Any]:
    """Reads a checkpoint folder's `config.json`.

    Raises:
        CheckpointNotFoundError: The file is missing.
        CheckpointError: It isn't a JSON object, or larger than any configuration.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise CheckpointNotFoundError(_missing(folder, CONFIG_FILE))
    if (size := path.stat().st_size) > MAX_CONFIG_BYTES:
        raise CheckpointError(f"{path} has {size:,} bytes: expected at most {MAX_CONFIG_BYTES:,}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} must hold a JSON object, got {type(values).__name__}")
    return values


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Reads a checkpoint folder's `model.safetensors`, on the CPU; pickles are never opened.

    Raises:
        CheckpointNotFoundError: The file is missing.
        CheckpointError: It is truncated or not a safetensors file.
    """
    from safetensors.torch import load_file

    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise CheckpointNotFoundError(_missing(folder, WEIGHTS_FILE))
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or not a safetensors file ({error}): download it again"
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
        CheckpointError: Missing, unexpected or wrongly shaped tensors, listed; or values that
            are NaN or infinite.
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
    _check_finite(weights, source)
    module.load_state_dict(weights, strict=True)


def _check_finite(weights: Mapping[str, torch.Tensor], source: str) -> None:
    for key, value in weights.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise CheckpointError(
                f"'{key}' of {source} holds NaN or infinite values: train or download it again"
            )


def file_digest(path: Path) -> str:
    """Returns `sha256:` and the hexadecimal digest of a file."""
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def count_values(path: Path) -> int:
    """Returns how many values a safetensors file holds, from its header; 0 if there is none."""
    return values_in(path, source=str(path)) if path.is_file() else 0


def config_error(source: str | Path, error: ConfigError) -> CheckpointError:
    """Names the checkpoint whose configuration can't be used."""
    return CheckpointError(f"{CONFIG_FILE} of {source}: {str(error)[:_LONGEST_MESSAGE]}")


def load_config(folder: Path, *, source: str | None = None) -> SegFaceConfig:
    """Reads and checks a checkpoint folder's configuration.

    Args:
        folder: Holds `config.json`.
        source: How to name the checkpoint in errors; the folder by default.

    Raises:
        CheckpointNotFoundError: The file is missing.
        CheckpointError: It isn't a valid configuration.
    """
    try:
        return SegFaceConfig.from_dict(read_config(folder))
    except ConfigError as error:
        raise config_error(source or folder, error) from error


def load_folder(
    folder: Path, build: Callable[[SegFaceConfig], Model], *, source: str | None = None
) -> Model:
    """Builds the model of a checkpoint folder and loads its weights strictly.

    The checkpoint may be untrusted: it is refused before a model is built that is larger than its
    weights file.

    Args:
        folder: Holds `config.json` and `model.safetensors`.
        build: Makes a model of a configuration.
        source: How to name the checkpoint in errors; the folder by default.

    Raises:
        CheckpointError: The configuration is not valid, or the weights do not fit it.
    """
    config = load_config(folder, source=source)
    if not (folder / WEIGHTS_FILE).is_file():
        raise CheckpointNotFoundError(_missing(folder, WEIGHTS_FILE))
    try:
        check_bounds(folder / WEIGHTS_FILE, config, build, source=source or str(folder))
        model = build(config)
    except ConfigError as error:
        raise config_error(source or folder, error) from error
    load_exactly(model, read_weights(folder), source=source or str(folder))
    return model
