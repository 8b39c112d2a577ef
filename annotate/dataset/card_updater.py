"""Update the card of a dataset in a background thread, after rows were merged or saved."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial

from annotate._files import log_unexpected
from annotate.dataset.base import DatasetFiles
from annotate.dataset.index import MOST_AT_ONCE, RowIndex
from annotate.dataset.refresh import refresh_card
from annotate.errors import RemoteBusyError
from segface_hf.errors import SegFaceError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CardPace:
    """How often the card is updated; all times in seconds.

    Attributes:
        soon: Time after a merge, so that several at once are counted once.
        every: Least time between two updates: 300 makes at most 12 commits an hour.
        longest: Longest wait after failures; the wait doubles up to it.
        files: Files of the dataset to read at a time; the others follow after `soon`.
    """

    soon: float = 3.0
    every: float = 300.0
    longest: float = 900.0
    files: int = MOST_AT_ONCE


IN_A_FOLDER = CardPace(every=60.0)  # the Hub's limit of commits doesn't apply


class CardUpdater:
    """Counts a dataset and updates its card and growth plot in its own thread.

    A failure doesn't affect what was merged: a busy Hub is tried again, a refusal is kept as
    `trouble` until the next merge. `python -m annotate card` does the same by hand.

    Args:
        row_index: Keeps what was counted before, so that only new rows are read.
        pace: How often.
    """

    def __init__(self, row_index: RowIndex, *, pace: CardPace | None = None) -> None:
        self.row_index = row_index
        self.trouble = ""
        self._pace = pace or CardPace()
        self._lock = threading.Lock()
        self._dataset: DatasetFiles | None = None
        self._merges, self._failures = 0, 0
        self._renewed: float | None = None
        self._thread: threading.Thread | None = None

    def merged(self, dataset: DatasetFiles) -> None:
        """Schedules an update after a merge or save; returns at once.

        Args:
            dataset: The dataset; on the Hub with a token that may write to it, kept in memory.
        """
        with self._lock:
            self._dataset, self._merges, self._failures = dataset, self._merges + 1, 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="card-updater", daemon=True)
                self._thread.start()

    def settled(self, timeout: float) -> bool:
        """Waits until every update is made; returns False after the timeout."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self._thread is None

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # the next merge must start a new thread
            log_unexpected(log, error)
            self.trouble = f"an unexpected error ({type(error).__name__}), see the log"
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _work(self) -> None:
        wait: float | None = self._first_wait()
        while wait is not None:
            time.sleep(wait)
            wait = self.step()
            with self._lock:
                if wait is None and self._merges:
                    wait = self._first_wait()
                if wait is None:
                    self._thread = None

    def _first_wait(self) -> float:
        if self._renewed is None:
            return self._pace.soon
        return max(self._pace.soon, self._renewed + self._pace.every - time.monotonic())

    def step(self) -> float | None:
        """Makes the update that is due; returns the seconds until the next step, or None."""
        with self._lock:
            dataset, merges = self._dataset, self._merges
        if dataset is None or not merges:
            return None
        try:
            if self.row_index.update(dataset, most=self._pace.files):
                return self._pace.soon
            refresh_card(dataset, partial(self.row_index.at, dataset))
        except RemoteBusyError as error:
            return max(self._failed(str(error)), error.retry_after or 0.0)
        except SegFaceError as error:
            self._finished(merges, trouble=str(error))
            log.warning("the card of %s is not updated: %s", dataset.id or "the folder", error)
            return None
        self._finished(merges)
        return None

    def _failed(self, trouble: str) -> float:
        self.trouble = trouble
        self._failures += 1
        return min(self._pace.longest, self._pace.soon * 2.0 ** min(self._failures, 20))

    def _finished(self, merges: int, *, trouble: str = "") -> None:
        with self._lock:
            self._merges -= merges
            self.trouble, self._failures, self._renewed = trouble, 0, time.monotonic()
