"""The Correct view: the mask editor, the statements before Save, and Save itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotate.correction import PEOPLE, RIGHTS
from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.downloads import LABELS
from space.handlers.save import ConsentForm, save_correction
from space.handlers.services import Services
from space.handlers.visit import LiveVisit, Visit
from space.state.saving import resolve_contributor
from space.ui import messages
from space.ui.events import PRIVATE, QUIET, asking, contributing, data_of, key_of
from space.web.editor_component import FaceMaskEditor, accepted, refused
from space.web.editor_value import editor_value

# Save may have been pressed anywhere on the page, on a phone far from the answer.
_SHOW = """() => setTimeout(() => {
  document.querySelector('#save-message p')?.scrollIntoView({ block: 'nearest' });
}, 200)"""
_ON = ("contribute", "See your corrections")
# These two run in the browser: an answer of the server would take back what was clicked meanwhile.
_CLEAR = "() => [null, null, '', false, '']"
_SHOW_LICENSE = "(right) => ({ visible: right === 'licensed', __type__: 'update' })"
# The button of the queue, while no photo is being opened.
IDLE: dict[str, Any] = {"value": "Next photo", "interactive": True}
# Right, people, license, agreement, source: they are about one photo and not kept for the next.
BLANK = (None, None, "", False, "")


@dataclass(frozen=True)
class CorrectPage:
    """The components of the view that others are wired to."""

    editor: FaceMaskEditor
    message: gr.HTML
    statements: list[Any]
    again: gr.Button
    clear: gr.Button
    following: gr.Button
    queued: gr.Button

    @property
    def way_on(self) -> list[Any]:
        """The buttons to the next photo, of which one shows at most."""
        return [self.following, self.queued]

    @property
    def opened(self) -> list[Any]:
        """What changes when another photo opens, after the visit."""
        return [self.editor, self.message, *self.way_on, self.again, *self.statements]


def layout(services: Services) -> CorrectPage:
    """Lays the view out."""
    message = messages.message_box("save-message")
    following = gr.Button("Next photo", size="sm", visible=False, elem_id="following")
    has_queue = services.queue is not None
    queued = gr.Button(**IDLE, size="sm", visible=has_queue, elem_id="queued")
    editor = FaceMaskEditor(elem_id="mask-editor", kinds=LABELS)
    license = services.settings.license.upper()
    again = gr.Button(
        "Use the statements of the previous photo", size="sm", visible=False, elem_id="again"
    )
    with gr.Group(elem_id="consent"):
        heading = "To share it (optional)" if services.settings.private else "Before you save"
        gr.Markdown(f"## {heading}", elem_classes="consent-title")
        right = gr.Radio(_choices(RIGHTS), label="Why may this photo be shared?", elem_id="right")
        people = gr.Radio(_choices(PEOPLE), label="Who is in it?", elem_id="people")
        photo_license = gr.Textbox(
            label="The photo's license",
            placeholder="CC BY 2.0",
            max_lines=1,
            visible=False,
            elem_id="photo-license",
        )
        source = gr.Textbox(
            label="Where it comes from (optional)",
            placeholder="an address or a title",
            max_lines=1,
            elem_id="source",
        )
        agrees = gr.Checkbox(
            label=f"Photo and mask may be published in the dataset under {license}",
            elem_id="agrees",
        )
        clear = gr.Button("Clear the statements", size="sm", elem_id="clear-statements")
    right.change(None, right, photo_license, js=_SHOW_LICENSE, **PRIVATE)
    statements = [right, people, photo_license, agrees, source]
    return CorrectPage(editor, message, statements, again, clear, following, queued)


def _choices(sentences: Any) -> list[tuple[str, str]]:
    return [(sentence, key) for key, sentence in sentences.items()]


def open_in_editor(services: Services, visit: Visit) -> tuple[Any, ...]:
    """Returns the updates that open the visit's photo, in the order of `CorrectPage.opened`.

    It opens with what this visit saved of the photo last, so that a second save includes the first.

    Raises:
        PhotoGoneError: The time of the photo ran out.
    """
    photo = services.photos.get(visit.photo())
    parse, saved = photo.parse, visit.corrected.get(photo.key)
    mask = services.photos.mask(photo.key, saved) if saved else None
    value = editor_value(
        photo.shown,
        parse.mask if mask is None else mask,
        parse.mask,
        parse.schema,
        confidence=parse.confidence,
        runner_up=parse.runner_up,
        value_id=photo.key,
    )
    # The browser ignores a value equal to the last one, although it may show restored work now.
    value["asked"] = time.time_ns()
    again = gr.update(visible=visit.stated is not None)
    return value, messages.nothing(), *way_on(services, visit), again, *BLANK


def way_on(services: Services, visit: Visit) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the updates of `CorrectPage.way_on`: open photos come before those of the queue."""
    photos = set(visit.keys)
    left = len(photos - visit.corrected.keys())
    said = f"{left} of {len(photos)} not saved yet" if left else f"all {len(photos)} are saved"
    queued = services.queue is not None and not visit.has_unsaved_other
    following = gr.update(value=f"Next photo ({said})", visible=len(photos) > 1 and not queued)
    return following, gr.update(visible=queued, **IDLE)


