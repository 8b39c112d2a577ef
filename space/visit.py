"""Visit: what one open page remembers; a value, so that no two visitors can share it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from space.errors import PhotoGoneError, VisitError
from space.handlers import Batch, Parsed
from space.handlers_save import Receipt
from space.keeping import Contributor


@dataclass(frozen=True)
class Visit:
    """The photos of one page and what was saved from it.

    Attributes:
        keys: Where the shelf keeps the photos, in the order in which they are shown.
        notes: What to add to the sentence of each photo.
        current: The key of the photo that is being looked at; empty before the first.
        editing: The key of the photo in the editor; empty before the first.
        saved: Receipts, the newest first.
        who: Who saved them; None before the first.
    """

    keys: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    current: str = ""
    editing: str = ""
    saved: tuple[Receipt, ...] = ()
    who: Contributor | None = None

    def opened(self, batch: Batch) -> Visit:
        """Returns the visit with a batch of photos in place of those before."""
        notes = tuple(item.note for item in batch.parsed)
        return replace(self, keys=batch.keys, notes=notes, current=batch.keys[0])

    def picked(self, key: str) -> Visit:
        """Returns the visit looking at another of its photos.

        Raises:
            PhotoGoneError: The photo is not one of this visit.
        """
        if key not in self.keys:
            raise PhotoGoneError("This photo is not open on this page: open it again.")
        return replace(self, current=key)

    def swapped(self, parsed: Parsed) -> Visit:
        """Returns the visit with another parse of the photo that is being looked at."""
        place = self.place
        keys, notes = list(self.keys), list(self.notes)
        keys[place] = parsed.photo.key
        notes[place] = parsed.note or notes[place]
        return replace(self, keys=tuple(keys), notes=tuple(notes), current=keys[place])

    def received(self, receipt: Receipt, who: Contributor) -> Visit:
        """Returns the visit with one more saved correction, once each."""
        others = tuple(r for r in self.saved if r.kept.id != receipt.kept.id)
        return replace(self, saved=(receipt, *others), who=who)

    @property
    def place(self) -> int:
        """Index of the photo that is being looked at."""
        return self.keys.index(self.current)

    def photo(self) -> str:
        """Returns the key of the photo that is being looked at.

        Raises:
            VisitError: None is open yet.
        """
        if not self.current:
            raise VisitError("Open a photo first.")
        return self.current
