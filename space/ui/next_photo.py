"""The way from one correction to the next, without a trip through the Parse view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space.handlers.parse import as_sentence
from space.handlers.services import Services
from space.handlers.visit import LiveVisit
from space.ui import messages
from space.ui.correct import CorrectPage, open_in_editor
from space.ui.events import QUIET
from space.ui.parse import ParsePage, reopened
from space.web.components import parse_view


def wire(correct: CorrectPage, parse: ParsePage, services: Services, *, visit: gr.State) -> None:
    """Connects the button and the editor's key; the Parse view follows, so that both agree."""
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

    outputs = [visit, parse.view, *correct.opened]
    for asked in (correct.following.click, correct.editor.following):
        asked(on_next, visit, outputs, **QUIET)
