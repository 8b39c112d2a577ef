"""The panel that explains a class: which attention heads voted for it, and where they looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from segface_hf.labels import title
from space.handlers import why
from space.handlers.parse import as_sentence
from space.handlers.services import Services
from space.handlers.visit import LiveVisit
from space.ui.events import IN_LINE, PRIVATE, QUIET, asking
from space.ui.messages import bad

_FIRST = "Open a photo first."


@dataclass(frozen=True)
class WhyPanel:
    """The components of the panel."""

    box: gr.Accordion
    choice: gr.Dropdown
    ask: gr.Button
    answer: gr.HTML


def layout() -> WhyPanel:
    """Lays the panel out, closed."""
    with gr.Accordion("Why this class?", open=False, elem_id="why") as box:
        choice = gr.Dropdown([], label="Class", elem_id="why-class")
        ask = gr.Button("Explain", size="sm", elem_id="why-ask")
        answer = gr.HTML(elem_id="why-answer")
    return WhyPanel(box, choice, ask, answer)


def wire(panel: WhyPanel, services: Services, *, visit: gr.State) -> None:
    """Connects the panel. The first answer takes longer, because the model is loaded for it."""

    def on_open(live: LiveVisit) -> Any:
        try:
            parse = services.photos.get(live.now.current).parse
        except SegFaceError:
            return gr.update(choices=[], value=None, info=_FIRST)
        there = [name for name in parse.present() if name != "background"]
        others = [n for n in parse.schema.names if n not in there and n != "background"]
        choices = [(title(name), name) for name in there]
        choices += [(f"{title(name)} (not seen)", name) for name in others]
        return gr.update(choices=choices, value=choices[0][1], info=None)

    def on_ask(name: str | None, live: LiveVisit, request: gr.Request) -> str:
        try:
            photo = services.photos.get(live.now.current)
            return why.explain(services, photo, name or "", request=asking(request, services))
        except SegFaceError as error:
            return str(bad(as_sentence(error))["value"])

    panel.box.expand(on_open, visit, panel.choice, **QUIET)
    panel.ask.click(on_ask, [panel.choice, visit], panel.answer, **IN_LINE, **PRIVATE)
