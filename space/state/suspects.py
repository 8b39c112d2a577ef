"""Which rows that wait for review are probably wrong, judged one by one in the background."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from annotate._files import log_unexpected
from annotate.growth.suspects import JudgedRow
from segface_hf.errors import SegFaceError

log = logging.getLogger(__name__)
MOST_WAITING = 50
_MOST_KNOWN = 1000

Judge = Callable[[], JudgedRow]


class Suspects:
    """Judged rows by the name under which a list shows them: a pull request, or a content id.

    One thread judges what was asked for and ends when nothing is left. A row that can't be judged
    has nothing suspected.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, JudgedRow] = OrderedDict()
        self._waiting: OrderedDict[Hashable, Judge] = OrderedDict()
        self._working = False
        self._lock = threading.Lock()

    def known(self, name: Hashable) -> JudgedRow | None:
        """Returns what was found in a row; None where it was not judged yet."""
        with self._lock:
            return self._known.get(name)

    def is_pending(self, name: Hashable) -> bool:
        """Whether a row waits to be judged, or is being judged."""
        with self._lock:
            return name in self._waiting

    @property
    def pending(self) -> int:
        """How many rows wait."""
        with self._lock:
            return len(self._waiting)

    def ask(
        self, name: Hashable, judge: Judge, *, content_id: str = "", first: bool = False
    ) -> None:
        """Has a row judged; does nothing where it is known or too many wait.

        Args:
            name: Under which the row is listed.
            judge: Reads and judges it, in another thread.
            content_id: The row: what is known of another one under this name is forgotten.
            first: Whether it is judged before the others, as somebody looks at it.
        """
        with self._lock:
            known = self._known.get(name)
            if known is not None and content_id and known.content_id not in ("", content_id):
                del self._known[name]
            if name in self._known or (len(self._waiting) >= MOST_WAITING and not first):
                return
            self._waiting.setdefault(name, judge)
            if first:
                self._waiting.move_to_end(name, last=False)
                while len(self._waiting) > MOST_WAITING:
                    self._waiting.popitem()
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="suspects", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._working = False
                    return
                name, judge = next(iter(self._waiting.items()))
            judged = _judged(judge)
            with self._lock:
                self._waiting.pop(name, None)
                self._known[name] = judged
                while len(self._known) > _MOST_KNOWN:
                    self._known.popitem(last=False)


def _judged(judge: Judge) -> JudgedRow:
    try:
        return judge()
    except SegFaceError as error:
        log.info("a row can't be judged: %s", type(error).__name__)
    except Exception as error:  # one broken row must not end the thread
        log_unexpected(log, error)
    return JudgedRow("", ())
