"""The Review view, for maintainers: what waits, what it changes, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from annotate.inspection import Inspection
from segface_hf.errors import SegFaceError
from space import handlers, ui_messages
from space.handlers_review import DECISIONS, changes, desk_for, findings, waiting
from space.services import Services
from space.ui_events import PRIVATE


@dataclass(frozen=True)
class ReviewPage:
    """The components of the view."""

    message: gr.HTML
    desk: gr.Column
    choice: gr.Dropdown
    pictures: gr.Gallery
    report: gr.HTML
    reason: gr.Textbox
    buttons: dict[str, gr.Button]


def layout() -> ReviewPage:
    """Lays the view out."""
    gr.Markdown("## Review\nFor maintainers: contributions that wait as pull requests.")
    message = ui_messages.message_box("review-message")
    with gr.Column(visible=False) as desk:
        choice = gr.Dropdown([], label="Contribution", elem_id="review-choice")
        pictures = gr.Gallery(
            label="Photo, prediction, correction, difference", columns=4, height="auto",
            object_fit="contain", format="png", elem_id="review-pictures",
        )  # fmt: skip
        report = gr.HTML(elem_id="review-report", elem_classes="prose")
        reason = gr.Textbox(label="What to tell the contributor", max_lines=3)
        with gr.Row():
            buttons = {
                name: gr.Button(label, variant="primary" if name == "accept" else "secondary",
                                size="md", elem_id=f"review-{name}")
                for name, (label, _) in DECISIONS.items()
            }  # fmt: skip
    return ReviewPage(message, desk, choice, pictures, report, reason, buttons)


def wire(page: ReviewPage, services: Services, *, tab: gr.Tab) -> None:
    """Connects the view's events; each checks anew that a maintainer asks."""
    settings = services.settings

    def on_open(token: gr.OAuthToken | None) -> tuple:
        try:
            found = waiting(desk_for(settings, _text(token)))
        except SegFaceError as error:
            told = ui_messages.bad(handlers.as_sentence(error))
            return told, gr.update(visible=False), gr.skip()
        first = found[0][1] if found else None
        told = ui_messages.nothing() if found else ui_messages.good("Nothing waits for review.")
        return told, gr.update(visible=bool(found)), gr.update(choices=found, value=first)

    def on_choice(number: int | None, token: gr.OAuthToken | None) -> tuple:
        if number is None:
            return [], ""
        try:
            seen = desk_for(settings, _text(token)).inspect(int(number))
            pictures = [(p, name) for name, p in seen.pictures().items()]
        except SegFaceError as error:
            return [], f"<p>{escape(handlers.as_sentence(error))}</p>"
        return pictures, report_of(seen)

    def decision(name: str) -> Any:
        def on_decision(number: int | None, reason: str, token: gr.OAuthToken | None) -> Any:
            try:
                desk = desk_for(settings, _text(token))
                return ui_messages.good(DECISIONS[name][1](desk, int(number or 0), reason or ""))
            except SegFaceError as error:
                return ui_messages.bad(handlers.as_sentence(error))

        return on_decision

    listed = [page.message, page.desk, page.choice]
    tab.select(on_open, None, listed, **PRIVATE)
    page.choice.change(on_choice, page.choice, [page.pictures, page.report], **PRIVATE)
    for name, button in page.buttons.items():
        inputs = [page.choice, page.reason]
        button.click(decision(name), inputs, page.message, **PRIVATE)


def report_of(seen: Inspection) -> str:
    """Returns the checks and the changed classes as HTML."""
    told = "".join(f"<li>{escape(line)}</li>" for line in findings(seen))
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{before:,}</td><td>{after:,}</td>"
        f"<td>{'' if iou is None else format(iou, '.2f')}</td></tr>"
        for name, before, after, iou in changes(seen)
    )
    head = "<tr><th>Class</th><th>Predicted</th><th>Corrected</th><th>IoU</th></tr>"
    return f"<ul>{told}</ul><table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _text(token: gr.OAuthToken | None) -> str | None:
    return token.token if token else None
