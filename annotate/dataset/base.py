"""The files of a dataset, in a folder or in a Hub repository, and retries of changes to them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from annotate.dataset import layout
from annotate.errors import RemoteBusyError
from segface_hf import hub_client

T = TypeVar("T")


class DatasetFiles(Protocol):
    """Access to the files of a dataset, as `FolderStore` and `DatasetRepo` give it.

    Attributes:
        id: `owner/name` on the Hub; empty in a folder.
    """

    id: str

    def head(self) -> str:
        """Returns the id of the newest commit."""

    def paths(self, *, revision: str = "main") -> list[str]:
        """Returns the path of every file."""

    def read(self, path: str, *, revision: str = "main") -> bytes | None:
        """Returns a file's content, or None if it does not exist."""

    def read_part(
        self, path: str, *, revision: str = "main", span: str = ""
    ) -> tuple[bytes, int | None]:
        """Returns a part of a file and the size of the whole; `span` is as in HTTP."""

    def commit(
        self, added: Mapping[str, bytes], *, title: str, deleted: Iterable[str] = (), parent: str
    ) -> Any:
        """Adds and deletes files in one commit, unless there is a newer one than `parent`."""


def retry(
    work: Callable[[], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    longest: float = math.inf,
) -> T:
    """Runs work on the Hub, again where the Hub was busy or another change came first.

    Args:
        work: Must be harmless when it runs twice.
        sleep: Waits a number of seconds.
        longest: Seconds; where the Hub asks to wait longer, the error is raised.

    Raises:
        RemoteBusyError: Every attempt failed, or the wait would be too long.
    """
    return hub_client.retry(
        work,
        is_transient=lambda error: isinstance(error, RemoteBusyError),
        wait_of=lambda error: getattr(error, "retry_after", None),
        sleep=sleep,
        longest=longest,
    )


def retry_on_head(
    dataset: DatasetFiles, work: Callable[[str], T], *, longest: float = math.inf
) -> T:
    """Runs work on the current head commit; each attempt reads the head again.

    Raises:
        RemoteBusyError: Other commits came first in every attempt.
    """
    return retry(lambda: work(dataset.head()), longest=longest)


def merged_index(
    dataset: DatasetFiles, ids: Iterable[str], *, revision: str, present: Collection[str]
) -> dict[str, bytes]:
    """Returns the index files with these ids added, by path.

    Args:
        dataset: The dataset.
        ids: Content ids to list.
        revision: Commit to read.
        present: Paths that the dataset has at this commit.
    """
    by_path: dict[str, set[str]] = {}
    for content_id in ids:
        by_path.setdefault(layout.index_path(content_id), set()).add(content_id)
    files = {}
    for path, new in by_path.items():
        old = dataset.read(path, revision=revision) if path in present else None
        files[path] = ("\n".join(sorted({*(old or b"").decode().split(), *new})) + "\n").encode()
    return files
