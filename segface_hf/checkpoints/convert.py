"""Conversion of a published pickle to a checkpoint folder; weights only, values unchanged."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from segface_hf.checkpoints import files, upstream
from segface_hf.checkpoints.files import Build
from segface_hf.checkpoints.output import atomic_folder, check_target
from segface_hf.checkpoints.upstream_keys import (
    CLASS_TOKENS,
    is_rebuilt,
    is_unused,
    published_names,
    taken,
    token_keys,
)
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointNotFoundError, ConversionError

# Errors of the unpickler on malformed files.
_UNREADABLE = (
    RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, AssertionError,
    zipfile.BadZipFile, OSError, MemoryError,
)  # fmt: skip
_UNREADABLE_MESSAGE = (
    "{path} is truncated or not a PyTorch checkpoint; nothing in it was run: download it again"
)
_DDP_PREFIX = "module."


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Reads the model's tensors from a published pickle, on the CPU, without running its code.

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
            f"{path} is not a published checkpoint: expected a dictionary with "
            f"'{upstream.STATE_KEY}', got {type(content).__name__}"
        )
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    if len(tensors) != len(state) or not tensors:
        raise ConversionError(
            f"{path} is not a published checkpoint: '{upstream.STATE_KEY}' must hold tensors only, "
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


DEFAULT_RESOLUTION = 512


class Savable(Protocol):
    """A model that writes its own checkpoint folder, such as `SegFace`."""

    def eval(self) -> Self:
        """Switches to evaluation mode."""

    def state_dict(self) -> dict[str, Tensor]:
        """Returns every tensor by name."""

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> object:
        """Loads every tensor by name."""

    def save_pretrained(self, folder: Path, *, dtype: torch.dtype | None = None) -> Path:
        """Writes the folder."""


@dataclass(frozen=True)
class Conversion:
    """What a conversion made.

    Attributes:
        folder: The checkpoint folder.
        config: Its configuration.
        parameters: Values in it, buffers included.
    """

    folder: Path
    config: SegFaceConfig
    parameters: int


def convert(
    path: str | Path,
    out: str | Path,
    *,
    build: Build,
    dataset: str | None = None,
    backbone: str | None = None,
    resolution: int | None = None,
    dtype: torch.dtype | None = None,
    source: str | None = None,
) -> Conversion:
    """Converts a published checkpoint to `config.json`, `model.safetensors` and `README.md`.

    What is not given comes from the name of the file's folder, then from the tensors themselves.

    Args:
        path: A published `.pt` file.
        out: The folder to write; it appears complete or not at all.
        build: Makes a model of a configuration: `SegFace`.
        dataset: `celeb`, `lapa` or `helen`.
        backbone: A published backbone, such as `swin_base`.
        resolution: Side of the input in pixels that the model was trained on.
        dtype: Type of the stored floating-point tensors; None keeps float32.
        source: Where the file came from, for the configuration; by default its name.

    Raises:
        CheckpointNotFoundError: No such file.
        ConversionError: It isn't a published checkpoint, or options or tensors do not fit.
        OutputError: The folder can't be written or holds other files.

    Example:
        >>> convert("swinb_celeba_512/model_299.pt", "swin", build=SegFace)
    """
    path, out = Path(path), Path(out)
    _check_choice("backbone", backbone, upstream.BACKBONES)
    _check_choice("dataset", dataset, upstream.DATASETS)
    check_target(out)
    folder = upstream.parse_folder(path.absolute().parent.name)
    _check_folder(folder, dataset=dataset, backbone=backbone, resolution=resolution)
    state = read_checkpoint(path)
    known = upstream.recognize(
        state,
        dataset=dataset or (folder.dataset if folder else None),
        backbones=(backbone,) if backbone else (folder.backbones if folder else ()),
    )
    config = _configuration(
        known,
        resolution=resolution or (folder.resolution if folder else DEFAULT_RESOLUTION),
        source=source or (f"{folder.name}/{path.name}" if folder else path.name),
        digest=files.file_digest(path),
    )
    model = build_model(state, config, build=build, dataset=known.dataset)
    _check_range(model, dtype)
    with atomic_folder(out) as partial:
        model.save_pretrained(partial, dtype=dtype)
    return Conversion(out, config, sum(value.numel() for value in model.state_dict().values()))


def _configuration(
    known: upstream.Recognized, *, resolution: int, source: str, digest: str
) -> SegFaceConfig:
    dataset = upstream.DATASETS[known.dataset]
    return SegFaceConfig(
        backbone=known.backbone,
        resolution=resolution,
        schema=dataset.schema,
        warp=dataset.warp,
        source=source,
        source_digest=digest,
        license=upstream.LICENSE,
    )


def build_model(
    state: Mapping[str, Tensor], config: SegFaceConfig, *, build: Build, dataset: str
) -> Savable:
    """Builds the model of a configuration with published tensors in it.

    Args:
        state: Every published tensor by name.
        config: With a published backbone.
        build: Makes a model of a configuration: `SegFace`.
        dataset: A key of `upstream.DATASETS`; it sets the order of the class tokens.

    Returns:
        The model in evaluation mode.

    Raises:
        ConversionError: Missing, unexpected or wrongly shaped tensors, each listed.
    """
    model: Savable = build(config).eval()
    own = model.state_dict()
    names = published_names(config.backbone, own.keys())
    tokens = token_keys(upstream.DATASETS[dataset].tokens)
    used = {*names.values(), *tokens}
    problems = [f"missing '{key}'" for key in sorted(used - state.keys())]
    problems += [
        f"unexpected '{key}'"
        for key in sorted(state.keys() - used)
        if not is_unused(key, config.backbone)
    ]
    problems += _misshapen(state, own, names, width=config.width, tokens=tokens)
    if problems:
        raise ConversionError(f"{len(problems)} tensors do not fit: {'; '.join(problems)}")
    tensors = {key: value for key, value in own.items() if is_rebuilt(key)}
    tensors |= {ours: taken(ours, state[theirs]) for ours, theirs in names.items()}
    tensors[CLASS_TOKENS] = torch.cat([state[key] for key in tokens])
    model.load_state_dict(tensors, strict=True)
    return model


def _misshapen(
    state: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    names: Mapping[str, str],
    *,
    width: int,
    tokens: tuple[str, ...],
) -> Iterator[str]:
    for ours, theirs in names.items():
        if theirs not in state:
            continue
        found, expected = taken(ours, state[theirs]).shape, own[ours].shape
        if found != expected:
            yield f"'{theirs}' is {tuple(state[theirs].shape)}, not what makes {tuple(expected)}"
    for key in tokens:
        if key in state and state[key].shape != (1, width):
            yield f"'{key}' is {tuple(state[key].shape)}, expected {(1, width)}"


def _check_choice(what: str, given: str | None, known: Mapping[str, Any]) -> None:
    if given is not None and given not in known:
        raise ConversionError(f"no published {what} '{given}': choose from {sorted(known)}")


def _check_folder(
    folder: upstream.PublishedFolder | None,
    *,
    dataset: str | None,
    backbone: str | None,
    resolution: int | None,
) -> None:
    """Checks options against the folder's name, since the card repeats the score of that folder.

    Tensors can't always tell: those of LaPa are those of Helen, at any resolution.
    """
    if folder is None:
        return
    rows = (
        ("dataset", dataset, (folder.dataset,)),
        ("backbone", backbone, folder.backbones),
        ("resolution", resolution, (folder.resolution,)),
    )
    for what, given, said in rows:
        if given is not None and given not in said:
            raise ConversionError(
                f"--{what} {given}, but the folder's name '{folder.name}' says "
                f"{' or '.join(map(str, said))}: leave --{what} out or, if the name is wrong, move "
                "the file to a folder of another name"
            )


def _check_range(model: Savable, dtype: torch.dtype | None) -> None:
    """A weight beyond half precision would silently overflow to infinity."""
    for key, value in model.state_dict().items():
        stored = value.to(dtype) if dtype and value.is_floating_point() else value
        if not bool(torch.isfinite(stored).all()):
            raise ConversionError(
                f"'{key}' holds values that are not finite{f' in {dtype}' if dtype else ''}: "
                "the file is damaged, or needs float32"
            )
