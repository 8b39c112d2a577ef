"""Tally: what happened to the photos of a run, told at its end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segface_hf._utils import counted


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


# A summary of a million rows lists the first failures; the table holds all of them.
_LISTED = 100


@dataclass
class Tally:
    """Counts and lists.

    Attributes:
        skipped: Photos that were done before.
        parsed: Photos parsed now.
        faces: Faces in them.
        faceless: Photos without a face.
        failed: Photos that could not be parsed, with the reason; of earlier runs as well.
        note: What else is to be said at the end.
    """

    skipped: int = 0
    parsed: int = 0
    faces: int = 0
    faceless: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    note: str | None = None

    def add(self, outcome: Outcome) -> None:
        """Counts one photo."""
        if outcome.error is not None:
            self.failed.append((outcome.photo, outcome.error))
            return
        self.parsed += 1
        self.faces += outcome.faces
        if not outcome.faces:
            self.faceless.append(outcome.photo)

    def skip(self, outcome: Outcome) -> None:
        """Counts one photo that was done before; what failed then is told again."""
        if outcome.error is not None:
            self.failed.append((outcome.photo, outcome.error))
        else:
            self.skipped += 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened."""
        return not (self.skipped or self.parsed or self.failed)

    def tell(self, out: str) -> None:
        """Prints what was done; failures and photos without a face go to stderr."""
        skipped = f", {self.skipped:,} done before" if self.skipped else ""
        photos, faces = counted(self.parsed, "photo"), counted(self.faces, "face")
        print(f"{photos} parsed, {faces}{skipped}: {out}")
        _list(
            [
                f"no face found in {photo}: parse it alone as one face with --whole-image"
                for photo in self.faceless
            ]
        )
        _list([f"failed: {_named(photo, error)}" for photo, error in self.failed])
        if self.note:
            print(self.note, file=sys.stderr)


def _named(photo: str, error: str) -> str:
    return error if error.startswith(f"'{photo}'") else f"{photo}: {error}"


def _list(lines: list[str]) -> None:
    for line in lines[:_LISTED]:
        print(line, file=sys.stderr)
    if len(lines) > _LISTED:
        print(f"... and {len(lines) - _LISTED} more like these", file=sys.stderr)
