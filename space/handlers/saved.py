"""Saved rows of a visitor: list them, open one again, delete one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from annotate.correction import Correction
from annotate.errors import StoreError
from annotate.review.folder import FolderReviewer
from annotate.review.inspection import RowInspection
from segface_hf.errors import SegFaceError
from segface_hf.faces import FaceParse
from space.handlers.downloads import with_mask
from space.handlers.parse import Parsed, as_sentence
from space.handlers.services import Services
from space.handlers.visit import Visit
from space.state.photo_cache import OpenPhoto
from space.state.saving import FolderCorrections, HubCorrections

MOST_LISTED = 50
MOST_PICTURES = 24
"""Rows of a list that get a thumbnail: each picture is sent inside the page."""


@dataclass(frozen=True)
class SavedItem:
    """One saved row as a list shows it.

    Attributes:
        id: Its content id.
        changes: What was corrected, in words.
        state: What became of it, as a sentence.
        picture: The photo with its mask as a `data:` address; empty where the row is gone.
        url: Where it is on the Hub; empty elsewhere.
    """

    id: str
    changes: str
    state: str
    picture: str = ""
    url: str = ""

    @property
    def is_here(self) -> bool:
        """Whether the row can be opened and deleted here."""
        return bool(self.picture)


def shows_all_rows(services: Services) -> bool:
    """Whether visitors see every row of the folder: only its owner's machine reaches the app."""
    return services.settings.private and services.settings.for_this_machine


def list_saved(services: Services, visit: Visit) -> list[SavedItem]:
    """Returns what the visitor saved, in this visit and before, the newest first."""
    known = {result.row.id: result for result in visit.saved}
    items = [
        SavedItem(content_id, _changed(result.changed), _state(services, visit, content_id))
        for content_id, result in known.items()
    ]
    items += [item for item in _earlier(services, visit) if item.id not in known]
    return [
        replace(item, picture=_picture(services, visit, item.id)) if at < MOST_PICTURES else item
        for at, item in enumerate(items[:MOST_LISTED])
    ]


def _earlier(services: Services, visit: Visit) -> list[SavedItem]:
    corrections = services.corrections
    if isinstance(corrections, HubCorrections):
        return [
            SavedItem(entry.id, "saved earlier", entry.sentence, url=entry.url)
            for entry in corrections.entries(visit.queues)
        ]
    if isinstance(corrections, FolderCorrections) and shows_all_rows(services):
        return [
            SavedItem(row["content_id"], _pixels(row), f"Saved on {row['created_at']:%d %B %Y}.")
            for row in corrections.recent(MOST_LISTED)
        ]
    return []


def _pixels(row: dict[str, Any]) -> str:
    count = row["changed_pixels"]
    return f"{count:,} pixels corrected" if count else _CONFIRMED


_CONFIRMED = "confirmed as right"


def _changed(changed: Any) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in changed.items()) or _CONFIRMED


def _state(services: Services, visit: Visit, content_id: str) -> str:
    if visit.who is None:
        return ""
    try:
        return services.corrections.state(content_id, who=visit.who)
    except SegFaceError as error:
        return as_sentence(error)


def _picture(services: Services, visit: Visit, content_id: str) -> str:
    try:
        return services.thumbnails.get(content_id, lambda: load_saved(services, visit, content_id))
    except SegFaceError:
        return ""  # merged, deleted or damaged: the list says what is known of it


def _queues(visit: Visit) -> Collection[str]:
    own = (visit.who.key,) if visit.who else ()
    return dict.fromkeys((*own, *visit.queues))


def load_saved(services: Services, visit: Visit, content_id: str) -> Correction:
    """Returns a row that the visitor saved.

    Raises:
        StoreError: It is not here, or it is of another visitor.
    """
    corrections = services.corrections
    if isinstance(corrections, FolderCorrections):
        _check_visible(services, visit, content_id)
    return corrections.load(content_id, keys=_queues(visit))


def inspect_saved(services: Services, content_id: str) -> RowInspection:
    """Returns a row of the app's folder with its checks, as `python -m annotate show` does.

    Raises:
        StoreError: The row is not in the folder, or this app doesn't show other people's rows.
    """
    corrections = services.corrections
    if not isinstance(corrections, FolderCorrections):
        raise StoreError("this app keeps no rows in a folder")
    _check_visible(services, Visit(), content_id)
    return FolderReviewer(corrections.store).inspect(content_id)


def _check_visible(services: Services, visit: Visit, content_id: str) -> None:
    own = {result.row.id for result in visit.saved}
    if content_id not in own and not shows_all_rows(services):
        raise StoreError("this correction was not saved from this page")


def delete_saved(services: Services, visit: Visit, content_id: str) -> str:
    """Deletes a row that the visitor saved; returns what to say.

    Raises:
        StoreError: It is not here, of another visitor, or on the Hub already.
    """
    load_saved(services, visit, content_id)
    services.corrections.delete(content_id, keys=_queues(visit))
    services.thumbnails.forget(content_id)
    return f"{content_id[:8]} is deleted."


def open_saved(services: Services, visit: Visit, content_id: str) -> Parsed:
    """Opens a saved row for this visit, with its prediction.

    Raises:
        StoreError: It is not here, or it is of another visitor.
    """
    saved = load_saved(services, visit, content_id)
    for key, last in visit.corrected.items():
        if last == content_id and services.photos.mask(key, last) is not None:
            return Parsed(services.photos.get(key), name=visit.names.get(key, ""))
    parse = FaceParse(
        saved.prediction,
        saved.schema,
        model_id=saved.model.id,
        revision=saved.model.revision or None,
        digest=saved.model.digest or None,
    )
    photo = services.photos.put(Image.fromarray(saved.image), parse)
    services.photos.keep_mask(photo.key, content_id, saved.mask)
    return Parsed(photo, name=content_id[:8])


def saved_photo(services: Services, visit: Visit, content_id: str) -> OpenPhoto:
    """Returns a saved row as an open photo with its corrected mask, to make files of it."""
    mask = load_saved(services, visit, content_id).mask
    return with_mask(open_saved(services, visit, content_id).photo, mask)
