"""How much one visitor may ask for: photos a minute, counted over a sliding window."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from space.errors import TooFastError

_WINDOW = 60.0
_VISITORS = 5000


class RateLimit:
    """Counts photos by visitor; remembers the most recent visitors only.

    Args:
        per_minute: Photos that one visitor may parse in a minute.
        clock: Seconds that never run backwards.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._clock = clock
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, visitor: str, photos: int = 1) -> None:
        """Counts photos of a visitor.

        Raises:
            TooFastError: They would exceed the limit; none is counted.
        """
        now = self._clock()
        with self._lock:
            times = self._seen.setdefault(visitor, deque())
            self._seen.move_to_end(visitor)
            while len(self._seen) > _VISITORS:
                self._seen.popitem(last=False)
            while times and now - times[0] >= _WINDOW:
                times.popleft()
            if len(times) + photos > self._limit:
                wait = int(_WINDOW - (now - times[0])) + 1 if times else int(_WINDOW)
                raise TooFastError(
                    f"At most {self._limit} photos a minute for each visitor: "
                    f"try again in {wait} seconds."
                )
            times.extend([now] * photos)
