"""Finding a checkpoint by its name: shipped, a folder, on the Hub, or a published pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segface_hf.checkpoints.files import (
    CARD_FILE,
    CONFIG_FILE,
    ONNX_FILE,
    PUBLISHED,
    ROWS_FILE,
    SHIPPED,
    WEIGHTS_FILE,
    Build,
    commit_of,
)
from segface_hf.errors import CheckpointNotFoundError


def checkpoint_folder(
    source: str | Path,
    *,
    build: Build,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    onnx: bool = True,
) -> Path:
    """Finds a checkpoint's folder, downloading it to the Hugging Face cache where needed.

    Args:
        source: `embedded` or `synthetic`, which ship with the package; a folder; `org/name` on the
            Hub; or `hub:org/repo/folder`, a published checkpoint, which is converted once.
        build: Makes a model of a configuration; a published checkpoint is converted with it.
        revision: Branch, tag or commit of a Hub repository.
        token: Hub token for private repositories.
        cache_dir: Where downloads are kept instead of the Hugging Face cache.
        local_files_only: Takes what is kept there and asks no Hub.
        onnx: Whether to download the ONNX file too, where there is one.

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
    if str(source).startswith(PUBLISHED):
        # Conversion needs torch; most checkpoints do not.
        from segface_hf.checkpoints.published import load_published

        return load_published(str(source), build=build, **options)
    from segface_hf.checkpoints.hub import download  # The Hub client takes a while to import.

    patterns = [CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, ROWS_FILE, *([ONNX_FILE] if onnx else [])]
    return download(str(source), patterns=patterns, **options)


def _check_revision(source: str | Path, folder: Path, revision: str | None) -> None:
    if revision is not None and revision != commit_of(folder):
        raise CheckpointNotFoundError(
            f"'{source}' is on this machine and has no revision '{revision}': leave it out, or "
            "name a repository on the Hub"
        )
