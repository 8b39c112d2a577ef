"""Published checkpoints on the Hub: download, convert once, keep the result beside the download."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import WeakFileLock

from segface_hf.checkpoints import files, hub, upstream
from segface_hf.checkpoints.convert import Conversion, convert
from segface_hf.checkpoints.files import PUBLISHED, Build
from segface_hf.checkpoints.output import check_target, is_complete
from segface_hf.errors import CheckpointError, CheckpointNotFoundError, OutputError

_MAIN = "main"
_PICKLES = "model_*.pt"


@dataclass(frozen=True)
class HubSource:
    """A folder of published checkpoints on the Hub, written `hub:org/repo/folder`.

    Attributes:
        repo_id: `org/repo`.
        folder: The folder in it, such as `swinb_celeba_512`; empty for the whole repository.
    """

    repo_id: str
    folder: str = ""

    @classmethod
    def parse(cls, text: str) -> HubSource:
        """Reads `hub:org/repo` or `hub:org/repo/folder`.

        Raises:
            CheckpointNotFoundError: If it is of another form.
        """
        part = r"[\w-][\w.-]*"
        match = re.fullmatch(rf"hub:({part}/{part})(?:/({part}))?/?", text)
        if match is None:
            raise CheckpointNotFoundError(
                f"expected hub:org/repo/folder such as "
                f"{PUBLISHED}{upstream.REPOSITORY}/swinb_celeba_512, got '{text}'"
            )
        return cls(repo_id=match[1], folder=match[2] or "")


@dataclass(frozen=True)
class ConversionResult:
    """The result of converting one folder of a repository.

    Attributes:
        name: The folder.
        status: Converted now, kept from an earlier run, absent from the repository, or failed.
        conversion: What was made, where it was converted now.
        problem: One sentence, where it failed.
    """

    name: str
    status: Literal["converted", "kept", "absent", "failed"]
    conversion: Conversion | None = None
    problem: str = ""


def is_published(source: object) -> bool:
    """Whether a checkpoint's name is of the form `hub:org/repo/folder`."""
    return isinstance(source, str) and source.startswith(PUBLISHED)


def load_published(
    source: str,
    *,
    build: Build,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Path:
    """Returns the converted form of a published checkpoint, from the Hugging Face cache if there.

    Args:
        source: `hub:org/repo/folder`.
        build: Makes a model of a configuration: `SegFace`.
        revision: Branch, tag or commit.
        token: Hub token for private repositories.
        cache_dir: Where downloads and what they become are kept instead.
        local_files_only: Asks no Hub.

    Returns:
        A folder that `SegFace.from_pretrained` loads.

    Raises:
        CheckpointNotFoundError: No such repository, folder or revision, or not cached offline.
        CheckpointError: The Hub refuses access, or the file can't be converted.

    Example:
        >>> load_published("hub:kartiknarayan/SegFace/mobilenet_celeb_512", build=SegFace)
    """
    wanted = HubSource.parse(source)
    if not wanted.folder:
        raise CheckpointNotFoundError(
            f"'{source}' names no folder: add one of {', '.join(upstream.FOLDERS)}"
        )
    home = _home(wanted.repo_id, cache_dir)
    cached = _cached(wanted, revision, home)
    if cached is not None:
        return cached
    kept: dict[str, Any] = {"cache_dir": cache_dir, "local_files_only": local_files_only}
    path = download(wanted, revision=revision, token=token, **kept)
    # Beside `snapshots`, so that removing the repository from the cache removes both.
    out = home / files.CONVERTED / path.parent.parent.name / path.parent.name
    # Two visitors may pick the same checkpoint at once: the second waits and finds it done.
    lock = home / files.CONVERTED / f"{path.parent.name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if not is_complete(out):
            convert_published(path, out, wanted, build=build)
    return out


def convert_published(
    path: Path,
    out: Path,
    source: HubSource,
    *,
    build: Build,
    dataset: str | None = None,
    backbone: str | None = None,
    resolution: int | None = None,
    dtype: torch.dtype | None = None,
) -> Conversion:
    """Converts a downloaded file, keeping its place on the Hub as the source."""
    origin = f"{source.repo_id}/{path.parent.name}/{path.name}"
    return convert(
        path,
        out,
        build=build,
        dataset=dataset,
        backbone=backbone,
        resolution=resolution,
        dtype=dtype,
        source=origin,
    )


def download(
    source: HubSource, *, revision: str | None = None, token: str | None = None, **kept: Any
) -> Path:
    """Downloads a folder's newest `model_*.pt`, in whichever spelling of celeb it has.

    Raises:
        CheckpointNotFoundError: No such repository, folder or revision.
        CheckpointError: The Hub refuses access.
    """
    path = _fetched(source, revision=revision, token=token, **kept)
    if path is None:
        raise CheckpointNotFoundError(
            f"'{source.repo_id}' has no {source.folder}/{_PICKLES}: published are "
            f"{', '.join(upstream.FOLDERS)}"
        )
    return path


def _fetched(
    source: HubSource, *, revision: str | None, token: str | None, **kept: Any
) -> Path | None:
    names = upstream.spellings(source.folder)
    patterns = [f"{name}/{_PICKLES}" for name in names]
    snapshot = hub.download(
        source.repo_id, patterns=patterns, revision=revision, token=token, **kept
    )
    found = [path for name in names for path in (snapshot / name).glob(_PICKLES)]
    return max(found, key=_epoch, default=None)


def convert_all(
    source: HubSource,
    out: Path,
    *,
    build: Build,
    dtype: torch.dtype | None = None,
    token: str | None = None,
) -> Iterator[ConversionResult]:
    """Converts every published folder of a repository into a folder each, one after another.

    What an earlier run finished is left alone, so an interrupted run goes on where it stopped.

    Yields:
        One outcome a folder, as soon as it is known.

    Raises:
        CheckpointNotFoundError: No such repository.
    """
    for name in upstream.FOLDERS:
        target = out / name
        if is_complete(target):
            yield ConversionResult(name, "kept")
        else:
            yield _result(
                HubSource(source.repo_id, name), target, build=build, dtype=dtype, token=token
            )


def _result(
    source: HubSource, target: Path, *, build: Build, dtype: torch.dtype | None, token: str | None
) -> ConversionResult:
    try:
        check_target(target)
    except OutputError as error:
        return ConversionResult(source.folder, "failed", problem=str(error))
    try:
        path = _fetched(source, revision=None, token=token)
        if path is None:
            return ConversionResult(source.folder, "absent")
        conversion = convert_published(path, target, source, build=build, dtype=dtype)
    except CheckpointNotFoundError:
        raise
    except CheckpointError as error:
        return ConversionResult(source.folder, "failed", problem=str(error))
    return ConversionResult(source.folder, "converted", conversion)


def _cached(source: HubSource, revision: str | None, home: Path) -> Path | None:
    """The converted folder of a revision that was downloaded before, without asking the Hub."""
    reference = home / "refs" / (revision or _MAIN)
    commit = reference.read_text().strip() if reference.is_file() else (revision or "")
    for name in upstream.spellings(source.folder) if commit else ():
        folder = home / files.CONVERTED / commit / name
        if is_complete(folder):
            return folder
    return None


def _home(repo_id: str, cache_dir: str | Path | None) -> Path:
    """Where a cache, that of Hugging Face if none is given, keeps a model repository."""
    return Path(cache_dir or constants.HF_HUB_CACHE) / repo_folder_name(
        repo_id=repo_id, repo_type="model"
    )


def _epoch(path: Path) -> int:
    match = re.search(r"(\d+)", path.stem)
    return int(match[1]) if match else -1
