"""Pull requests that hold contributions, with every id that a contribution had."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import partial

from annotate.dataset import layout
from annotate.dataset.base import retry
from annotate.dataset.index import RowIndex
from annotate.dataset.proposals import proposed_id
from annotate.dataset.repo import DatasetRepo, PullRequest
from annotate.errors import RemoteRefusedError

FIXED = "Fixed and accepted as `{}`."
_FIXED = re.compile(re.escape(FIXED).replace(r"\{\}", "([0-9a-f]{32})"))


@dataclass(frozen=True)
class Trace:
    """A pull request and the ids of the contribution in it.

    Attributes:
        request: The pull request.
        title: The id in its title, which a fix leaves as it was; "" where there is none.
        rows: Ids of the rows that it adds.
        said: Ids under which it was accepted, by a comment, where the Hub shows no rows.
    """

    request: PullRequest
    title: str
    rows: frozenset[str]
    said: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """Every id of the contribution."""
        return (self.rows | self.said | {self.title}) - {""}

    @property
    def merged(self) -> bool:
        """Whether a maintainer accepted it."""
        return self.request.status == "merged"

    @property
    def open(self) -> bool:
        """Whether it waits for a decision."""
        return self.request.status in ("open", "draft")


def traces(repo: DatasetRepo, *, held: Set[str]) -> tuple[Trace, ...]:
    """Returns the trace of every pull request, open or not, that proposes a contribution.

    Args:
        repo: The dataset.
        held: Ids that the head has. A merged request with such a title was accepted unchanged, or
            its author changed the title since. Its rows are not read, so that a title can't stand
            for another account's row. The other merged ones cost a request each.
    """
    requests = retry(lambda: list(repo.pull_requests()))
    found = (_trace(repo, request, held) for request in reversed(requests))
    return tuple(trace for trace in found if trace.ids)


def under_all_ids(named: Set[str], among: Iterable[Trace]) -> set[str]:
    """Returns the named ids and the others of the same contributions, before and after a fix.

    Only merged requests count: an open one may hold any rows.
    """
    merged = [trace for trace in among if trace.merged]
    ids = set(named).union(*(trace.rows for trace in merged if trace.ids & named))
    return ids | {trace.title for trace in merged if trace.ids & ids and trace.title}


def of_their_photos(
    repo: DatasetRepo, mine: Iterable[Trace], others: Iterable[Trace], *, photos: Set[str]
) -> list[Trace]:
    """Returns the other requests whose rows have the same photo id.

    Args:
        repo: The dataset.
        mine: Requests whose photos are looked for, a small request each.
        others: Requests to look at, a small request each.
        photos: Further photo ids to look for.
    """
    row_index = RowIndex()
    wanted = set(photos).union(*(_photos(repo, row_index, trace) for trace in mine))
    return [t for t in others if _photos(repo, row_index, t) & wanted] if wanted else []


def _trace(repo: DatasetRepo, request: PullRequest, held: Set[str]) -> Trace:
    title = proposed_id(request) or ""
    if title and (title in held or request.status != "merged"):
        return Trace(request, title, frozenset([title]))
    whole = retry(lambda: repo.pull_request(request.number))
    added = (layout.id_at(path) for change, path in whole.files if change == "added")
    rows = frozenset(content_id for content_id in added if content_id)
    # Every account can write a comment, so one counts only where there are no rows.
    texts = () if rows or not title else (text for _, text in whole.comments)
    said = (content_id for text in texts for content_id in _FIXED.findall(text))
    return Trace(request, title, rows, frozenset(said))


def _photos(repo: DatasetRepo, row_index: RowIndex, trace: Trace) -> set[str]:
    number, found = trace.request.number, set[str]()
    for content_id in sorted(trace.ids):
        try:
            row = retry(partial(row_index.proposed, repo, number, content_id))
        except RemoteRefusedError:  # the Hub's support may have removed its ref
            continue
        found |= {row["photo_id"]} if row else set()
    return found
