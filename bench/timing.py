"""Interleaved timing: compared calls alternate, so that noise affects all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

CLOCKS: Mapping[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Timing:
    """Seconds of each run of one thing."""

    seconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        """The 95th percentile; the largest of few runs."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]

    def to_dict(self) -> dict[str, float]:
        """Returns milliseconds, rounded."""
        return {"p50_ms": round(self.p50 * 1e3, 1), "p95_ms": round(self.p95 * 1e3, 1)}


def interleaved(
    calls: Mapping[str, Callable[[], object]], *, repeats: int, clock: str
) -> dict[str, Timing]:
    """Runs every call once to warm up, then all of them in turn.

    Args:
        calls: What to run, by name.
        repeats: Rounds.
        clock: `wall`, or `cpu` for the process's own time on a machine that others use too.
    """
    now = CLOCKS[clock]
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = now()
            call()
            seconds[name].append(now() - start)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def ratio(first: Timing, second: Timing) -> float:
    """How many times the first takes what the second does: the median over rounds."""
    pairs = zip(first.seconds, second.seconds, strict=True)
    return statistics.median(a / b for a, b in pairs)
