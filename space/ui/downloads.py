"""Downloads of an open photo, of the mask in the editor and of saved rows, made on request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.downloads import make_download, with_mask
from space.handlers.save import edited_mask
from space.handlers.saved import saved_photo
from space.handlers.services import Services
from space.handlers.visit import LiveVisit, Visit, corrected_photo
from space.state.photo_cache import OpenPhoto
from space.ui import messages
from space.ui.events import PRIVATE, QUIET, data_of

_SAVE = "(file, called) => document.querySelector('.fv').__view.saveFile(file, called)"
Source = Callable[[Services, Visit, Mapping[str, Any]], OpenPhoto]


@dataclass(frozen=True)
class FilePart:
    """The hidden components through which a finished file reaches the browser.

    Attributes:
        file: The file.
        called: Of which photo it is and what it is, as JSON. The browser adds the photo's name,
            which the server never gets.
    """

    file: gr.DownloadButton
    called: gr.Textbox


def layout() -> FilePart:
    """Lays the components out."""
    return FilePart(
        gr.DownloadButton("File", visible="hidden", elem_id="download-file"),
        gr.Textbox(visible="hidden", label="Name of the file", elem_id="download-name"),
    )


def wire(
    part: FilePart,
    wanted: Callable[..., Any],
    services: Services,
    *,
    source: Source,
    message: gr.HTML,
    visit: gr.State,
) -> None:
    """Makes the file that is asked for in one view, and hands it to the browser.

    Args:
        part: The hidden components.
        wanted: The view's event; its data has the `kind` of file and what `source` needs.
        services: What the app runs on.
        source: Finds the photo, with the mask to download.
        message: Where the view says what went wrong.
        visit: The visit.
    """

    def on_wanted(live: LiveVisit, event: gr.EventData) -> tuple[str | None, str, Any]:
        data = data_of(event)
        try:
            photo = source(services, live.now, data)
            known = live.now.names.get(photo.key, "")
            name, content = make_download(str(data.get("kind")), photo, name=known)
            called = json.dumps({"id": photo.key, "name": name, "named": bool(known)})
            return str(services.photos.put_file(name, content)), called, messages.nothing()
        except SegFaceError as error:
            return None, "", messages.bad(parse.as_sentence(error))

    made = wanted(on_wanted, visit, [part.file, part.called, message], **QUIET)
    made.then(None, [part.file, part.called], None, js=_SAVE, **PRIVATE)


def as_shown(services: Services, visit: Visit, data: Mapping[str, Any]) -> OpenPhoto:
    """Returns a photo of the visit with what was saved of it last, or with the prediction."""
    return corrected_photo(services, visit, visit.picked(str(data.get("id"))).current)


def as_saved(services: Services, visit: Visit, data: Mapping[str, Any]) -> OpenPhoto:
    """Returns a row that the visitor saved, with its corrected mask."""
    return saved_photo(services, visit, str(data.get("id")))


def as_edited(services: Services, visit: Visit, data: Mapping[str, Any]) -> OpenPhoto:
    """Returns the photo in the editor with the mask that the editor sent, saved or not."""
    photo = services.photos.get(str(data.get("id")))
    return with_mask(photo, edited_mask(data, photo))
