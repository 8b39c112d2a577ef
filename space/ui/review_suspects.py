"""What is suspected in the rows of a review, shown as it becomes known."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from space.handlers.services import Services
from space.handlers.suspects import ranked, suspicion_sentence
from space.ui.events import QUIET

_EVERY = 2.0  # seconds


@dataclass(frozen=True)
class SuspectPart:
    """A sentence about the row that is looked at, and the list as it was read."""

    sentence: gr.HTML
    timer: gr.Timer
    listed: gr.State


def layout(name: str) -> SuspectPart:
    """Lays the sentence out; `name` is its element id."""
    sentence = gr.HTML(elem_id=name, elem_classes="prose")
    return SuspectPart(sentence, gr.Timer(_EVERY, active=False), gr.State([]))


def sentence(services: Services, name: int | str) -> str:
    """Returns what is suspected in a row as HTML."""
    text = suspicion_sentence(services, name)
    return f"<p>{escape(text)}</p>" if text else ""


def timer(services: Services) -> dict[str, Any]:
    """Returns the update of the timer, which ticks while rows wait to be judged."""
    return gr.update(active=services.suspects.pending > 0)


def wire(part: SuspectPart, services: Services, *, choice: gr.Dropdown) -> None:
    """Keeps order and sentence up to date; what is chosen stays."""

    def on_tick(found: list[tuple[str, Any]], chosen: Any) -> tuple:
        said = sentence(services, chosen) if chosen else ""
        return gr.update(choices=ranked(services, found)), said, timer(services)

    part.timer.tick(on_tick, [part.listed, choice], [choice, part.sentence, part.timer], **QUIET)
