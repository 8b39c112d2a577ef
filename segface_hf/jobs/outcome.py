"""Outcome: what became of one photo of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        photo: What to call it in a message.
        faces: How many were found.
        error: What went wrong, if anything.
    """

    photo: str
    faces: int = 0
    error: str | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Outcome:
        """Reads a result row."""
        place = row["photo"] if row["source"] == "photos" else f"{row['source']}#{row['row']}"
        return cls(place, len(row.get("faces") or ()), row["error"])
