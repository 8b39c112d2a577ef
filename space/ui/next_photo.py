"""The way from one correction to the next, without a trip through the Parse view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space.handlers.next_photo import open_next
from space.handlers.parse import Batch, as_sentence
from space.handlers.services import Services
from space.handlers.visit import LiveVisit
from space.ui import messages
from space.ui.correct import IDLE, CorrectPage, open_in_editor
from space.ui.events import IN_LINE, PRIVATE, QUIET, asking
from space.ui.parse import ParsePage, reopened, show_photos
from space.web.components import parse_view

# One of the two buttons shows, so the key does what a click on it does.
_OPENING = "() => ({ value: 'Opening a photo', interactive: false, __type__: 'update' })"
_CLICK = "() => { document.querySelector('#following, #queued')?.click(); }"


def wire(
    correct: CorrectPage,
    parse: ParsePage,
    services: Services,
    *,
    visit: gr.State,
    model: gr.Component,
) -> None:
    """Connects the buttons and the editor's key; the Parse view follows, so that both agree."""
    nothing = [gr.skip()] * len(correct.opened)

    def on_next(live: LiveVisit) -> tuple[Any, ...]:
        photos, key = reopened(services, live), live.now.following
        if not key:
            return live, gr.skip(), *nothing
        try:
            opened = open_in_editor(services, live.now.to_correct(key))
            live.change(lambda now: replace(now.to_correct(key), editing=key))
        except SegFaceError as error:
            notice = messages.bad(as_sentence(error))
            return live, gr.skip(), gr.skip(), notice, *nothing[2:]
        services.photos.touch(live.now.keys)
        return live, parse_view(photos, current=live.now.place), *opened

    correct.following.click(on_next, visit, [visit, parse.view, *correct.opened], **QUIET)
    correct.editor.following(None, None, None, js=_CLICK, **PRIVATE)
    if services.queue is not None:
        _wire_queue(correct, parse, services, visit=visit, model=model)


def _wire_queue(
    correct: CorrectPage,
    parse: ParsePage,
    services: Services,
    *,
    visit: gr.State,
    model: gr.Component,
) -> None:
    """Connects the button that opens a photo of the queue in place of those before."""
    nothing = [gr.skip()] * (len(parse.shown) + len(correct.opened))
    notice_at = len(parse.shown) + correct.opened.index(correct.message)
    button_at = len(parse.shown) + correct.opened.index(correct.queued)

    def on_queued(chosen: str, live: LiveVisit, request: gr.Request) -> tuple[Any, ...]:
        asked = asking(request, services, model=chosen)
        try:
            parsed, why = open_next(services, live.anonymous.key, request=asked)
            key, batch = parsed.photo.key, Batch((parsed,))
            live.change(lambda now: replace(now.opened(batch).to_correct(key), editing=key))
            opened = [*show_photos(batch.parsed), *open_in_editor(services, live.now)]
            notice = messages.note(why)
        except SegFaceError as error:
            opened, notice = list(nothing), messages.bad(as_sentence(error))
            opened[button_at] = gr.update(**IDLE)
        opened[notice_at] = notice
        return live, *opened

    outputs = [visit, *parse.shown, *correct.opened]
    correct.queued.click(None, None, correct.queued, js=_OPENING, **PRIVATE).then(
        on_queued, [model, visit], outputs, **IN_LINE, **QUIET
    ).failure(lambda: gr.update(**IDLE), None, correct.queued, **QUIET)
