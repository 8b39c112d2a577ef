"""Downloads of checkpoint files from the Hugging Face Hub, through its cache."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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

from segface_hf.errors import CheckpointError, CheckpointNotFoundError


def download(
    repo_id: str,
    *,
    patterns: Sequence[str],
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Path:
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
            repo_id,
            revision=revision,
            token=token,
            allow_patterns=list(patterns),
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise _download_error(error, repo_id, revision) from error
    return Path(path)


def _snapshot(repo_id: str, **options: Any) -> str:
    """Falls back on the cache where the client doesn't: lost connection, invalid JSON."""
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
