"""The Contribute view: what this visit saved, where it is, and what happens to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from space.handlers_save import Receipt
from space.services import Services
from space.ui_events import PRIVATE

_NONE_YET = "<p>Nothing saved in this visit yet. Open a photo, correct its mask, press Save.</p>"


@dataclass(frozen=True)
class ContributePage:
    """The components of the view that others are wired to."""

    receipts: gr.HTML


def layout(services: Services) -> ContributePage:
    """Lays the view out."""
    gr.Markdown(_explained(services), elem_classes="narrow")
    return ContributePage(gr.HTML(_NONE_YET, elem_id="receipts", elem_classes="prose"))


def wire(page: ContributePage, *, saved: Any, visit: gr.State) -> None:
    """Shows each saved correction as soon as there is one."""
    saved.then(lambda now: _listed(now.saved), visit, page.receipts, **PRIVATE)


def _explained(services: Services) -> str:
    licence = services.settings.license.upper()
    home = services.settings.dataset
    where = f"the dataset `{home}`" if home else "a folder of this machine, and nowhere else"
    return (
        "## Your corrections\n"
        f"Each one becomes a row with the photo, the mask and the prediction, in {where}. "
        f"Nothing is kept without your press on Save and your statements; rows are {licence}."
    )


def _listed(receipts: Sequence[Receipt]) -> str:
    if not receipts:
        return _NONE_YET
    rows = "".join(f"<tr>{_row(receipt)}</tr>" for receipt in receipts)
    head = "<tr><th>Row</th><th>Pixels that became</th><th>State</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _row(receipt: Receipt) -> str:
    changes = ", ".join(f"{name} {count:,}" for name, count in receipt.changed.items())
    cells = (receipt.saved.id[:8], changes or "none: confirmed as right", "Saved here.")
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)
