"""The Parse view: photos in, the overlay with its classes, and the ways on from there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space import handlers, ui_messages
from space.downloads import KINDS
from space.examples import find_example
from space.handlers import Parsed
from space.services import Services
from space.showcase import Showcase
from space.ui_components import ParseView, PhotoDrop, parse_view
from space.ui_events import IN_LINE, PRIVATE, QUIET, asking
from space.ui_files import uploaded
from space.visit import Visit

_UNFORESEEN = "Something went wrong here, not with your photo. Try again, or try another photo."


@dataclass(frozen=True)
class ParsePage:
    """The components of the view that others are wired to."""

    drop: PhotoDrop
    view: ParseView
    message: gr.HTML
    whole: gr.Button

    @property
    def shown(self) -> list[Any]:
        """What every parse updates, after the visit."""
        return [self.view, self.message, self.whole, self.drop]


def layout(services: Services, showcase: Showcase) -> ParsePage:
    """Lays the view out, with the examples that are offered."""
    drop = PhotoDrop(showcase.cards, max_mb=services.settings.max_upload_mb, elem_id="drop")
    message = ui_messages.message_box("parse-message")
    whole = gr.Button("Parse the whole picture as one face", visible=False, elem_id="whole")
    view = ParseView([(kind, label) for kind, (label, *_) in KINDS.items()], elem_id="parse-view")
    return ParsePage(drop, view, message, whole)


def wire(
    page: ParsePage, services: Services, showcase: Showcase, *, visit: gr.State, model: gr.Component
) -> None:
    """Connects the view's events."""

    def on_photos(value: dict, chosen: str, now: Visit, request: gr.Request) -> Iterator[tuple]:
        asked, batch = asking(request, services, model=chosen), handlers.Batch()
        try:
            paths = [uploaded(str(file["path"])) for file in value["files"]]
            for batch in handlers.parse_each(services, paths, request=asked):
                if batch.count < len(paths):
                    yield now, *_working(batch.count, len(paths))
        except SegFaceError as error:
            yield now, *_failed(error)
            return
        if batch.parsed:
            yield now.opened(batch), *_shown(batch.parsed, problems=batch.problems)
        else:
            told = ui_messages.bad(batch.problems)
            yield now, gr.skip(), told, gr.skip(), _done()

    def on_example(value: dict, chosen: str, now: Visit, request: gr.Request) -> tuple:
        asked = asking(request, services, model=chosen)
        try:
            example = find_example(str(value.get("example")))
            batch = handlers.Batch(
                (handlers.open_example(services, showcase, example, request=asked),)
            )
        except SegFaceError as error:
            return now, *_failed(error)
        return now.opened(batch), *_shown(batch.parsed)

    def on_whole(chosen: str, now: Visit, request: gr.Request) -> tuple:
        asked = asking(request, services, model=chosen, whole_image=True)
        try:
            parsed = handlers.parse_again(services, now.photo(), request=asked)
            later = now.swapped(parsed)
            return later, *_shown(reopened(services, later), current=later.place)
        except SegFaceError as error:
            return now, *_failed(error)

    def on_picked(now: Visit, event: gr.EventData) -> tuple:
        try:
            later = now.picked(str(event._data.get("id")))
            faces = services.shelf.get(later.current).parse.faces
        except SegFaceError as error:
            return now, ui_messages.bad(handlers.as_sentence(error)), gr.skip()
        return later, ui_messages.nothing(), gr.update(visible=not faces)

    # The drop says in words how long the line is; Gradio's own tracker would dim the whole view.
    queued = {**IN_LINE, **PRIVATE, "show_progress": "minimal", "show_progress_on": page.drop}
    told = {"fn": _broke, "inputs": None, "outputs": [page.message, page.drop], **PRIVATE}
    given, shown = [page.drop, model, visit], [visit, *page.shown]
    page.drop.submit(on_photos, given, shown, **queued).failure(**told)
    # What is known of an example needs no model, so it waits in no line.
    page.drop.example(on_example, given, shown, **QUIET).failure(**told)
    page.whole.click(on_whole, [model, visit], shown, **queued)
    page.view.picked(on_picked, visit, [visit, page.message, page.whole], **PRIVATE)


def reopened(services: Services, visit: Visit) -> list[Parsed]:
    """Returns the photos of a visit from the shelf.

    Raises:
        PhotoGoneError: The time of one ran out.
    """
    return [
        Parsed(services.shelf.get(key), note)
        for key, note in zip(visit.keys, visit.notes, strict=True)
    ]


def _shown(parsed: Any, *, current: int = 0, problems: tuple[str, ...] = ()) -> tuple:
    faces = parsed[current].photo.parse.faces
    return (
        parse_view(parsed, current=current),
        ui_messages.bad(problems) if problems else ui_messages.nothing(),
        gr.update(visible=not faces),
        gr.update(done=time.time(), opened=True),
    )


def _failed(error: SegFaceError) -> tuple:
    told = ui_messages.bad(handlers.as_sentence(error))
    return gr.skip(), told, gr.skip(), _done()


def _broke() -> tuple:
    """Says that something failed which nobody foresaw; the log has what."""
    return ui_messages.bad(_UNFORESEEN), _done()


def _working(done: int, count: int) -> tuple:
    step = gr.update(step=f"{done} of {count} photos are parsed")
    return gr.skip(), gr.skip(), gr.skip(), step


def _done() -> dict[str, Any]:
    """Tells the drop that the photos have been dealt with."""
    return gr.update(done=time.time())
