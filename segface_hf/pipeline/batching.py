"""Sharing one model among threads that parse one photo each: their crops form batches."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Barrier, Lock
from typing import TypeVar
from weakref import WeakSet

import numpy as np
from PIL import Image

from segface_hf.config import SegFaceConfig
from segface_hf.pipeline.detect import Detection, Detector
from segface_hf.pipeline.merge import CropParse
from segface_hf.pipeline.pipeline import Engine

Item = TypeVar("Item")
Result = TypeVar("Result")

# Photos in work at a time: as many as crops that go through the model together.
TOGETHER = 4


@dataclass(frozen=True, eq=False)
class _Call:
    """Crops that wait for the model, and where their result goes."""

    crops: np.ndarray
    landmarks: np.ndarray | None
    confidence: bool
    result: Future[list[CropParse]] = field(default_factory=Future)


class SharedEngine:
    """An engine for many threads: crops that wait for the model go through it as one batch.

    Each core runs the model on its own crops in its own thread: threads that share one
    operation wait for each other, and for threads that read or write pictures.

    Args:
        engine: Does the work.
        most: Crops in one call of the model, unless a single caller brings more.
        cores: Calls of the model at a time, one thread each; None for the engine's own number.
    """

    def __init__(self, engine: Engine, *, most: int = TOGETHER, cores: int | None = None) -> None:
        self._engine, self._most = engine, most
        self._cores = getattr(engine, "cores", 1) if cores is None else cores
        self.reset()
        _reset_after_forks().add(self)

    def reset(self) -> None:
        """Drops all threads and waiting calls, as is needed after a fork."""
        self._waiting: deque[_Call] = deque()
        self._lock = Lock()
        self._threads: ThreadPoolExecutor | None = None

    @property
    def config(self) -> SegFaceConfig:
        """The engine's."""
        return self._engine.config

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, confidence: bool
    ) -> list[CropParse]:
        """Parses crops together with those of other threads; see `Engine`."""
        call = _Call(crops, landmarks, confidence)
        with self._lock:
            self._waiting.append(call)
            self._threads = self._threads or self._start()
        self._threads.submit(self._serve)
        return call.result.result()

    def _start(self) -> ThreadPoolExecutor:
        """Starts the threads that run the model, each with one thread inside an operation."""
        single = None if self._cores == 1 else getattr(self._engine, "single_threaded", None)
        if single is None:
            return _threads(self._cores)
        self._engine = single
        return ThreadPoolExecutor(self._cores, thread_name_prefix="model")

    def _serve(self) -> None:
        with self._lock:
            calls = self._next_calls()
        if not calls:  # an earlier batch included them
            return
        try:
            parsed = iter(self._run(calls))
        except BaseException as error:
            for call in calls:
                call.result.set_exception(error)
            return
        for call in calls:
            call.result.set_result([next(parsed) for _ in call.crops])

    def _next_calls(self) -> list[_Call]:
        calls: list[_Call] = []
        free = self._most
        while self._waiting and (not calls or len(self._waiting[0].crops) <= free):
            if calls and not _alike(calls[0], self._waiting[0]):
                break
            calls.append(self._waiting.popleft())
            free -= len(calls[-1].crops)
        return calls

    def _run(self, calls: Sequence[_Call]) -> list[CropParse]:
        marks = [call.landmarks for call in calls if call.landmarks is not None]
        return self._engine.run(
            np.concatenate([call.crops for call in calls]),
            landmarks=np.concatenate(marks) if marks else None,
            confidence=calls[0].confidence,
        )


def _threads(cores: int) -> ThreadPoolExecutor:
    """Threads that run the model; where there are several, an operation uses one thread."""
    if cores == 1:
        return ThreadPoolExecutor(1, thread_name_prefix="model")
    import torch

    before, started = torch.get_num_threads(), Barrier(cores + 1)

    def start() -> None:
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(cores, thread_name_prefix="model", initializer=start)
    for _ in range(cores):
        pool.submit(int)
    started.wait()
    # torch applies a thread's number to all threads that start later, too.
    torch.set_num_threads(before)
    return pool


@lru_cache(maxsize=1)
def _reset_after_forks() -> WeakSet[SharedEngine | SharedDetector]:
    shared: WeakSet[SharedEngine | SharedDetector] = WeakSet()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: [one.reset() for one in shared])
    return shared


def _alike(a: _Call, b: _Call) -> bool:
    return (
        a.crops.shape[1:] == b.crops.shape[1:]
        and a.confidence == b.confidence
        and (a.landmarks is None) == (b.landmarks is None)
    )


class SharedDetector:
    """A detector for many threads, one at a time: native detectors may not be thread-safe.

    Args:
        detector: Does the work.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.reset()
        _reset_after_forks().add(self)

    def reset(self) -> None:
        """Releases the lock, as is needed after a fork."""
        self._lock = Lock()

    def detect(self, image: Image.Image) -> Sequence[Detection]:
        """Returns the faces of an RGB image, in its pixels."""
        with self._lock:
            return self._detector.detect(image)


def side_by_side(
    items: Iterable[Item], work: Callable[[Item], Result], *, threads: int = TOGETHER
) -> Iterator[Result]:
    """Yields the results of work on items in order, while threads work on the next items.

    Args:
        items: A few more are taken than have been yielded.
        work: Its errors are raised in the place of the result.
        threads: How many items are in work at a time.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="photo")
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
