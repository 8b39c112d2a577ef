"""Lookout: sees what maintainers do with open pull requests, and what they ask for in them."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from annotate.entry import Entry, State
from annotate.errors import RemoteBusyError, RemoteRefusedError
from annotate.outbox import Tray
from annotate.store_hub import HubStore
from annotate.store_repo import PullRequest

log = logging.getLogger(__name__)
MOST_ASKED = 20


class Lookout:
    """Looks after the open pull requests of each tray.

    Args:
        every: Seconds between looks at those of one tray.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._not_before: dict[str, float] = {}
        self._heard: dict[str, str] = {}

    def soon(self, tray: Tray) -> None:
        """Lets the next look at a tray's pull requests be due."""
        self._not_before.pop(tray.name, None)

    def later(self, tray: Tray) -> None:
        """Puts the first look at a tray's pull requests off: nobody decides at once."""
        self._not_before.setdefault(tray.name, time.monotonic() + self._every)

    def look(self, tray: Tray, store: HubStore) -> int:
        """Looks, if it is time, and returns how many contributions were decided."""
        proposed = [entry for entry in tray.open_entries() if entry.state is State.PROPOSED]
        if not proposed or time.monotonic() < self._not_before.get(tray.name, 0.0):
            return 0
        self._not_before[tray.name] = time.monotonic() + self._every
        try:
            requests = store.outcomes()
            known = [(entry, requests[entry.id]) for entry in proposed if entry.id in requests]
            moved = sum(_decided(tray, entry, request, store) for entry, request in known)
            self._hear(tray, [one for one in known if one[1].status in ("open", "draft")], store)
        except (RemoteBusyError, RemoteRefusedError) as error:
            log.info("can't look at pull requests now: %s", error)
            return 0
        return moved

    def _hear(self, tray: Tray, known: list[tuple[Entry, PullRequest]], store: HubStore) -> None:
        """Reads what is asked in some pull requests; the next look goes on after them.

        Each takes a request of its own, which the Hub counts.
        """
        last = self._heard.get(tray.name, "")
        turn = sorted(known, key=lambda one: (one[0].id <= last, one[0].id))
        for entry, request in turn[:MOST_ASKED]:
            # Noted first: one that can't be read must not keep the others from their turn.
            self._heard[tray.name] = entry.id
            said = store.said(request.number)[:500].rstrip(".")
            if said != entry.reason:
                tray.note(replace(entry, reason=said))


def _decided(tray: Tray, entry: Entry, request: PullRequest, store: HubStore) -> int:
    if request.status == "merged":
        tray.note(entry.ended(State.MERGED))
    elif request.status == "closed":
        tray.note(entry.ended(State.REFUSED, store.reason(request.number)))
    else:
        return 0
    return 1
