"""The Parse view: photos in, the overlay with its classes, and the ways on from there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space.errors import PhotoGoneError
from space.handlers import parse
from space.handlers.downloads import LABELS
from space.handlers.parse import Parsed
from space.handlers.services import Services
from space.handlers.visit import LiveVisit, corrected_photo
from space.state.examples import find_example
from space.state.showcase import Showcase
from space.ui import messages
from space.ui.events import IN_LINE, PRIVATE, QUIET, asking, data_of, key_of, plain
from space.web.components import ParseView, PhotoDrop, parse_view
from space.web.uploads import uploaded_files

_UNFORESEEN = "Something went wrong here, not with your photo. Try again, or try another photo."
_CORRECTED = "This is the mask that you saved."


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

    @property
    def in_line(self) -> dict[str, Any]:
        """Options of events that wait for the model.

        The drop says in words how long the line is; Gradio's tracker would dim the whole view.
        """
        shown = {"show_progress": "minimal", "show_progress_on": self.drop}
        return {**IN_LINE, **PRIVATE, **shown}


def waiting(text: str) -> str:
    """Returns the script that says what the visitor waits for, until `finished`."""
    return f"(...given) => {{ document.querySelector('.pd').__drop.busy('{text}'); return given; }}"


def layout(services: Services, showcase: Showcase) -> ParsePage:
    """Lays the view out, with the examples that are offered."""
    settings = services.settings
    drop = PhotoDrop(
        showcase.cards, max_mb=settings.max_upload_mb, within=settings.kept_for, elem_id="drop"
    )
    message = messages.message_box("parse-message")
    whole = gr.Button("Parse the whole picture as one face", visible=False, elem_id="whole")
    view = ParseView(LABELS, elem_id="parse-view")
    return ParsePage(drop, view, message, whole)


def wire(
    page: ParsePage, services: Services, showcase: Showcase, *, visit: gr.State, model: gr.Component
) -> None:
    """Connects the view's events."""

    def on_photos(
        value: dict, chosen: str, live: LiveVisit, request: gr.Request
    ) -> Iterator[tuple]:
        asked, batch = asking(request, services, model=chosen), parse.Batch()
        try:
            paths = uploaded_files(value)
            for batch in parse.parse_each(services, paths, request=asked):
                if batch.count < len(paths):
                    yield live, *_working(batch.count, len(paths))
        except SegFaceError as error:
            yield live, *_failed(error)
            return
        if batch.parsed:
            live.change(lambda now: now.opened(batch))
            yield live, *show_photos(batch.parsed, problems=batch.problems)
        else:
            notice = messages.bad(batch.problems)
            yield live, gr.skip(), notice, gr.skip(), finished()

    def on_example(value: dict, chosen: str, live: LiveVisit, request: gr.Request) -> tuple:
        asked = asking(request, services, model=chosen)
        try:
            example = find_example(str(plain(value).get("example")))
            batch = parse.Batch((parse.open_example(services, showcase, example, request=asked),))
        except SegFaceError as error:
            return live, *_failed(error)
        live.change(lambda now: now.opened(batch))
        return live, *show_photos(batch.parsed)

    def on_whole(chosen: str, live: LiveVisit, request: gr.Request) -> tuple:
        asked = asking(request, services, model=chosen, whole_image=True)
        try:
            parsed = parsed_again(services, live, request=asked)
        except SegFaceError as error:
            return live, *_failed(error)
        return live, *show_photos(parsed, current=live.now.place)

    def on_picked(live: LiveVisit, event: gr.EventData) -> tuple:
        # Back at the photo before, the message about the other one stays.
        notice = gr.skip() if data_of(event).get("back") is True else messages.nothing()
        return live, *_picked(services, live, key_of(event), notice=notice)

    queued = page.in_line
    notice = {"fn": _broke, "inputs": None, "outputs": [page.message, page.drop], **PRIVATE}
    given, shown = [page.drop, model, visit], [visit, *page.shown]
    page.drop.submit(on_photos, given, shown, **queued).failure(**notice)
    # An example that is parsed already needs no model, so it doesn't wait in line.
    page.drop.example(on_example, given, shown, **QUIET).failure(**notice)
    page.whole.click(
        on_whole, [model, visit], shown, js=waiting("Parsing the whole picture"), **queued
    ).failure(**notice)
    page.view.picked(on_picked, visit, shown[:-1], **QUIET)


def show_saved(page: ParsePage, services: Services, *, saved: Any, visit: gr.State) -> None:
    """Has the view show the corrected mask once it is saved."""

    def on_saved(live: LiveVisit) -> Any:
        if live.now.current not in live.now.corrected:
            return gr.skip()  # Save was refused, or it was of another photo.
        photos = reopened(services, live)
        # The visitor may have picked another photo meanwhile: the one that is shown stays.
        return {**parse_view(photos, current=live.now.place), "stay": True} if photos else gr.skip()

    saved.then(on_saved, visit, page.view, **QUIET)


def parsed_again(services: Services, live: LiveVisit, *, request: parse.Request) -> list[Parsed]:
    """Parses the photo that is shown again; returns all photos of the visit.

    Raises:
        PhotoGoneError: It is no longer open.
        SegFaceError: It can't be parsed; see `parse.parse_again`.
    """
    former = live.now.photo()
    parsed = parse.parse_again(services, former, request=request)
    live.change(lambda now: now.swapped(former, parsed))
    return reopened(services, live)


def reopened(services: Services, live: LiveVisit) -> list[Parsed]:
    """Returns the photos of a visit, with what was saved of them.

    Photos whose time ran out leave the visit.
    """
    visit, found, gone = live.now, [], set()
    for key, note in zip(visit.keys, visit.notes, strict=True):
        try:
            note = " ".join(filter(None, (note, _CORRECTED if key in visit.corrected else "")))
            found.append(Parsed(corrected_photo(services, visit, key), note))
        except PhotoGoneError:
            gone.add(key)
    live.change(lambda now: now.without(gone))
    return found


def _picked(services: Services, live: LiveVisit, key: str, *, notice: Any) -> tuple:
    """Shows another photo; where that is gone, the one before stays."""
    try:
        faces = services.photos.get(live.now.picked(key).current).parse.faces
        live.change(lambda now: now.picked(key))
    except SegFaceError as error:
        left = reopened(services, live)
        if not left:
            return _failed(error)[:-1]
        problems = (parse.as_sentence(error),)
        return show_photos(left, current=live.now.place, problems=problems)[:-1]
    services.photos.touch(live.now.keys)
    return gr.skip(), notice, gr.update(visible=not faces)


def show_photos(parsed: Any, *, current: int = 0, problems: tuple[str, ...] = ()) -> tuple:
    """Returns the updates of `ParsePage.shown` that show photos."""
    faces = parsed[current].photo.parse.faces
    return (
        parse_view(parsed, current=current),
        messages.bad(problems) if problems else messages.nothing(),
        gr.update(visible=not faces),
        gr.update(done=time.time(), opened=True),
    )


def _failed(error: SegFaceError) -> tuple:
    notice = messages.bad(parse.as_sentence(error))
    return gr.skip(), notice, gr.skip(), finished()


def _broke() -> tuple:
    """Says that something unexpected failed; the log has the details."""
    return messages.bad(_UNFORESEEN), finished()


def _working(done: int, count: int) -> tuple:
    step = gr.update(step=f"Parsing photo {done + 1} of {count}")
    return gr.skip(), gr.skip(), gr.skip(), step


def finished() -> dict[str, Any]:
    """Returns the update of the drop that ends waiting."""
    return gr.update(done=time.time())