def _stated_again(live: LiveVisit) -> tuple:
    """Repeats the statements of the previous photo, except where it comes from."""
    form = live.now.stated
    if form is None:
        return tuple(gr.skip() for _ in BLANK)
    return form.right, form.people, form.photo_license, form.agrees, gr.skip()


def wire(page: CorrectPage, services: Services, *, visit: gr.State) -> Any:
    """Connects Save; returns the event, so that others can follow it."""
    nothing = [gr.skip()] * len(page.way_on)

    def on_save(
        live: LiveVisit,
        right: str,
        people: str,
        photo_license: str,
        agrees: bool,
        source: str,
        event: gr.EventData,
        token: gr.OAuthToken | None,
        request: gr.Request,
    ) -> tuple:
        payload = data_of(event)
        try:
            form = ConsentForm.claimed(right, people, photo_license, agrees, source)
            own = contributing(token, request, services)
            last = live.now.who or live.anonymous
            who, trouble = resolve_contributor(own, dataset=services.settings.dataset, last=last)
            asked = asking(request, services)
            result = save_correction(services, payload, form=form, who=who, asked=asked)
        except SegFaceError as error:
            notice = parse.as_sentence(error)
            return live, refused(payload, notice), messages.bad(notice), *nothing
        live.change(lambda now: now.received(result, who, form))
        services.photos.touch(live.now.keys)
        notice = " ".join(filter(None, (result.sentence, trouble and parse.as_sentence(trouble))))
        good = messages.good(notice, way=_ON)
        # The page shows the whole sentence; the editor's status line says the outcome.
        return live, accepted(payload, "Saved."), good, *way_on(services, live.now)

    page.again.click(_stated_again, visit, page.statements, **QUIET)
    page.clear.click(None, None, page.statements, js=_CLEAR, **PRIVATE)
    _wire_openings(page, visit=visit)
    saved = page.editor.saved(
        on_save,
        [visit, *page.statements],
        [visit, page.editor, page.message, *page.way_on],
        concurrency_limit=4,
        **QUIET,
    )
    saved.then(None, None, None, js=_SHOW, **PRIVATE)
    return saved


def _wire_openings(page: CorrectPage, *, visit: gr.State) -> None:
    """Records which photo the editor has open."""

    def on_restored(live: LiveVisit) -> tuple:
        live.change(Visit.restored)
        again = gr.update(visible=live.now.stated is not None)
        return live, messages.nothing(), again, *BLANK

    def on_unopened(live: LiveVisit, event: gr.EventData) -> LiveVisit:
        live.change(lambda now: now.unopened(key_of(event)))
        return live

    def on_reopened(live: LiveVisit, event: gr.EventData) -> LiveVisit:
        live.change(lambda now: now.reopened(key_of(event)))
        return live

    page.editor.unopened(on_unopened, visit, visit, **QUIET)
    page.editor.reopened(on_reopened, visit, visit, **QUIET)
    page.editor.restored(
        on_restored, visit, [visit, page.message, page.again, *page.statements], **PRIVATE
    )
