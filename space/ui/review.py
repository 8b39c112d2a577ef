"""The Review view, for maintainers: what waits, what it changes, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from annotate.errors import RecordError, RemoteError
from annotate.review.reviewer import Reviewer
from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.review import (
    DECISIONS,
    LOCAL,
    Looking,
    after_merge,
    index_of,
    reviewer_for,
    waiting,
)
from space.handlers.saved import shows_all_rows
from space.handlers.services import Services
from space.handlers.suspects import judge_first, judge_in_background, ranked
from space.state.saving import HubCorrections
from space.ui import (
    messages,
    review_compare,
    review_fix,
    review_folder,
    review_parts,
    review_suspects,
)
from space.ui.events import PRIVATE, reviewing


@dataclass(frozen=True)
class ReviewPage:
    """The components of the view."""

    message: gr.HTML
    panel: gr.Column
    choice: gr.Dropdown
    pictures: gr.Gallery
    report: gr.HTML
    reason: gr.Textbox
    buttons: dict[str, gr.Button]
    looking: gr.State
    suspects: review_suspects.SuspectPart
    fix: review_fix.FixPart
    compare: review_compare.ComparePart
    folder: review_folder.FolderPage

    @property
    def listing(self) -> list[Any]:
        """What shows the list of contributions."""
        return [self.panel, self.choice, self.suspects.listed, self.suspects.timer]


def layout() -> ReviewPage:
    """Lays the view out."""
    gr.Markdown(
        "## Review\nFor maintainers of the dataset: what was contributed, as pictures.",
        elem_classes="narrow",
    )
    message = messages.message_box("review-message")
    looking = gr.State(Looking())
    with gr.Column(visible=False) as panel:
        choice = gr.Dropdown([], label="Contribution", elem_id="review-choice")
        pictures = review_parts.row_gallery("review-pictures")
        suspects = review_suspects.layout("review-suspicion")
        report = gr.HTML(elem_id="review-report", elem_classes="prose")
        reason = gr.Textbox(
            label="What to tell the contributor", max_lines=3, elem_id="review-reason"
        )
        with gr.Row():
            buttons = {
                name: gr.Button(
                    label,
                    variant="primary" if name == "accept" else "secondary",
                    size="md",
                    elem_id=f"review-{name}",
                )
                for name, (label, _) in DECISIONS.items()
            }
        fix = review_fix.layout()
        compare = review_compare.layout()
    folder = review_folder.layout()
    return ReviewPage(
        message,
        panel,
        choice,
        pictures,
        report,
        reason,
        buttons,
        looking,
        suspects,
        fix,
        compare,
        folder,
    )


def wire(page: ReviewPage, services: Services, *, tab: gr.Tab) -> None:
    """Connects the view's events; each checks again that a maintainer asks."""
    review_folder.wire(page.folder, services, tab=tab)
    review_suspects.wire(page.suspects, services, choice=page.choice)

    def reviewer(token: gr.OAuthToken | None, request: gr.Request) -> Reviewer:
        used, row_index = reviewing(token, request, services), index_of(services.corrections)
        needs = services.review_needs
        return reviewer_for(services.settings, used, needs=needs, row_index=row_index)

    def on_open(token: gr.OAuthToken | None, request: gr.Request) -> tuple:
        if services.settings.dataset is None:
            notice = messages.nothing() if shows_all_rows(services) else messages.note(LOCAL)
            return notice, *_NO_LIST
        try:
            opened = reviewer(token, request)
            _catch_up(services, opened)
            found = _listed(services, opened)
        except SegFaceError as error:
            notice = messages.bad(parse.as_sentence(error))
            return notice, *_NO_LIST
        if found[0]["visible"]:
            return messages.nothing(), *found
        return messages.good(_nothing_waits(services)), *found

    def on_choice(number: int | None, token: gr.OAuthToken | None, request: gr.Request) -> tuple:
        if number is None:
            return [], "", Looking(), "", gr.skip()
        try:
            seen = reviewer(token, request).inspect(int(number))
            judge_first(services, int(number), seen.correction)
            looking = Looking(int(number), seen.contribution.head)
            said = review_suspects.sentence(services, int(number)), review_suspects.timer(services)
            return review_parts.row_pictures(seen), review_parts.row_report(seen), looking, *said
        except SegFaceError as error:
            return [], f"<p>{escape(parse.as_sentence(error))}</p>", Looking(), "", gr.skip()

    def after(token: gr.OAuthToken | None, request: gr.Request) -> tuple:
        try:
            return _listed(services, reviewer(token, request))
        except SegFaceError:
            return tuple(gr.skip() for _ in page.listing)

    tab.select(on_open, None, [page.message, *page.listing], **PRIVATE)
    looked = [page.pictures, page.report, page.looking]
    judged = [page.suspects.sentence, page.suspects.timer]
    chosen = page.choice.change(on_choice, page.choice, [*looked, *judged], **PRIVATE)
    _wire_decisions(page, services, reviewer, after=after)
    for part, module in ((page.fix, review_fix), (page.compare, review_compare)):
        done = module.wire(
            part,
            services,
            reviewer=reviewer,
            looking=page.looking,
            message=page.message,
            chosen=chosen,
        )
        done.then(after, None, page.listing, **PRIVATE)


def _wire_decisions(
    page: ReviewPage,
    services: Services,
    reviewer: Callable[..., Reviewer],
    *,
    after: Callable[..., tuple],
) -> None:
    for name, button in page.buttons.items():
        button.click(
            _decision(name, services, reviewer),
            [page.looking, page.choice, page.reason],
            page.message,
            **PRIVATE,
        ).then(after, None, page.listing, **PRIVATE)


def _decision(name: str, services: Services, reviewer: Callable[..., Reviewer]) -> Any:
    def on_decision(
        looking: Looking,
        chosen: int | None,
        reason: str,
        token: gr.OAuthToken | None,
        request: gr.Request,
    ) -> Any:
        try:
            opened = reviewer(token, request)
            notice = DECISIONS[name][1](opened, looking.shown(chosen), reason or "")
            if name == "accept":
                after_merge(services.corrections, opened)
            return messages.good(notice)
        except SegFaceError as error:
            return messages.bad(parse.as_sentence(error))

    return on_decision


_NO_LIST: tuple[Any, ...] = (gr.update(visible=False), gr.skip(), [], gr.update(active=False))


def _listed(services: Services, reviewer: Reviewer) -> tuple:
    """Returns the updates of `ReviewPage.listing`, with the first contribution chosen.

    Suspects come first, then the oldest; what is not judged yet is judged in the background.
    """
    contributions = reviewer.open()
    rows = {each.request.number: each.id for each in contributions}
    judge_in_background(services, rows, lambda number: reviewer.inspect(number).correction)
    found = waiting(contributions)
    shown = ranked(services, found)
    choice = gr.update(choices=shown, value=shown[0][1] if shown else None)
    return gr.update(visible=bool(found)), choice, found, review_suspects.timer(services)


def _catch_up(services: Services, reviewer: Reviewer) -> None:
    """Counts what is new in the dataset, so that its photos are recognized."""
    row_index = index_of(services.corrections)
    try:
        if row_index is not None:
            row_index.look(reviewer.store.repo)
    except (RemoteError, RecordError):
        return  # the list of contributions and the Dataset view say so, if it matters


def _nothing_waits(services: Services) -> str:
    corrections = services.corrections
    trouble = corrections.card_updater.trouble if isinstance(corrections, HubCorrections) else ""
    notice = "Nothing waits for review."
    return f"{notice} The card could not be renewed: {trouble}." if trouble else notice
