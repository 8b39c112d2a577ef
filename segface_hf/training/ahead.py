"""Ahead: prepares the next step's batch in a thread while the current one is learnt from."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """Makes items by number, one ahead of the one that was asked for.

    Args:
        make: From a number to an item; it must not depend on what was made before.
    """

    def __init__(self, make: Callable[[int], Item]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batch")
        self._pending: tuple[int, Future[Item]] | None = None

    def take(self, number: int) -> Item:
        """Returns an item, and starts on the following one."""
        if self._pending is not None and self._pending[0] == number:
            item = self._pending[1].result()
        else:
            item = self._make(number)
        self._pending = (number + 1, self._pool.submit(self._make, number + 1))
        return item
