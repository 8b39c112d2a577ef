"""Two annotators on one photo: the part of the Review view that compares and settles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from annotate.review.compare import Comparison
from annotate.review.reviewer import Reviewer
from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.review import (
    MOST_DISPUTES,
    Looking,
    after_merge,
    compared,
    differing,
    dispute_choices,
    partners,
    settled,
)
from space.handlers.services import Services
from space.ui import messages
from space.ui.events import PRIVATE, QUIET
from space.ui.review_parts import gallery, numbers_table


@dataclass(frozen=True)
class ComparePart:
    """The components of this part."""

    offer: gr.Row
    other: gr.Dropdown
    button: gr.Button
    area: gr.Column
    pictures: gr.Gallery
    report: gr.HTML
    takes: gr.CheckboxGroup
    settle: gr.Button


def layout() -> ComparePart:
    """Lays the part out; it shows where another contribution has the same photo."""
    with gr.Row(visible=False) as offer:
        other = gr.Dropdown([], label="Another mask of this photo", elem_id="review-other")
        button = gr.Button("Compare the two", size="md", elem_id="review-compare")
    with gr.Column(visible=False) as area:
        pictures = gallery("Photo, both masks, disagreement", "compare-pictures")
        report = gr.HTML(elem_id="compare-report", elem_classes="prose")
        takes = gr.CheckboxGroup([], label="The second is right in", elem_id="compare-takes")
        settle = gr.Button("Settle and accept", variant="primary", size="md", elem_id="settle")
    return ComparePart(offer, other, button, area, pictures, report, takes, settle)


def wire(
    part: ComparePart,
    services: Services,
    *,
    reviewer: Callable[..., Reviewer],
    looking: gr.State,
    message: gr.HTML,
    chosen: Any,
) -> Any:
    """Connects the part; returns the event of a merge, so that others can follow it."""

    def on_choice(now: Looking, token: gr.OAuthToken | None, request: gr.Request) -> tuple:
        try:
            found = partners(reviewer(token, request), now) if now.number else []
        except SegFaceError:
            found = []  # the report of the contribution says what is wrong
        first = found[0][1] if found else None
        offered = gr.update(visible=bool(found))
        return offered, gr.update(choices=found, value=first), gr.update(visible=False)

    def on_compare(
        now: Looking, other: int | str | None, token: gr.OAuthToken | None, request: gr.Request
    ) -> tuple:
        try:
            found = compared(reviewer(token, request), now, other)
        except SegFaceError as error:
            return now, gr.update(visible=False), [], "", gr.skip(), _bad(error)
        now = replace(now, head=found.first.head, other=other or 0, other_head=found.second.head)
        pictures = [(picture, name) for name, picture in found.pictures().items()]
        takes = gr.update(choices=dispute_choices(found.disputes), value=[])
        shown = gr.update(visible=True)
        return now, shown, pictures, report_of(found), takes, messages.nothing()

    def on_settle(
        now: Looking, takes: list[int], token: gr.OAuthToken | None, request: gr.Request
    ) -> tuple:
        try:
            opened = reviewer(token, request)
            notice = settled(opened, now, [int(number) for number in takes or ()])
            after_merge(services.corrections, opened)
        except SegFaceError as error:
            return _bad(error), gr.skip()
        return messages.good(notice), gr.update(visible=False)

    chosen.then(on_choice, looking, [part.offer, part.other, part.area], **QUIET)
    shown = [looking, part.area, part.pictures, part.report, part.takes, message]
    part.button.click(on_compare, [looking, part.other], shown, **PRIVATE)
    return part.settle.click(on_settle, [looking, part.takes], [message, part.area], **PRIVATE)


def report_of(found: Comparison) -> str:
    """Returns agreement by class and the number of disputes as HTML."""
    first, second = found.first.name, found.second.name
    agreement, count = found.agreement, len(found.disputes)
    ends = f"closes {second}" if found.second.number else f"leaves {second} in the dataset"
    lead = (
        f"<p>They agree on {agreement.share:.2%} of the pixels, Cohen's kappa "
        f"{agreement.kappa:.3f}. {first} is right wherever nothing else is ticked; settling "
        f"merges it and {ends}.</p>"
    )
    more = ""
    if count > MOST_DISPUTES:
        more = f"<p>The {MOST_DISPUTES} largest of {count} disputes are listed.</p>"
    table = numbers_table(differing(agreement.classes), (first, second))
    return f"{lead}{table}{more}"


def _bad(error: SegFaceError) -> Any:
    return messages.bad(parse.as_sentence(error))
