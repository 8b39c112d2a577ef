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
    """Looks after the open pull requests of each queue.

    Args:
        every: Seconds between looks at those of one queue.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._not_before: dict[str, float] = {}
        self._heard: dict[str, str] = {}

    def soon(self, queue: ContributorQueue) -> None:
        """Lets the next look at a queue's pull requests be due."""
        self._not_before.pop(queue.name, None)

    def later(self, queue: ContributorQueue) -> None:
        """Puts the first look at a queue's pull requests off: nobody decides at once."""
        self._not_before.setdefault(queue.name, time.monotonic() + self._every)

    def look(self, queue: ContributorQueue, store: HubStore, *, own: bool = True) -> int:
        """Looks, if it is time, and returns how many contributions were decided.

        Args:
            queue: Whose.
            store: The dataset.
            own: Its token is the contributor's, which finds all of theirs at once. With another
                token some are looked at in turn.
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
            self._hear(queue, {entry: requests[entry.id].number for entry in turn}, store)
        except (RemoteBusyError, RemoteRefusedError) as error:
            log.info("can't look at pull requests now: %s", error)
            return 0
        return moved

    def _turn(self, queue: ContributorQueue, entries: list[Entry]) -> list[Entry]:
        """Returns whose turn it is: each takes a request of its own, which the Hub counts."""
        last = self._heard.get(queue.name, "")
        return sorted(entries, key=lambda entry: (entry.id <= last, entry.id))[:MOST_ASKED]

    def _numbered(
        self, queue: ContributorQueue, entries: list[Entry], store: HubStore
    ) -> dict[str, PullRequest]:
        """Returns pull requests by content id; the next look goes on after them."""
        found = {}
        for entry in entries:
            self._heard[queue.name] = entry.id
            request = store.repo.pull_request(entry.number) if entry.number else None
            # Where the app had another dataset, that number is somebody else's in this one.
            if request is not None and proposed_id(request) == entry.id:
                found[entry.id] = request
        return found

    def _hear(self, queue: ContributorQueue, numbers: Mapping[Entry, int], store: HubStore) -> None:
        """Reads what is asked in some pull requests; the next look goes on after them."""
        for entry, number in numbers.items():
            # Noted first: one that can't be read must not keep the others from their turn.
            self._heard[queue.name] = entry.id
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
