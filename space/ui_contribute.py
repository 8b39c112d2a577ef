"""The Contribute view: what this visit saved, where it is, and what happens to it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from space import handlers
from space.handlers_save import Receipt
from space.services import Services
from space.settings import Settings
from space.ui_events import PRIVATE, QUIET
from space.visit import Visit

_NONE_YET = "<p>Nothing saved in this visit yet. Open a photo, correct its mask, press Save.</p>"
_SECONDS = 5


@dataclass(frozen=True)
class ContributePage:
    """The components of the view that others are wired to."""

    receipts: gr.HTML
    clock: gr.Timer


def layout(services: Services) -> ContributePage:
    """Lays the view out; the sign-in button only where it works."""
    settings = services.settings
    gr.Markdown(explained(settings), elem_classes="narrow")
    if settings.sign_in:
        gr.LoginButton(size="sm", elem_id="sign-in")
    receipts = gr.HTML(_NONE_YET, elem_id="receipts", elem_classes="prose")
    return ContributePage(receipts, gr.Timer(_SECONDS, active=False))


def wire(
    page: ContributePage, services: Services, *, saved: Any, tab: gr.Tab, visit: gr.State
) -> None:
    """Shows each saved correction as soon as there is one, and what becomes of it."""

    def on_look(now: Visit) -> str:
        return _listed(services, now)

    saved.then(on_look, visit, page.receipts, **PRIVATE)
    tab.select(on_look, visit, page.receipts, **QUIET)
    if services.settings.dataset:
        saved.then(lambda: gr.Timer(active=True), None, page.clock, **PRIVATE)
        page.clock.tick(on_look, visit, page.receipts, **QUIET)


def explained(settings: Settings) -> str:
    """Says where contributions go, and what that means here."""
    licence = settings.license.upper()
    where = f"the dataset `{settings.dataset}`" if settings.dataset else "a folder of this machine"
    parts = [
        "## Your corrections",
        f"Each one becomes a row with the photo, the mask and the prediction, in {where}. "
        f"Nothing is kept without your press on Save and your statements; rows are {licence}.",
    ]
    if settings.dataset and settings.service_token is None:
        parts.append(
            "Each is sent as a pull request under your own name: sign in, and it goes at once. "
            "Until then it waits here."
        )
    if not settings.lasting:
        parts.append(
            "**This Space has no attached storage:** what waits here is lost when it restarts."
        )
    return "\n\n".join(parts)


def _listed(services: Services, visit: Visit) -> str:
    if not visit.saved:
        return _NONE_YET
    rows = "".join(f"<tr>{_row(services, visit, receipt)}</tr>" for receipt in visit.saved)
    head = "<tr><th>Row</th><th>Pixels that became</th><th>State</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _row(services: Services, visit: Visit, receipt: Receipt) -> str:
    changes = ", ".join(f"{name} {count:,}" for name, count in receipt.changed.items())
    state = _state(services, visit, receipt)
    cells = (receipt.kept.id[:8], changes or "none: confirmed as right", state)
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)


def _state(services: Services, visit: Visit, receipt: Receipt) -> str:
    if visit.who is None:
        return ""
    try:
        return services.keeper.state(receipt.kept.id, who=visit.who)
    except SegFaceError as error:
        return handlers.as_sentence(error)
