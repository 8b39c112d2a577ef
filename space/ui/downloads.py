"""Downloads of an open photo, made when they are asked for."""

from __future__ import annotations

from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.downloads import make_download
from space.handlers.services import Services
from space.handlers.visit import LiveVisit
from space.ui import messages
from space.ui.events import PRIVATE, QUIET, data_of, key_of
from space.ui.parse import ParsePage

# Gradio hands the file to the hidden button some frames after the answer came.
_CLICK = """() => setTimeout(() => {
  document.querySelector('#download-file').click();
  document.querySelector('.fv').__view.answered();
}, 400)"""


def layout() -> gr.DownloadButton:
    """Lays out the button that hands a finished file to the browser; it is never seen."""
    return gr.DownloadButton("File", visible="hidden", elem_id="download-file")


def wire(file: gr.DownloadButton, page: ParsePage, services: Services, *, visit: gr.State) -> None:
    """Makes the file that is chosen in the parse view, and hands it to the browser."""

    def on_wanted(live: LiveVisit, event: gr.EventData) -> tuple[str | None, Any]:
        kind, key = str(data_of(event).get("kind")), key_of(event)
        try:
            photo = services.photos.get(live.now.picked(key).current)
            name, data = make_download(kind, photo)
            return str(services.photos.put_file(name, data)), messages.nothing()
        except SegFaceError as error:
            return None, messages.bad(parse.as_sentence(error))

    page.view.wanted(on_wanted, visit, [file, page.message], **QUIET).then(
        None, None, None, js=_CLICK, **PRIVATE
    )
