"""Checkpoints that were trained on rows of a dataset: a file for each, and a list in the card."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles, retry_on_head
from annotate.errors import RecordError

_BEGIN = "<!-- checkpoints: generated section, edits up to the end mark are overwritten -->"
_END = "<!-- checkpoints: end -->"
_MARKED = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
_TEXTS = ("checkpoint", "tag", "digest", "created_at")


@dataclass(frozen=True)
class Release:
    """A published checkpoint, and the rows that it was trained on.

    Attributes:
        checkpoint: `org/name` on the Hub.
        tag: Tag of its revision.
        digest: Digest of its weights.
        created_at: Date and time in UTC, as text.
        rows: Content ids, sorted.
    """

    checkpoint: str
    tag: str
    digest: str
    created_at: str
    rows: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.checkpoint} at {self.tag}"


def record_release(dataset: DatasetFiles, release: Release) -> None:
    """Adds a release to the dataset and its card in one commit; again changes nothing.

    Raises:
        RecordError: The dataset has no card, or a release in it can't be read.
        RemoteError: The Hub refuses, or is too busy.
    """
    path = layout.release_path(release.checkpoint, release.tag)
    data = (json.dumps(asdict(release)) + "\n").encode()

    def work(head: str) -> None:
        card = dataset.read(layout.CARD, revision=head)
        if card is None:
            raise RecordError(f"{dataset.id or 'the folder'} has no card: run `annotate init`")
        held = {str(each): each for each in _releases(dataset, head)} | {str(release): release}
        text = card.decode("utf-8", "replace")
        added = {path: data, layout.CARD: _with_list(text, held.values()).encode()}
        if any(dataset.read(name, revision=head) != new for name, new in added.items()):
            dataset.commit(added, title=f"Record {release}", parent=head)

    retry_on_head(dataset, work)


def releases_with(dataset: DatasetFiles, ids: Iterable[str]) -> list[tuple[Release, set[str]]]:
    """Returns the releases that were trained on some of these rows, and on which, oldest first.

    Raises:
        RecordError: A release can't be read.
        RemoteError: The Hub can't be asked.
    """
    wanted = set(ids)
    found = [(each, wanted & set(each.rows)) for each in _releases(dataset, dataset.head())]
    return sorted((pair for pair in found if pair[1]), key=lambda pair: pair[0].created_at)


def _releases(dataset: DatasetFiles, head: str) -> list[Release]:
    paths = [path for path in dataset.paths(revision=head) if path.startswith(layout.RELEASES)]
    return [_read(dataset.read(path, revision=head), path) for path in sorted(paths)]


def _read(data: bytes | None, path: str) -> Release:
    try:
        values: dict[str, Any] = json.loads(data or b"")
        texts = {name: str(values[name]) for name in _TEXTS}
        return Release(**texts, rows=tuple(map(str, values["rows"])))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"{path} of the dataset can't be read as a release: {error}") from error


def _with_list(card: str, releases: Iterable[Release]) -> str:
    """Returns a card with the list of releases; everything else is unchanged."""
    rows = [
        f"| [{each.checkpoint}](https://huggingface.co/{each.checkpoint}/tree/{each.tag}) "
        f"| {each.tag} | [{len(each.rows)}]({layout.release_path(each.checkpoint, each.tag)}) "
        f"| {each.created_at[:10]} |"
        for each in sorted(releases, key=lambda each: each.created_at)
    ]
    table = "\n".join(["| checkpoint | tag | rows | date |", "|---|---|---:|---|", *rows])
    section = f"{_BEGIN}\n## Checkpoints trained on these rows\n\n{table}\n{_END}"
    if _MARKED.search(card):
        return _MARKED.sub(lambda found: section, card, count=1)
    return f"{card.rstrip()}\n\n{section}\n"
