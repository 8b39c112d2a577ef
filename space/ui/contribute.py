"""The Contribute view: what this visit saved, where it is, and what happens to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.downloads import LABELS
from space.handlers.saved import SavedItem, delete_saved, list_saved, open_saved
from space.handlers.services import Services
from space.handlers.visit import LiveVisit, Visit
from space.state.saving import (
    Contributor,
    HubCorrections,
    resolve_contributor,
    secrets_of,
)
from space.ui import messages
from space.ui.correct import CorrectPage, open_in_editor
from space.ui.events import PRIVATE, QUIET, contributing, key_of
from space.ui.parse import reopened
from space.web.components import ParseView, SavedList, parse_view

_NONE_YET = messages.empty(
    "Nothing is saved yet. Open a photo, correct its mask, then press Save.",
    view="parse",
    words="Open a photo",
)
_SECONDS = 5


@dataclass(frozen=True)
class ContributePage:
    """The components of the view that others are wired to."""

    message: gr.HTML
    receipts: SavedList
    clock: gr.Timer
    secrets: gr.BrowserState
    signed: gr.State


def layout(services: Services) -> ContributePage:
    """Lays the view out; the sign-in button only where it works."""
    settings = services.settings
    gr.Markdown(explained(services), elem_classes="narrow")
    if settings.sign_in:
        gr.LoginButton(size="sm", elem_id="sign-in")
    message = messages.message_box("saved-message")
    receipts = SavedList(_NONE_YET, elem_id="receipts", elem_classes="prose")
    # Rows saved before signing in are found by a secret, which only this browser keeps.
    secrets = gr.BrowserState([], storage_key="segface-saved", secret="segface")
    clock = gr.Timer(_SECONDS, active=False)
    return ContributePage(message, receipts, clock, secrets, gr.State(None))


def wire(
    page: ContributePage, services: Services, *, saved: Any, tab: gr.Tab, visit: gr.State
) -> None:
    """Shows each saved correction as soon as there is one, and what becomes of it.

    For a signed-in visitor, rows that waited for an account are sent, earlier ones too.
    """
    app = Context.root_block
    assert app is not None  # components are wired inside the app that holds them
    corrections, dataset = services.corrections, services.settings.dataset

    def on_look(
        live: LiveVisit,
        kept: object,
        signed: Contributor | None,
        token: gr.OAuthToken | None,
        request: gr.Request,
    ) -> tuple:
        now = live.now
        # What the browser keeps arrives some time after the page, so every look checks for it. A
        # secret is removed only once the rows that it stands for have been moved.
        secrets, left = secrets_of(kept), gr.skip()
        own = contributing(token, request, services)
        who, trouble = resolve_contributor(own, dataset=dataset, last=signed or now.who)
        signed = who if who.account else None
        if isinstance(corrections, HubCorrections) and signed and (secrets or signed != now.who):
            try:
                corrections.welcome(signed, secrets=secrets)
                secrets, left = (), [] if secrets else left
            except SegFaceError as error:
                trouble = str(error)
        keys = _keys(now, secrets, signed)
        live.change(lambda later: replace(later, queues=keys))
        return listed(services, live.now, trouble=trouble), left, signed

    def on_saved(live: LiveVisit, kept: object) -> list[str]:
        return list(_remembered(live.now, secrets_of(kept)))

    seen = [visit, page.secrets, page.signed]
    shown = [page.receipts, page.secrets, page.signed]
    after = saved.then(on_look, seen, shown, **PRIVATE)
    tab.select(on_look, seen, shown, **QUIET)
    if dataset:
        after.then(on_saved, [visit, page.secrets], page.secrets, **PRIVATE).then(
            lambda: gr.Timer(active=True), None, page.clock, **PRIVATE
        )
        page.clock.tick(on_look, seen, shown, **QUIET)
        app.load(on_look, seen, shown, **QUIET).then(
            lambda signed: gr.Timer(active=bool(signed)), page.signed, page.clock, **QUIET
        )


def _keys(now: Visit, secrets: Collection[str], signed: Contributor | None) -> tuple[str, ...]:
    """Returns the keys of the queues that this page may show: only its own."""
    own = [who.key for who in (signed, now.who) if who is not None]
    return tuple(dict.fromkeys([*own, *secrets]))


def _remembered(now: Visit, secrets: tuple[str, ...]) -> tuple[str, ...]:
    if now.who is None or now.who.account:
        return secrets
    return tuple(dict.fromkeys([now.who.key, *secrets]))


def explained(services: Services) -> str:
    """Says where contributions go, and what that means here."""
    settings = services.settings
    where = f"the dataset `{settings.dataset}`" if settings.dataset else "a folder of this machine"
    parts = [
        "## Your corrections",
        f"Each one is kept as a row with the photo, the mask and the prediction, in {where}.",
        _sharing(services),
    ]
    if settings.dataset and settings.service_token is None:
        parts.append(services.sign_in_texts.intro)
    if not settings.lasting:
        parts.append(
            "**This Space has no attached storage:** what waits here is lost when it restarts."
        )
    return "\n\n".join(parts)


def _sharing(services: Services) -> str:
    """Says when a row is kept and when it is shared."""
    license = services.settings.license.upper()
    if services.settings.private:
        return (
            "Nothing is kept until you press Save. A row stays on this machine; one with all "
            f"statements carries your consent to publish it under {license}."
        )
    return (
        "Nothing is kept until you press Save, and a row is kept only with all statements: it may "
        f"then be published under {license}."
    )


def listed(services: Services, visit: Visit, *, trouble: str = "") -> str:
    """Returns what was saved, in this visit and before, and what became of it, as HTML."""
    lead = f"<p>{escape(parse.as_sentence(trouble))}</p>" if trouble else ""
    items = list_saved(services, visit)
    if not items:
        return lead + _NONE_YET
    rows = "".join(f"<li>{_row(item)}</li>" for item in items)
    return f"{lead}<ul class='saved'>{rows}</ul>"


def _row(item: SavedItem) -> str:
    name = escape(item.id[:8])
    state = escape(item.state)
    if item.url.startswith(("https://", "http://")):
        state = f'<a href="{escape(item.url)}" target="_blank" rel="noopener">{state}</a>'
    picture = ""
    if item.is_here:
        picture = f'<img src="{item.picture}" alt="Photo and mask of {name}">'
    buttons = _buttons(item.id) if item.is_here else ""
    text = f"<strong>{name}</strong><p>{escape(item.changes)}</p><p>{state}</p>"
    return f"{picture}<div>{text}{buttons}</div>"


def _buttons(content_id: str) -> str:
    def button(act: str, label: str, more: str = "") -> str:
        attributes = f'data-act="{act}" data-id="{escape(content_id)}"{more}'
        return f'<button type="button" {attributes}>{escape(label)}</button>'

    files = "".join(f"<li>{button('file', x, f' data-kind={k!r}')}</li>" for k, x in LABELS)
    menu = f"<details><summary>Download</summary><ul>{files}</ul></details>"
    again, delete = button("reopen", "Open again"), button("delete", "Delete")
    return f"<div class='saved-buttons'>{again}{menu}{delete}</div>"


def wire_rows(
    page: ContributePage,
    services: Services,
    *,
    correct: CorrectPage,
    view: ParseView,
    tabs: gr.Tabs,
    visit: gr.State,
) -> None:
    """Connects the buttons of saved rows, other than the downloads."""
    nothing = [gr.skip()] * (2 + len(correct.opened))

    def on_reopen(live: LiveVisit, event: gr.EventData) -> tuple:
        content_id = key_of(event)
        try:
            opened = open_saved(services, live.now, content_id)
            live.change(lambda now: now.opened_saved(opened, content_id))
            photos = reopened(services, live)
            shown = open_in_editor(services, live.now)
        except SegFaceError as error:
            return live, messages.bad(parse.as_sentence(error)), *nothing
        seen = parse_view(photos, current=live.now.place)
        return live, messages.nothing(), gr.Tabs(selected="correct"), seen, *shown

    def on_remove(live: LiveVisit, event: gr.EventData) -> tuple:
        content_id = key_of(event)
        try:
            notice = messages.good(delete_saved(services, live.now, content_id))
            live.change(lambda now: now.deleted(content_id))
        except SegFaceError as error:
            notice = messages.bad(parse.as_sentence(error))
        return live, notice, listed(services, live.now)

    outputs = [visit, page.message, tabs, view, *correct.opened]
    page.receipts.reopen(on_reopen, visit, outputs, **QUIET)
    page.receipts.remove(on_remove, visit, [visit, page.message, page.receipts], **QUIET)
