"""The Review view of a local folder: its rows as pictures, without a Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from annotate.correction import Correction
from annotate.review.agreement import agree
from annotate.review.inspection import side_by_side
from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.review import differing
from space.handlers.saved import MOST_LISTED, delete_saved, load_saved, shows_all_rows
from space.handlers.services import Services
from space.handlers.visit import Visit
from space.state.saving import FolderCorrections
from space.ui import messages
from space.ui.events import QUIET
from space.ui.review_compare import numbers_table

_EMPTY = "No rows are saved in this folder yet."


@dataclass(frozen=True)
class FolderPage:
    """The components of the view."""

    panel: gr.Column
    message: gr.HTML
    choice: gr.Dropdown
    pictures: gr.Gallery
    report: gr.HTML
    delete: gr.Button


def layout() -> FolderPage:
    """Lays the view out; it shows where the app keeps rows in a folder of this machine."""
    message = messages.message_box("folder-message")
    with gr.Column(visible=False) as panel:
        choice = gr.Dropdown([], label="Saved row", elem_id="folder-choice")
        pictures = gr.Gallery(
            label="Photo, prediction, correction, difference",
            columns=4,
            height="auto",
            object_fit="contain",
            format="png",
            elem_id="folder-pictures",
        )
        report = gr.HTML(elem_id="folder-report", elem_classes="prose")
        delete = gr.Button("Delete this row", size="md", elem_id="folder-delete")
    return FolderPage(panel, message, choice, pictures, report, delete)


def row_choices(services: Services) -> list[tuple[str, str]]:
    """Returns the newest rows of the folder as (label, content id)."""
    corrections = services.corrections
    if not isinstance(corrections, FolderCorrections) or not shows_all_rows(services):
        return []
    return [
        (
            f"{row['content_id'][:8]}, {row['created_at']:%d %b %Y %H:%M}, "
            f"{row['changed_pixels']:,} px changed",
            row["content_id"],
        )
        for row in corrections.recent(MOST_LISTED)
    ]


def look(correction: Correction) -> tuple[list[Any], str]:
    """Returns a row's pictures with their names, and the classes that changed as HTML."""
    pictures = [(picture, name) for name, picture in side_by_side(correction).items()]
    numbers = agree(correction.prediction, correction.mask, schema=correction.schema).classes
    given = correction.consent
    consent = f"Consent: {given.right}, {given.people}." if given else "Not shared: no consent."
    table = numbers_table(differing(numbers), ("Predicted", "Corrected"))
    return pictures, f"<p>{escape(consent)}</p>{table}"


def wire(page: FolderPage, services: Services, *, tab: gr.Tab) -> None:
    """Lists the rows when the view opens, and connects the choice and the deletion."""
    if not shows_all_rows(services):
        return

    def on_open() -> tuple:
        return _listed(row_choices(services))

    def on_choice(content_id: str | None) -> tuple:
        if not content_id:
            return [], ""
        try:
            return look(load_saved(services, Visit(), content_id))
        except SegFaceError as error:
            return [], f"<p>{escape(parse.as_sentence(error))}</p>"

    def on_delete(content_id: str | None) -> tuple:
        if not content_id:  # the visitor cancelled
            return tuple(gr.skip() for _ in listed)
        try:
            notice = messages.good(delete_saved(services, Visit(), content_id))
        except SegFaceError as error:
            notice = messages.bad(parse.as_sentence(error))
        return *_listed(row_choices(services))[:2], notice

    listed = [page.panel, page.choice, page.message]
    tab.select(on_open, None, listed, **QUIET)
    page.choice.change(on_choice, page.choice, [page.pictures, page.report], **QUIET)
    page.delete.click(
        on_delete,
        page.choice,
        listed,
        js="(id) => (confirm('Delete this row? Its photo and mask are removed.') ? id : '')",
        **QUIET,
    )


def _listed(found: Sequence[tuple[str, str]]) -> tuple:
    first = found[0][1] if found else None
    message = messages.nothing() if found else messages.note(_EMPTY)
    return gr.update(visible=bool(found)), gr.update(choices=list(found), value=first), message
