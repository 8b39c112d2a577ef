"""Place: what the upkeep of a dataset needs from its home, a folder or a Hub repository."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from annotate.dataset import layout
from annotate.errors import RemoteBusyError

T = TypeVar("T")
log = logging.getLogger(__name__)
ATTEMPTS = 6


class Place(Protocol):
    """The home of a dataset; `FolderStore` and `DatasetRepo`.

    Attributes:
        id: `owner/name` on the Hub; empty in a folder.
    """

    id: str

    def head(self) -> str:
        """Returns the commit that stands for the present state."""

    def paths(self, *, revision: str = "main") -> list[str]:
        """Returns the path of every file."""

    def read(self, path: str, *, revision: str = "main") -> bytes | None:
        """Returns a file's content, or None where there is none."""

    def read_part(
        self, path: str, *, revision: str = "main", span: str = ""
    ) -> tuple[bytes, int | None]:
        """Returns a part of a file and the size of the whole; `span` is as in HTTP."""

    def commit(
        self, added: Mapping[str, bytes], *, title: str, deleted: Iterable[str] = (), parent: str
    ) -> Any:
        """Adds and deletes files in one step, unless something newer than `parent` is there."""


def patiently(
    work: Callable[[], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    longest: float = math.inf,
) -> T:
    """Does something on the Hub, again where it was busy or another change came first.

    Args:
        work: Does it; must be harmless when it is done twice.
        sleep: Waits a number of seconds.
        longest: Seconds; where the Hub asks to wait longer, it is given up.

    Raises:
        RemoteBusyError: It did not work out in `ATTEMPTS` attempts, or would take too long.
    """
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except RemoteBusyError as error:
            if attempt == ATTEMPTS - 1 or (error.retry_after or 0.0) > longest:
                raise
            log.info("%s: once more", error)
            sleep(error.retry_after if error.retry_after is not None else 2.0**attempt)
    raise AssertionError("the loop returns or raises")


def upkeep(place: Place, work: Callable[[str], T], *, longest: float = math.inf) -> T:
    """Does a piece of work on the commit that is the head now, from the start at each attempt.

    Raises:
        RemoteBusyError: Others kept coming first.
    """
    return patiently(lambda: work(place.head()), longest=longest)


def merged_index(
    place: Place, ids: Iterable[str], *, revision: str, present: Collection[str]
) -> dict[str, bytes]:
    """Returns the index files that also list these ids, by path.

    Args:
        place: The dataset.
        ids: Content ids to list.
        revision: Commit to read.
        present: Paths that it has, so that nothing is asked for in vain.
    """
    by_path: dict[str, set[str]] = {}
    for content_id in ids:
        by_path.setdefault(layout.index_path(content_id), set()).add(content_id)
    files = {}
    for path, new in by_path.items():
        old = place.read(path, revision=revision) if path in present else None
        files[path] = ("\n".join(sorted({*(old or b"").decode().split(), *new})) + "\n").encode()
    return files
