"""Prefetching: computes the next batch while the current step runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetcher(Generic[Item]):
    """Computes items by number and prepares the next one in a thread.

    Args:
        make: From a number to an item; the result must depend on the number alone.
    """

    def __init__(self, make: Callable[[int], Item]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batch")
        self._pending: tuple[int, Future[Item]] | None = None

    def take(self, number: int) -> Item:
        """Returns an item and starts computing the next one."""
        if self._pending is not None and self._pending[0] == number:
            item = self._pending[1].result()
        else:
            item = self._make(number)
        self._pending = (number + 1, self._pool.submit(self._make, number + 1))
        return item
