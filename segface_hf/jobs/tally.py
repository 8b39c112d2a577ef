"""Tally: counts of a run's photos, faces and failures, and the summary at its end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segface_hf._utils import counted


@dataclass(frozen=True)
class ParseResult:
    """The result of one photo.

    Attributes:
        photo: Its name in messages.
        faces: Number of faces found.
        error: The error's message; None if it was parsed.
    """

    photo: str
    faces: int = 0
    error: str | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ParseResult:
        """Reads a result row."""
        place = row["photo"] if row["source"] == "photos" else f"{row['source']}#{row['row']}"
        return cls(place, len(row.get("faces") or ()), row["error"])


# A summary of a million rows lists the first failures; the table holds all of them.
_LISTED = 100


@dataclass
class Tally:
    """Counts of photos, and lists of those that need attention.

    Attributes:
        skipped: Photos that were done before.
        parsed: Photos parsed now.
        faces: Faces in them.
        faceless: Photos without a face.
        failed: Photos that could not be parsed, with the reason; of earlier runs as well.
        note: One more sentence for the summary.
    """

    skipped: int = 0
    parsed: int = 0
    faces: int = 0
    faceless: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    note: str | None = None

    def add(self, result: ParseResult) -> None:
        """Counts one photo."""
        if result.error is not None:
            self.failed.append((result.photo, result.error))
            return
        self.parsed += 1
        self.faces += result.faces
        if not result.faces:
            self.faceless.append(result.photo)

    def skip(self, result: ParseResult) -> None:
        """Counts one photo of an earlier run; its failure is listed again."""
        if result.error is not None:
            self.failed.append((result.photo, result.error))
        else:
            self.skipped += 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened."""
        return not (self.skipped or self.parsed or self.failed)

    def print_summary(self, out: str) -> None:
        """Prints the summary; failures and photos without a face go to stderr."""
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
