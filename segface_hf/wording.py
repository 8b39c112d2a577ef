"""Words that people read, put together in one way everywhere."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun: `1 face`, `12,000 faces`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
