"""What one open page remembers; a value, so that two visitors can't share it.

A `LiveVisit` holds the current value, for events that overlap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from space.errors import PhotoGoneError, VisitError
from space.handlers.downloads import with_mask
from space.handlers.parse import Batch, Parsed
from space.handlers.save import ConsentForm, SaveResult
from space.handlers.services import Services
from space.state.photo_cache import OpenPhoto
from space.state.saving import Contributor, anonymous


@dataclass(frozen=True)
class Visit:
    """The photos of one page and what was saved from it.

    Attributes:
        keys: Keys of the photos in the cache, in the order in which they are shown.
        notes: What to add to the sentence of each photo.
        names: What a photo is called, by its key; empty for uploads.
        current: The key of the photo that is being looked at; empty before the first.
        editing: The key of the photo that the editor was given; empty before the first.
        displaced: Whether unsaved work of another photo has come back in its place.
        saved: Receipts, the newest first.
        corrected: Content id of what was saved last of each photo, by the photo's key.
        who: The contributor who saved them; None before the first.
        queues: Keys of the queues on the way to the Hub that this page may show.
        stated: The statements that the last photo was shared with; None before the first.
    """

    keys: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    current: str = ""
    editing: str = ""
    displaced: bool = False
    saved: tuple[SaveResult, ...] = ()
    corrected: Mapping[str, str] = field(default_factory=dict)
    who: Contributor | None = None
    queues: tuple[str, ...] = ()
    stated: ConsentForm | None = None

    def opened(self, batch: Batch) -> Visit:
        """Returns the visit with a batch of photos in place of those before."""
        notes = tuple(item.note for item in batch.parsed)
        names = {**self.names, **{item.photo.key: item.name for item in batch.parsed}}
        current = batch.keys[0]
        return replace(self, keys=batch.keys, notes=notes, names=names, current=current)

    def picked(self, key: str) -> Visit:
        """Returns the visit looking at another of its photos.

        Raises:
            PhotoGoneError: The photo is not one of this visit.
        """
        if key not in self.keys:
            raise PhotoGoneError("This photo is not open on this page: open it again.")
        return replace(self, current=key)

    def to_correct(self, key: str) -> Visit:
        """Returns the visit that asks for one of its photos in the editor.

        Raises:
            PhotoGoneError: The photo is not one of this visit.
        """
        editing = "" if self.displaced else self.editing
        return replace(self.picked(key), editing=editing, displaced=False)

    @property
    def following(self) -> str:
        """Key of the photo to correct after the one in the editor; empty where there is no other.

        In the order of the photos and around its end, those first of which nothing is saved.
        """
        held = self.editing if self.editing in self.keys else self.current
        at = self.keys.index(held) if held in self.keys else 0
        others = [key for key in (*self.keys[at + 1 :], *self.keys[:at]) if key != held]
        return next((key for key in others if key not in self.corrected), (others or [""])[0])

    @property
    def has_unsaved_other(self) -> bool:
        """Whether another photo than the one in the editor is open and not saved yet."""
        return bool(self.following) and self.following not in self.corrected

    def unopened(self, key: str) -> Visit:
        """Returns the visit whose editor could not open a photo that it was given."""
        return replace(self, editing="") if key == self.editing else self

    def restored(self) -> Visit:
        """Returns the visit whose editor holds other work than the photo to correct."""
        return replace(self, displaced=True, editing=self.editing or self.current)

    def reopened(self, key: str) -> Visit:
        """Returns the visit whose editor opened a photo that it could not open before."""
        return self if self.editing else replace(self, editing=key)

    def swapped(self, former: str, parsed: Parsed) -> Visit:
        """Returns the visit with another parse of one of its photos.

        Raises:
            PhotoGoneError: The photo is not one of this visit.
        """
        place = self.picked(former).place
        keys, notes = list(self.keys), list(self.notes)
        keys[place] = parsed.photo.key
        notes[place] = parsed.note or notes[place]
        names = {**self.names, parsed.photo.key: self.names.get(former, "")}
        current = keys[place] if self.current == former else self.current
        return replace(self, keys=tuple(keys), notes=tuple(notes), names=names, current=current)

    def without(self, gone: Collection[str]) -> Visit:
        """Returns the visit without photos whose time ran out, if others are left to look at."""
        left = [item for item in zip(self.keys, self.notes, strict=True) if item[0] not in gone]
        if not left:
            return self
        keys, notes = zip(*left, strict=True)
        current = self.current if self.current in keys else keys[0]
        return replace(self, keys=keys, notes=notes, current=current)

    def received(self, result: SaveResult, who: Contributor, form: ConsentForm) -> Visit:
        """Returns the visit with one more saved correction, once each."""
        others = tuple(r for r in self.saved if r.row.id != result.row.id)
        corrected = {**self.corrected, result.photo: result.row.id}
        stated = form if form.agrees else self.stated
        return replace(self, saved=(result, *others), corrected=corrected, who=who, stated=stated)

    def opened_saved(self, parsed: Parsed, content_id: str) -> Visit:
        """Returns the visit that asks for a saved row in the editor, after its other photos."""
        key, keys, notes = parsed.photo.key, self.keys, self.notes
        if key not in keys:
            keys, notes = (*keys, key), (*notes, parsed.note)
        visit = replace(
            self,
            keys=keys,
            notes=notes,
            names={**self.names, key: parsed.name},
            corrected={**self.corrected, key: content_id},
        )
        return replace(visit.to_correct(key), editing=key)

    def deleted(self, content_id: str) -> Visit:
        """Returns the visit without a row that was deleted; the photo stays open."""
        return replace(
            self,
            saved=tuple(result for result in self.saved if result.row.id != content_id),
            corrected={key: i for key, i in self.corrected.items() if i != content_id},
        )

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


def corrected_photo(services: Services, visit: Visit, key: str) -> OpenPhoto:
    """Returns an open photo with what the visit saved of it last, or with the prediction.

    Raises:
        PhotoGoneError: It is no longer open.
    """
    saved = visit.corrected.get(key)
    mask = services.photos.mask(key, saved) if saved else None
    return with_mask(services.photos.get(key), mask)


class LiveVisit:
    """The visit of one open page as it is now.

    While a parse runs, its visitor may pick photos and save. So an event changes the visit as it is
    when the event ends, and never writes back the visit as it was when the event began.

    Attributes:
        now: The visit.
        anonymous: The contributor of this page while no one is signed in here.
    """

    def __init__(self) -> None:
        self.now = Visit()
        self.anonymous = anonymous()
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: object) -> LiveVisit:
        """Returns the live visit of another page: Gradio copies a state's first value for each."""
        return LiveVisit()

    def claim(self) -> Visit | None:
        """Gives the current photo to the editor, once.

        Returns:
            The visit to open; None where there is no photo or the editor has it already.
        """
        with self._lock:
            if not self.now.current or self.now.current == self.now.editing:
                return None
            self.now = replace(self.now, editing=self.now.current, displaced=False)
            return self.now

    def change(self, step: Callable[[Visit], Visit]) -> None:
        """Replaces the visit by what `step` returns; it stays as it is if `step` raises."""
        with self._lock:
            self.now = step(self.now)
