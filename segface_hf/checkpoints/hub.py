"""Where checkpoints come from: a folder, or a Hugging Face Hub repository; never a pickle."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError
from safetensors.torch import load_file

from segface_hf.errors import CheckpointError, CheckpointNotFoundError, ConfigError
from segface_hf.shipped import EMBEDDED, SHIPPED

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
CONVERTED = "segface"  # where converted checkpoints are kept, beside `snapshots` of a repository
_PICKLES = ("*.pt", "*.pth", "*.bin", "*.ckpt", "*.pkl")


def embedded_folder() -> Path:
    """Returns the folder of the checkpoint that is used where none is named."""
    return SHIPPED[EMBEDDED]


def checkpoint_folder(
    source: str | Path, *, revision: str | None = None, token: str | None = None,
    cache_dir: str | Path | None = None, local_files_only: bool = False,
) -> Path:  # fmt: skip
    """Finds a checkpoint's folder, downloading it to the Hugging Face cache where needed.

    Args:
        source: `embedded` or `synthetic`, which ship with the package; a folder; `org/name` on the
            Hub; or `hub:org/repo/folder`, a published checkpoint, which is converted once.
        revision: Branch, tag or commit of a Hub repository.
        token: Hub token for private repositories.
        cache_dir: Where downloads are kept instead of the Hugging Face cache.
        local_files_only: Takes what is kept there and asks no Hub.

    Raises:
        CheckpointNotFoundError: No such folder, repository or revision, or not cached offline.
        CheckpointError: The Hub refuses access or answers with an error.
    """
    folder = SHIPPED.get(str(source), Path(source))
    if folder.is_dir():
        _check_revision(source, folder, revision)
        return folder
    options: dict[str, Any] = {"revision": revision, "token": token}
    options |= {"cache_dir": cache_dir, "local_files_only": local_files_only}
    from segface_hf.checkpoints.published import is_published, load_published

    if is_published(source):
        return load_published(str(source), **options)
    patterns = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE)
    return download(str(source), patterns=patterns, **options)


def _check_revision(source: str | Path, folder: Path, revision: str | None) -> None:
    if revision is not None and revision != commit_of(folder):
        raise CheckpointNotFoundError(
            f"'{source}' is on this machine and has no revision '{revision}': leave it out, or "
            "name a repository on the Hub"
        )


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


def download(
    repo_id: str, *, patterns: Sequence[str], revision: str | None = None, token: str | None = None,
    cache_dir: str | Path | None = None, local_files_only: bool = False,
) -> Path:  # fmt: skip
    """Downloads matching files of a Hub model repository to the Hugging Face cache.

    Args:
        repo_id: `org/name`.
        patterns: Which files, as shell patterns.
        revision: Branch, tag or commit.
        token: Hub token for private repositories.
        cache_dir: Where files are kept instead.
        local_files_only: Asks no Hub.

    Returns:
        The snapshot's folder; offline, what the cache holds.

    Raises:
        CheckpointNotFoundError: No such repository or revision, or not cached offline.
        CheckpointError: The Hub refuses access or answers with an error.
    """
    try:
        if "/" not in repo_id:  # the client would ask the Hub, for a minute where there is none
            raise HFValidationError(repo_id)
        path = _snapshot(
            repo_id, revision=revision, token=token, allow_patterns=list(patterns),
            cache_dir=cache_dir, local_files_only=local_files_only,
        )  # fmt: skip
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise _download_error(error, repo_id, revision) from error
    return Path(path)


def _snapshot(repo_id: str, **options: Any) -> str:
    """Falls back on the cache where the client does not: at a lost connection or no JSON."""
    try:
        return snapshot_download(repo_id, **options)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError):
        raise
    except (HTTPError, json.JSONDecodeError):
        return snapshot_download(repo_id, **{**options, "local_files_only": True})


def _download_error(error: Exception, repo_id: str, revision: str | None) -> CheckpointError:
    """The first row that fits, since the Hub's errors derive from one another."""
    rows: tuple[tuple[type[Exception], type[CheckpointError], str], ...] = (
        (
            HFValidationError,
            CheckpointNotFoundError,
            f"'{repo_id}' is neither a folder nor a Hub repository like 'org/name'",
        ),
        (
            GatedRepoError,
            CheckpointError,
            f"'{repo_id}' is gated: accept its terms on its page, then log in with `hf auth login`",
        ),
        (
            RepositoryNotFoundError,
            CheckpointNotFoundError,
            f"no repository '{repo_id}' on the Hub that this token may read: check the name, "
            "or log in with `hf auth login` if it is private",
        ),
        (
            RevisionNotFoundError,
            CheckpointNotFoundError,
            f"'{repo_id}' has no revision '{revision}'",
        ),
        (
            LocalEntryNotFoundError,
            CheckpointNotFoundError,
            f"'{repo_id}' is not in the Hugging Face cache and the Hub can't be reached or may "
            "not be asked: connect once, or give a local folder",
        ),
    )
    for kind, own, message in rows:
        if isinstance(error, kind):
            return own(message)
    return CheckpointError(f"the Hub refused '{repo_id}': {error}")


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
