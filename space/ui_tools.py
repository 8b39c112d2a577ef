"""What can be done with an open photo besides looking: downloads, and another model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space import handlers, ui_messages
from space.catalogue import CATALOGUE, allowed_model, describe_model
from space.downloads import KINDS, make_download
from space.services import Services
from space.ui_events import IN_LINE, PRIVATE
from space.visit import Visit

_PROGRESS = gr.Progress()

# The link exists once Gradio has shown it, some frames after the answer came.
_CLICK = """() => {
  const link = () => document.querySelector('a#download-file[href], #download-file a[href]');
  const press = (left) => {
    const found = link();
    if (found) found.click(); else if (left) setTimeout(press, 50, left - 1);
  };
  setTimeout(press, 150, 60);
}"""


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
                return gr.skip(), ui_messages.bad(handlers.as_sentence(error))

        return on_download

    for kind, button in menu.buttons.items():
        button.click(maker(kind), visit, [menu.file, message], **PRIVATE).then(
            None, None, None, js=_CLICK, **PRIVATE
        )


def model_picker(services: Services) -> tuple[gr.Dropdown, gr.Button, gr.Markdown]:
    """Lays the model picker out."""
    known = services.settings.model
    choices = [(entry.label, entry.id) for entry in CATALOGUE]
    if known not in {entry.id for entry in CATALOGUE}:
        choices.insert(0, (known, known))
    with gr.Accordion("Model", open=False, elem_id="models"):
        with gr.Row():
            picker = gr.Dropdown(
                choices, value=known, allow_custom_value=True, label="Checkpoint",
                info="Choose one, or type org/name of any repository that holds our format",
                elem_id="model",
            )  # fmt: skip
            button = gr.Button("Use this model", size="sm", elem_id="use-model", scale=0)
        about = gr.Markdown(describe_model(known), elem_id="model-about")
    return picker, button, about


def wire_models(
    picker: gr.Dropdown, button: gr.Button, about: gr.Markdown, *, services: Services,
    model: gr.State, message: Any,
) -> Any:  # fmt: skip
    """Loads a model when it is chosen; a failure leaves the former one in place."""

    def on_use(chosen: str, former: str, progress: gr.Progress = _PROGRESS) -> tuple:
        progress(0.1, desc="Loading the model")
        try:
            wanted = allowed_model(chosen or "", configured=services.settings.model)
            parser = services.models.get(wanted)
        except SegFaceError as error:
            told = f"{handlers.as_sentence(error)} {former} stays in use."
            return former, former, describe_model(former), ui_messages.bad(told)
        told = f"Photos are now parsed by {wanted}."
        return wanted, wanted, describe_model(wanted, parser), ui_messages.good(told)

    return button.click(
        on_use, [picker, model], [picker, model, about, message],
        **IN_LINE, **PRIVATE,
    )  # fmt: skip
