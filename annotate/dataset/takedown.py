"""Taking contributions down: remove them from a dataset so that no retry adds them again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles, retry_on_head
from annotate.dataset.compact import merged_files
from annotate.dataset.index import facts_of
from annotate.dataset.ranged import rows_in
from annotate.errors import RecordError, ReviewError
from segface_hf._utils import counted

STILL_NEEDED = """\
The head of the dataset no longer holds them. Older commits still do, until you
1. squash the history:        HfApi().super_squash_history("{repo}", repo_type="dataset")
2. delete the stored files:   Settings > Storage > List LFS files on the dataset's page, or
                              HfApi().list_lfs_files and HfApi().permanently_delete_lfs_files:
                              those named by their ids, and merged files that held them
3. ask the Hub's support to remove the refs of their pull requests: {refs}
   and of those opened while the dataset had them, each of which is a copy of its head then.
None of it can be undone, and every link to an old commit of the dataset breaks."""


@dataclass(frozen=True)
class TakenDown:
    """What was removed.

    Attributes:
        removed: Content ids whose row was at the head.
        marked: Content ids that now have a tombstone, removed or not.
        unread: Why merged files that may still hold them can't be read, a sentence each.
    """

    removed: tuple[str, ...]
    marked: tuple[str, ...]
    unread: tuple[str, ...] = ()


def still_needed(repo_id: str, numbers: Iterable[int] = ()) -> str:
    """Returns what the maintainer must still do to remove older commits from the Hub."""
    refs = ", ".join(f"refs/pr/{number}" for number in numbers) or "none known"
    return STILL_NEEDED.format(repo=repo_id, refs=refs)


def take_down(dataset: DatasetFiles, ids: Iterable[str], *, reason: str = "") -> TakenDown:
    """Removes contributions by content id and leaves a tombstone for each.

    A row can be in its own file and in merged ones, so all files are searched.

    Args:
        dataset: The dataset.
        ids: Content ids; one that isn't in the dataset gets a tombstone too.
        reason: Kept in the tombstone, which everyone can read.

    Raises:
        ReviewError: A text that is not a content id.
        RemoteBusyError: Other commits came first in every attempt.
    """
    wanted = sorted(set(ids))
    for content_id in wanted:
        if not layout.is_content_id(content_id):
            raise ReviewError(f"'{content_id[:40]}' is not a content id: 32 hexadecimal digits")
    if not wanted:
        raise ReviewError("name at least one contribution to take down")
    removed: set[str] = set()  # over all attempts: one whose answer was lost may have removed rows
    notes = {layout.tombstone_path(i): _tombstone(i, reason) for i in wanted}
    unread = retry_on_head(
        dataset, lambda head: _take_down(dataset, head, notes=notes, removed=removed)
    )
    return TakenDown(tuple(sorted(removed)), tuple(wanted), unread)


def _take_down(
    dataset: DatasetFiles, head: str, *, notes: dict[str, bytes], removed: set[str]
) -> tuple[str, ...]:
    """Makes the commit; returns why merged files can't be read."""
    wanted = {path.rsplit("/", 1)[1].removesuffix(".json") for path in notes}
    paths = set(dataset.paths(revision=head))
    own = {layout.row_path(i): i for i in wanted if layout.row_path(i) in paths}
    removed |= set(own.values())
    accepted = {layout.accepted_path(i) for i in wanted} & paths
    added, deleted, unread = dict(notes), [*own, *sorted(accepted)], []
    for path in sorted(p for p in paths if p.startswith(f"{layout.MERGED}/")):
        try:
            inside = _without(dataset, path, revision=head, wanted=wanted)
        except RecordError as error:  # the other files must still be changed
            unread.append(str(error))
            continue
        if inside is not None:
            added.update(inside[0])
            deleted.append(path)
            removed |= inside[1]
    title = f"Take down {counted(len(wanted), 'contribution')}"
    dataset.commit(added, title=title, deleted=deleted, parent=head)
    return tuple(unread)


def _without(
    dataset: DatasetFiles, path: str, *, revision: str, wanted: set[str]
) -> tuple[dict[str, bytes], set[str]] | None:
    """Returns the files that replace a merged file and the ids that they leave out, or None.

    The ids are read first: they take some kilobytes, the rows megabytes.
    """
    found = {row["content_id"] for row in facts_of(dataset, path, revision=revision)} & wanted
    if not found:
        return None
    rows = rows_in(dataset, path, revision=revision)
    return merged_files(row for row in rows if row["content_id"] not in found), found


def _tombstone(content_id: str, reason: str) -> bytes:
    when = datetime.now(UTC).replace(microsecond=0).isoformat()
    note = {"content_id": content_id, "taken_down_at": when, "reason": reason}
    return (json.dumps(note) + "\n").encode()
