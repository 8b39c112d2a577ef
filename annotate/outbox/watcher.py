"""Follow what maintainers decide on open pull requests, and what they ask for in them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from annotate.dataset.proposals import HubStore, proposed_id
from annotate.dataset.repo import PullRequest
from annotate.errors import RemoteBusyError, RemoteRefusedError
from annotate.outbox.queue import ContributorQueue, Entry, State

log = logging.getLogger(__name__)
MOST_ASKED = 20


class PullRequestWatcher:
    """Reads the open pull requests of each queue, and notes decisions and comments.

    Args:
        every: Seconds between two reads for one queue.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._not_before: dict[str, float] = {}
        self._last_read: dict[str, str] = {}

    def soon(self, queue: ContributorQueue) -> None:
        """Makes the next read for a queue due."""
        self._not_before.pop(queue.name, None)

    def later(self, queue: ContributorQueue) -> None:
        """Delays the first read for a queue: a decision takes time."""
        self._not_before.setdefault(queue.name, time.monotonic() + self._every)

    def look(self, queue: ContributorQueue, store: HubStore, *, own: bool = True) -> int:
        """Reads, if it is due; returns how many contributions were decided.

        Args:
            queue: Whose.
            store: The dataset.
            own: Whether its token is the contributor's, which lists all their requests at once.
                With another token some are read at each call, by turns.
        """
        proposed = [entry for entry in queue.open_entries() if entry.state is State.PROPOSED]
        if not proposed or time.monotonic() < self._not_before.get(queue.name, 0.0):
            return 0
        self._not_before[queue.name] = time.monotonic() + self._every
        try:
            if own:
                requests = store.outcomes()
            else:
                proposed = self._turn(queue, proposed)
                requests = self._numbered(queue, proposed, store)
            known = [(entry, requests[entry.id]) for entry in proposed if entry.id in requests]
            moved = sum(_decided(queue, entry, request, store) for entry, request in known)
            waiting = [entry for entry, request in known if request.status in ("open", "draft")]
            turn = self._turn(queue, waiting) if own else waiting
            self._read_comments(queue, {entry: requests[entry.id].number for entry in turn}, store)
        except (RemoteBusyError, RemoteRefusedError) as error:
            log.info("pull requests can't be read now: %s", error)
            return 0
        return moved

    def _turn(self, queue: ContributorQueue, entries: list[Entry]) -> list[Entry]:
        """Returns the entries to read now: each takes a request, and the Hub limits requests."""
        last = self._last_read.get(queue.name, "")
        return sorted(entries, key=lambda entry: (entry.id <= last, entry.id))[:MOST_ASKED]

    def _numbered(
        self, queue: ContributorQueue, entries: list[Entry], store: HubStore
    ) -> dict[str, PullRequest]:
        """Returns pull requests by content id; the next call continues after them."""
        found = {}
        for entry in entries:
            self._last_read[queue.name] = entry.id
            request = store.repo.pull_request(entry.number) if entry.number else None
            # If the app had another dataset before, the number is another request here.
            if request is not None and proposed_id(request) == entry.id:
                found[entry.id] = request
        return found

    def _read_comments(
        self, queue: ContributorQueue, numbers: Mapping[Entry, int], store: HubStore
    ) -> None:
        """Reads the comments of some pull requests; the next call continues after them."""
        for entry, number in numbers.items():
            # Noted first: one that can't be read must not block the others.
            self._last_read[queue.name] = entry.id
            said = store.said(number)[:500].rstrip(".")
            if said != entry.reason:
                queue.note(replace(entry, reason=said))


def _decided(queue: ContributorQueue, entry: Entry, request: PullRequest, store: HubStore) -> int:
    if request.status == "merged":
        queue.note(entry.ended(State.MERGED))
    elif request.status == "closed":
        queue.note(entry.ended(State.REFUSED, store.reason(request.number)))
    else:
        return 0
    return 1
