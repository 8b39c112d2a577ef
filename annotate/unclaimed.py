"""Unclaimed: how much may wait in an outbox that nobody with an account has put there.

Each anonymous session has a tray of its own, so what one tray may hold limits none who opens a new
session for every row; and only the session itself can have its rows sent. This counts all such
trays together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from annotate.errors import StoreError
from annotate.outbox.queue import Outbox, Tray

MOST_UNCLAIMED = 2000
_RECOUNT = 10.0


class Unclaimed:
    """Bounds the rows of all anonymous trays together.

    Args:
        outbox: Where the trays are.
        most: Rows that may wait there.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self, outbox: Outbox, most: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._outbox, self._most, self._clock = outbox, most, clock
        self._held, self._until = 0, 0.0
        self._lock = threading.Lock()

    def admit(self, tray: Tray) -> None:
        """Counts one more row of an anonymous tray.

        Raises:
            StoreError: As many wait as may.
        """
        with self._lock:
            # Looking into every tray takes time, so rows that were sent are noticed a bit later.
            if self._clock() >= self._until:
                self._held = sum(t.waiting() for t in self._outbox.trays() if t.is_anonymous())
                self._until = self._clock() + _RECOUNT
            if self._held >= self._most:
                raise StoreError(
                    f"{self._most:,} corrections without an account wait here already, which is "
                    "as many as may: save with an account, or ask whoever runs this app to have "
                    "them sent"
                )
            tray.mark_anonymous()
            self._held += 1
