"""Fix and accept: the mask editor of the Review view, whose Save merges the corrected mask."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from annotate.correction import Correction
from annotate.review.reviewer import Reviewer
from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.review import Looking, after_merge, fix, to_fix
from space.handlers.services import Services
from space.ui import messages
from space.ui.events import PRIVATE, data_of
from space.web.editor_component import FaceMaskEditor, accepted, refused
from space.web.editor_value import editor_value


@dataclass(frozen=True)
class FixPart:
    """The components of this part."""

    button: gr.Button
    area: gr.Column
    editor: FaceMaskEditor


def layout() -> FixPart:
    """Lays the part out; the editor shows once it is asked for."""
    button = gr.Button("Fix and accept …", size="md", elem_id="review-fix")
    with gr.Column(visible=False) as area:
        gr.Markdown("Correct the mask. **Save merges it** as you leave it, in place of theirs.")
        editor = FaceMaskEditor(elem_id="review-editor", scope="review")
    return FixPart(button, area, editor)


def wire(
    part: FixPart,
    services: Services,
    *,
    reviewer: Callable[..., Reviewer],
    looking: gr.State,
    message: gr.HTML,
    chosen: Any,
) -> Any:
    """Connects the part; returns the event of a merge, so that others can follow it."""

    def on_open(now: Looking, token: gr.OAuthToken | None, request: gr.Request) -> tuple:
        try:
            value = _value(services, to_fix(reviewer(token, request), now), now)
        except SegFaceError as error:
            return gr.update(visible=False), gr.skip(), _bad(error)
        return gr.update(visible=True), value, messages.nothing()

    def on_save(
        now: Looking, event: gr.EventData, token: gr.OAuthToken | None, request: gr.Request
    ) -> tuple:
        payload = data_of(event)
        try:
            opened = reviewer(token, request)
            notice = fix(opened, now, payload)
            after_merge(services.corrections, opened)
        except SegFaceError as error:
            return refused(payload, parse.as_sentence(error)), _bad(error), gr.skip()
        return accepted(payload, notice), messages.good(notice), gr.update(visible=False)

    part.button.click(on_open, looking, [part.area, part.editor, message], **PRIVATE)
    chosen.then(lambda: gr.update(visible=False), None, part.area, **PRIVATE)
    return part.editor.saved(on_save, looking, [part.editor, message, part.area], **PRIVATE)


def _value(services: Services, correction: Correction, now: Looking) -> dict[str, Any]:
    sink = io.BytesIO()
    Image.fromarray(correction.image).save(sink, "PNG", compress_level=1)
    photo = services.photos.put_file("photo.png", sink.getvalue())
    return editor_value(
        photo,
        correction.mask,
        correction.prediction,
        correction.schema,
        title=f"#{now.number}",
        value_id=correction.content_id,
    )


def _bad(error: SegFaceError) -> Any:
    return messages.bad(parse.as_sentence(error))
