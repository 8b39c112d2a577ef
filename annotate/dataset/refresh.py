"""Updates a local mirror of a dataset, and a card from the rows that it describes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from annotate._files import store_error, write_durably
from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles, retry_on_head
from annotate.dataset.card import CardFacts, read_block, renewed_card
from annotate.dataset.folder import FolderStore
from annotate.dataset.repo import DatasetRepo
from annotate.dataset.stats import COLUMNS, Stats, count, growth_svg
from annotate.errors import StoreError
from segface_hf._utils import counted
from segface_hf.labels import schema_named


class Counted(Protocol):
    """Rows to count: a folder, or the index of a dataset on the Hub."""

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yields some columns of every row."""


def mirror(repo: DatasetRepo, folder: Path, *, head: str = "") -> FolderStore:
    """Makes a folder a copy of a dataset on the Hub, downloading only new files.

    Rows that the dataset no longer has, because they were compacted or taken down, are deleted
    from the folder. So it must be new, empty, or a copy of this dataset, as a file in it says.
    Without a `head`, the newest commit is taken.

    Raises:
        StoreError: The folder holds something else; nothing is changed.
    """
    head = head or repo.head()
    present = set(repo.paths(revision=head))
    store = FolderStore(folder)
    _take_for_copy(store, repo.id, present)
    wanted = [layout.CARD, f"{layout.ROWS}/*", "tombstones/*", "index/*"]
    repo.snapshot(revision=head, patterns=wanted, folder=folder)
    for path in store.files():
        if path.relative_to(folder).as_posix() not in present:
            path.unlink()
    store.refresh()
    return store


def _take_for_copy(store: FolderStore, repo_id: str, present: Collection[str]) -> None:
    """Marks a folder as the copy of a dataset, unless a file in it would be lost."""
    folder, of = store.root, store.copy_of()
    if of == repo_id:
        return
    if of:
        raise StoreError(f"{folder} is a copy of {of}, not of {repo_id}: name another folder")
    try:
        others = [path for path in store.paths() if not path.startswith(".")]
    except OSError as error:
        raise store_error(folder, error) from error
    # An earlier version left no mark, but the Hub client's notes beside what it downloaded.
    earlier = (folder / ".cache" / "huggingface").is_dir()
    lost = sorted(set(others) - set(present)) if earlier else others
    if lost:
        raise StoreError(
            f"{folder} is not a copy of {repo_id} and holds {lost[0]}, which copying could delete: "
            "name a new folder"
        )
    write_durably(folder / layout.COPY_OF, f"{repo_id}\n".encode())


def count_rows(store: Counted, *, schema_name: str | None = None) -> Stats:
    """Counts the rows of a dataset."""
    schema = schema_named(schema_name) if schema_name else None
    return count(store.columns(COLUMNS), schema=schema)


def refresh_card(
    dataset: DatasetFiles, rows_at: Callable[[str], Counted], *, longest: float = math.inf
) -> Stats:
    """Updates the card and growth plot of a dataset from its rows; see `renewed_card`.

    Args:
        dataset: The dataset, in a folder or on the Hub.
        rows_at: Gives the rows of a commit. Each attempt asks again, because a row that is taken
            down between counting and writing must not be counted.
        longest: Seconds; see `annotate.dataset.base.retry`.

    Raises:
        RecordError: The dataset has no card with a schema yet.
        RemoteError: The Hub refuses, or is too busy.
    """

    def work(head: str) -> Stats:
        card = (dataset.read(layout.CARD, revision=head) or b"").decode("utf-8", "replace")
        block = read_block(card, source=dataset.id or "the folder")
        stats = count_rows(rows_at(head), schema_name=block["schema"])
        facts = CardFacts(
            schema=stats.schema,
            license=str(block["licence"]),
            title=str(block["title"]),
            rows=stats.rows,
            contributors=len(stats.contributors),
            images_by_class=stats.images_by_class,
            pixels_by_class=stats.pixels_by_class,
        )
        new = renewed_card(card, facts, source=dataset.id or "the folder")
        plot = growth_svg(stats.weeks).encode() if stats.weeks else None
        wanted = {layout.CARD: new.encode(), layout.GROWTH: plot}
        held = {
            layout.CARD: card.encode(),
            layout.GROWTH: dataset.read(layout.GROWTH, revision=head),
        }
        if wanted != held:
            added = {path: data for path, data in wanted.items() if data is not None}
            gone = [path for path in held if wanted[path] is None and held[path] is not None]
            title = f"Count {counted(stats.rows, 'contribution')}"
            dataset.commit(added, title=title, deleted=gone, parent=head)
        return stats

    return retry_on_head(dataset, work, longest=longest)
