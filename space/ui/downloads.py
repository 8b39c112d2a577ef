"""Downloads of an open photo, of the mask in the editor and of saved rows, made on request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

# Gradio hands the file to the hidden button some frames after the answer came.
_CLICK = """() => setTimeout(() => {
  document.querySelector('#download-file').click();
  document.querySelector('.fv').__view.answered();
}, 400)"""
Source = Callable[[Services, Visit, Mapping[str, Any]], OpenPhoto]


def layout() -> gr.DownloadButton:
    """Lays out the hidden button that hands a finished file to the browser."""
    return gr.DownloadButton("File", visible="hidden", elem_id="download-file")


def wire(
    file: gr.DownloadButton,
    wanted: Callable[..., Any],
    services: Services,
    *,
    source: Source,
    message: gr.HTML,
    visit: gr.State,
) -> None:
    """Makes the file that is asked for in one view, and hands it to the browser.

    Args:
        file: The hidden button.
        wanted: The view's event; its data has the `kind` of file and what `source` needs.
        services: What the app runs on.
        source: Finds the photo, with the mask to download.
        message: Where the view says what went wrong.
        visit: The visit.
    """

    def on_wanted(live: LiveVisit, event: gr.EventData) -> tuple[str | None, Any]:
        data = data_of(event)
        try:
            photo = source(services, live.now, data)
            called = live.now.names.get(photo.key, "")
            name, content = make_download(str(data.get("kind")), photo, name=called)
            return str(services.photos.put_file(name, content)), messages.nothing()
        except SegFaceError as error:
            return None, messages.bad(parse.as_sentence(error))

    wanted(on_wanted, visit, [file, message], **QUIET).then(None, None, None, js=_CLICK, **PRIVATE)


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
