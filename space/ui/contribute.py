"""The Contribute view: what this visit saved, where it is, and what happens to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.save import SaveResult
from space.handlers.services import Services
from space.handlers.visit import LiveVisit, Visit
from space.state.saving import (
    Contributor,
    CorrectionStore,
    HubCorrections,
    resolve_contributor,
    secrets_of,
)
from space.ui import messages
from space.ui.events import PRIVATE, QUIET, contributing

_NONE_YET = messages.empty(
    "Nothing saved in this visit yet. Open a photo, correct its mask, press Save.",
    view="parse",
    words="Open a photo",
)
_SECONDS = 5
_MOST = 50


@dataclass(frozen=True)
class ContributePage:
    """The components of the view that others are wired to."""

    receipts: gr.HTML
    clock: gr.Timer
    secrets: gr.BrowserState
    signed: gr.State


def layout(services: Services) -> ContributePage:
    """Lays the view out; the sign-in button only where it works."""
    settings = services.settings
    gr.Markdown(explained(services), elem_classes="narrow")
    if settings.sign_in:
        gr.LoginButton(size="sm", elem_id="sign-in")
    receipts = gr.HTML(_NONE_YET, elem_id="receipts", elem_classes="prose")
    # What was saved before signing in has a secret for a name, which only this browser keeps.
    secrets = gr.BrowserState([], storage_key="segface-saved", secret="segface")
    clock = gr.Timer(_SECONDS, active=False)
    return ContributePage(receipts, clock, secrets, gr.State(None))


def wire(
    page: ContributePage, services: Services, *, saved: Any, tab: gr.Tab, visit: gr.State
) -> None:
    """Shows each saved correction as soon as there is one, and what becomes of it.

    Whoever arrives signed in has sent what waited for that, also what they saved before.
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
        # What the browser keeps arrives some time after the page: whoever is signed in is welcomed
        # at every look, and a secret is let go only once what it stands for has been moved.
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
        return listed(corrections, now, keys=keys, trouble=trouble), left, signed

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
    """Returns the keys of the queues that this page may show: its own and nobody else's."""
    own = [who.key for who in (signed, now.who) if who is not None]
    return tuple(dict.fromkeys([*own, *secrets]))


def _remembered(now: Visit, secrets: tuple[str, ...]) -> tuple[str, ...]:
    if now.who is None or now.who.account:
        return secrets
    return tuple(dict.fromkeys([now.who.key, *secrets]))


def explained(services: Services) -> str:
    """Says where contributions go, and what that means here."""
    settings = services.settings
    licence = settings.license.upper()
    where = f"the dataset `{settings.dataset}`" if settings.dataset else "a folder of this machine"
    parts = [
        "## Your corrections",
        f"Each one becomes a row with the photo, the mask and the prediction, in {where}. "
        f"Nothing is kept without your press on Save and your statements; rows are {licence}.",
    ]
    if settings.dataset and settings.service_token is None:
        parts.append(services.sign_in_texts.intro)
    if not settings.lasting:
        parts.append(
            "**This Space has no attached storage:** what waits here is lost when it restarts."
        )
    return "\n\n".join(parts)


def listed(
    corrections: CorrectionStore, visit: Visit, *, keys: Collection[str], trouble: str = ""
) -> str:
    """Returns what was saved, in this visit and before, and what became of it, as HTML."""
    known = {result.row.id for result in visit.saved}
    rows = [
        _row(result.row.id, _changes(result), _state(corrections, visit, result))
        for result in visit.saved
    ]
    if isinstance(corrections, HubCorrections):
        earlier = [entry for entry in corrections.entries(keys) if entry.id not in known]
        rows += [_row(e.id, "saved earlier", e.sentence, url=e.url) for e in earlier[:_MOST]]
    lead = f"<p>{escape(parse.as_sentence(trouble))}</p>" if trouble else ""
    if not rows:
        return lead + _NONE_YET
    head = "<tr><th>Row</th><th>Pixels set right, by class</th><th>State</th></tr>"
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"{lead}<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _row(content_id: str, changes: str, state: str, *, url: str = "") -> str:
    told = escape(state)
    if url.startswith(("https://", "http://")):
        told = f'<a href="{escape(url)}" target="_blank" rel="noopener">{told}</a>'
    return f"<td>{escape(content_id[:8])}</td><td>{escape(changes)}</td><td>{told}</td>"


def _changes(result: SaveResult) -> str:
    changes = ", ".join(f"{name} {count:,}" for name, count in result.changed.items())
    return changes or "none: confirmed as right"


def _state(corrections: CorrectionStore, visit: Visit, result: SaveResult) -> str:
    if visit.who is None:
        return ""
    try:
        return corrections.state(result.row.id, who=visit.who)
    except SegFaceError as error:
        return parse.as_sentence(error)
