"""Checks of a visitor's model repository, before its download and before its model is built."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segface_hf.errors import CheckpointError, CheckpointNotFoundError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

_LARGEST_SIDE = 1024
_LARGEST_TEXT_MB = 1
_SPARE_MB = 500
_TIMEOUT = 15.0


@dataclass(frozen=True)
class Admitted:
    """A repository that may be loaded.

    Attributes:
        revision: The commit that was looked at; None where the Hub can't be asked and only what
            was downloaded before can be loaded.
        megabytes: What loading it downloads.
    """

    revision: str | None
    megabytes: float


@dataclass(frozen=True)
class Admission:
    """Which checkpoints of the Hub a visitor may have loaded.

    Attributes:
        most_mb: Largest weights, in megabytes.
        anonymous: Whether to ask the Hub without a token, so that no visitor loads a
            private repository with the token of the app's host.
    """

    most_mb: int
    anonymous: bool

    def look(self, repo_id: str) -> Admitted:
        """Asks the Hub how large a repository's checkpoint is; downloads nothing.

        Args:
            repo_id: `org/name`.

        Raises:
            CheckpointNotFoundError: The repository is private, absent or without a checkpoint.
            CheckpointError: It is too large to load here.
        """
        info = self._asked(repo_id)
        if info is None:
            return Admitted(None, 0.0)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        if "model.safetensors" not in sizes or "config.json" not in sizes:
            raise CheckpointNotFoundError(
                f"'{repo_id}' holds no checkpoint of our format: it needs config.json and "
                "model.safetensors, as `segface publish` uploads them"
            )
        megabytes = sizes["model.safetensors"] / 1e6
        self._check_sizes(repo_id, sizes, megabytes)
        return Admitted(info.sha, megabytes)

    def _check_sizes(self, repo_id: str, sizes: dict[str, int], megabytes: float) -> None:
        if megabytes > self.most_mb:
            raise CheckpointError(
                f"the weights of '{repo_id}' have {megabytes:,.0f} MB and at most {self.most_mb} "
                "MB are loaded here: choose a smaller one, or run the app yourself with "
                "SEGFACE_MAX_MODEL_MB"
            )
        texts = (name for name in ("config.json", "README.md") if name in sizes)
        long = [name for name in texts if sizes[name] > _LARGEST_TEXT_MB * 1e6]
        if long:
            raise CheckpointError(
                f"{long[0]} of '{repo_id}' is larger than {_LARGEST_TEXT_MB} MB: "
                "choose a repository that `segface publish` made"
            )
        free = _free_mb()
        if free < megabytes + _SPARE_MB:
            raise CheckpointError(
                f"'{repo_id}' needs {megabytes:,.0f} MB and the disk has {free:,.0f} MB left: "
                "choose a smaller one"
            )

    def _asked(self, repo_id: str) -> ModelInfo | None:
        from huggingface_hub import model_info
        from huggingface_hub.errors import (
            HTTPError,
            OfflineModeIsEnabled,
            RepositoryNotFoundError,
        )

        try:
            return model_info(
                repo_id,
                files_metadata=True,
                timeout=_TIMEOUT,
                token=False if self.anonymous else None,
            )
        except RepositoryNotFoundError as error:
            who = "public repository" if self.anonymous else "repository"
            raise CheckpointNotFoundError(
                f"there is no {who} '{repo_id}' on the Hub: check its name"
            ) from error
        except (HTTPError, OfflineModeIsEnabled, OSError):
            return None  # Loading reports the problem, or finds the files in the cache.


def check_architecture(folder: Path, *, source: str) -> None:
    """Checks a downloaded checkpoint before it is built: its backbone, crop size and parameters.

    Raises:
        CheckpointError: It is not one that this app loads, or its weights hold less than its
            configuration describes.
    """
    from segface_hf.checkpoints import bounds, files
    from segface_hf.modeling.segface import SegFace

    config = files.load_config(folder, source=f"'{source}'")
    if config.resolution > _LARGEST_SIDE:
        raise CheckpointError(
            f"'{source}' takes crops of {config.resolution} pixels and at most {_LARGEST_SIDE} "
            "are parsed here: choose another"
        )
    if config.backbone not in bounds.BACKBONE_PARAMETERS:
        raise CheckpointError(
            f"'{source}' has the backbone '{config.backbone[:60]}', which isn't loaded here: "
            f"choose a model with one of {', '.join(bounds.BACKBONE_PARAMETERS)}"
        )
    bounds.check_bounds(folder / files.WEIGHTS_FILE, config, SegFace, source=f"'{source}'")


def _free_mb() -> float:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e6
