"""Prefetching: computes coming batches in a thread or in processes while the current step runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_all_start_methods
from typing import Generic, Protocol, TypeVar

from torch.utils.data import DataLoader, Dataset

# Forked processes share photos in memory, which others would have to copy.
_START = "fork" if "fork" in get_all_start_methods() and sys.platform == "linux" else None

Item = TypeVar("Item")
Given = TypeVar("Given", covariant=True)
Make = Callable[[int], Item]


class Prefetcher(Protocol[Given]):
    """Gives items by number; taking them in order is fast."""

    def take(self, number: int) -> Given:
        """Returns an item and starts computing the next ones."""
        ...


def prefetcher(make: Make[Item], *, processes: int = 0) -> Prefetcher[Item]:
    """Returns a prefetcher.

    Args:
        make: From a number to an item; the result must depend on the number alone. With processes
            it must be picklable where the platform doesn't fork.
        processes: How many processes compute items; 0 takes a thread.
    """
    return ProcessPrefetcher(make, processes) if processes else ThreadPrefetcher(make)


class ThreadPrefetcher(Generic[Item]):
    """Prepares the next item in a thread.

    Args:
        make: From a number to an item.
    """

    def __init__(self, make: Make[Item]) -> None:
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


@dataclass(frozen=True)
class _Numbered(Dataset[Item]):
    make: Make[Item]

    def __getitem__(self, number: int) -> Item:
        return self.make(number)


class ProcessPrefetcher(Generic[Item]):
    """Prepares the next items in processes, two ahead in each.

    Args:
        make: From a number to an item.
        processes: How many.
    """

    def __init__(self, make: Make[Item], processes: int) -> None:
        self._items, self._processes = _Numbered(make), processes
        self._coming: Iterator[Item] | None = None
        self._next = 0

    def take(self, number: int) -> Item:
        """Returns an item; one out of order starts new processes."""
        if self._coming is None or number != self._next:
            numbers = count(number)
            loader = DataLoader(
                self._items,
                batch_size=None,
                sampler=numbers,
                num_workers=self._processes,
                multiprocessing_context=_START,
            )
            self._coming = iter(loader)
        self._next = number + 1
        return next(self._coming)
