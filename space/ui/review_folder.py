"""The Review view of a local folder: its rows as pictures, without a Hub."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.saved import MOST_LISTED, delete_saved, inspect_saved, shows_all_rows
from space.handlers.services import Services
from space.handlers.suspects import judge_in_background, ranked
from space.handlers.visit import Visit
from space.state.saving import FolderCorrections
from space.ui import messages, review_suspects
from space.ui.events import QUIET
from space.ui.review_parts import row_gallery, row_pictures, row_report

_EMPTY = "No rows are saved in this folder yet."


@dataclass(frozen=True)
class FolderPage:
    """The components of the view."""

    panel: gr.Column
    message: gr.HTML
    choice: gr.Dropdown
    pictures: gr.Gallery
    report: gr.HTML
    suspects: review_suspects.SuspectPart
    delete: gr.Button


def layout() -> FolderPage:
    """Lays the view out; it shows where the app keeps rows in a folder of this machine."""
    message = messages.message_box("folder-message")
    with gr.Column(visible=False) as panel:
        choice = gr.Dropdown([], label="Saved row", elem_id="folder-choice")
        pictures = row_gallery("folder-pictures")
        suspects = review_suspects.layout("folder-suspicion")
        report = gr.HTML(elem_id="folder-report", elem_classes="prose")
        delete = gr.Button("Delete this row", size="md", elem_id="folder-delete")
    return FolderPage(panel, message, choice, pictures, report, suspects, delete)


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


def look(services: Services, content_id: str) -> tuple[list[tuple[Any, str]], str]:
    """Returns a row's pictures with their names, and its consent, checks and changes as HTML.

    Raises:
        StoreError: The row is not in the folder, or this visitor may not see it.
    """
    seen = inspect_saved(services, content_id)
    given = seen.correction.consent if seen.correction else None
    consent = f"Consent: {given.right}, {given.people}." if given else "Not shared: no consent."
    return row_pictures(seen), f"<p>{escape(consent)}</p>{row_report(seen)}"


def wire(page: FolderPage, services: Services, *, tab: gr.Tab) -> None:
    """Lists the rows when the view opens, and connects the choice and the deletion."""
    if not shows_all_rows(services):
        return

    review_suspects.wire(page.suspects, services, choice=page.choice)

    def on_open() -> tuple:
        return _listed(services)

    def on_choice(content_id: str | None) -> tuple:
        if not content_id:
            return [], "", ""
        try:
            said = review_suspects.sentence(services, content_id)
            return *look(services, content_id), said
        except SegFaceError as error:
            return [], f"<p>{escape(parse.as_sentence(error))}</p>", ""

    def on_delete(content_id: str | None) -> tuple:
        if not content_id:  # the visitor cancelled
            return tuple(gr.skip() for _ in listed)
        try:
            notice = messages.good(delete_saved(services, Visit(), content_id))
        except SegFaceError as error:
            notice = messages.bad(parse.as_sentence(error))
        return *_listed(services)[:-1], notice

    suspects = page.suspects
    listed = [page.panel, page.choice, suspects.listed, suspects.timer, page.message]
    tab.select(on_open, None, listed, **QUIET)
    page.choice.change(
        on_choice, page.choice, [page.pictures, page.report, suspects.sentence], **QUIET
    )
    page.delete.click(
        on_delete,
        page.choice,
        listed,
        js="(id) => (confirm('Delete this row? Its photo and mask are removed.') ? id : '')",
        **QUIET,
    )


def _listed(services: Services) -> tuple:
    """Returns what shows the rows: suspects first, then the newest; others are judged meanwhile."""
    found = row_choices(services)
    rows = {content_id: content_id for _, content_id in found}
    judge_in_background(services, rows, lambda i: inspect_saved(services, i).correction)
    shown = ranked(services, found)
    message = messages.nothing() if found else messages.note(_EMPTY)
    choice = gr.update(choices=shown, value=shown[0][1] if shown else None)
    timer = review_suspects.timer(services)
    return gr.update(visible=bool(found)), choice, found, timer, message
