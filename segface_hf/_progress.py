"""MedianBar: a progress bar that predicts the remaining time from the median, not the mean."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

from tqdm import tqdm

_REMEMBERED = 101


class MedianBar(tqdm):
    """A bar whose rate is the median of the latest items.

    The first item loads a model and a large photo takes long; neither changes the prediction.

    Args:
        clock: Returns seconds; tests pass their own.
        arguments, options: As tqdm takes them.
    """

    def __init__(
        self, *arguments: Any, clock: Callable[[], float] = time.monotonic, **options: Any
    ) -> None:
        self._clock, self._last = clock, clock()
        self._durations: deque[float] = deque(maxlen=_REMEMBERED)
        super().__init__(*arguments, **{"miniters": 1, **options})

    def update(self, n: float | None = 1) -> bool | None:
        """Counts items, and remembers how long each took."""
        now = self._clock()
        if n and n > 0:
            self._durations.append((now - self._last) / n)
        self._last = now
        return super().update(n)

    @property
    def format_dict(self) -> MutableMapping[str, Any]:
        """The values that tqdm shows, with the median rate."""
        values: MutableMapping[str, Any] = super().format_dict
        middle = statistics.median(self._durations) if self._durations else 0.0
        return {**values, "rate": 1 / middle} if middle > 0 else values
