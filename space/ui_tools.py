"""Downloads of an open photo, made when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space import handlers, ui_messages
from space.downloads import KINDS, make_download
from space.services import Services
from space.ui_events import PRIVATE
from space.visit import Visit

# Gradio hands the file to the hidden button some frames after the answer came.
_CLICK = "() => { setTimeout(() => document.querySelector('#download-file').click(), 400); }"


@dataclass(frozen=True)
class DownloadMenu:
    """The components of the download menu."""

    buttons: dict[str, gr.Button]
    file: gr.DownloadButton


def download_menu() -> DownloadMenu:
    """Lays the download menu out."""
    with gr.Accordion("Download", open=False, elem_id="downloads"), gr.Row():
        buttons = {
            kind: gr.Button(label, size="sm", elem_id=f"download-{kind}")
            for kind, (label, _, _) in KINDS.items()
        }
    return DownloadMenu(
        buttons, gr.DownloadButton("File", visible="hidden", elem_id="download-file")
    )


def wire_downloads(
    menu: DownloadMenu, services: Services, *, visit: gr.State, message: Any
) -> None:
    """Makes each file when it is asked for, and hands it to the browser."""

    def maker(kind: str) -> Any:
        def on_download(now: Visit) -> tuple:
            try:
                name, data = make_download(kind, services.shelf.get(now.photo()))
                return str(services.shelf.lay_out(name, data)), ui_messages.nothing()
            except SegFaceError as error:
                return None, ui_messages.bad(handlers.as_sentence(error))

        return on_download

    for kind, button in menu.buttons.items():
        button.click(maker(kind), visit, [menu.file, message], **PRIVATE).then(
            None, None, None, js=_CLICK, **PRIVATE
        )
