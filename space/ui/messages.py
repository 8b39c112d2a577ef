"""Sentences to people: escaped, one at a time, announced to screen readers."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import gradio as gr


def message_box(elem_id: str) -> gr.HTML:
    """Returns an empty place for messages."""
    return gr.HTML("", elem_id=elem_id, elem_classes="message", visible=False)


def bad(sentences: str | Iterable[str]) -> dict[str, Any]:
    """Returns the update that shows what went wrong."""
    return _shown(sentences, "bad", "alert")


def good(sentence: str, *, way: tuple[str, str] | None = None) -> dict[str, Any]:
    """Returns the update that shows what went right.

    Args:
        sentence: What to say.
        way: A view to go on to, and the words of the button that leads there.
    """
    return _shown(sentence, "good", "status", way)


def note(sentence: str) -> dict[str, Any]:
    """Returns the update that shows a neutral message."""
    return _shown(sentence, "note", "status")


def way_to(view: str, words: str) -> str:
    """Returns a button that leads to another view, as HTML."""
    return f'<button type="button" class="way" data-view="{escape(view)}">{escape(words)}</button>'


def empty(sentence: str, *, view: str, words: str) -> str:
    """Returns the HTML of an empty view: a sentence, and a button that leads to another view."""
    return f'<div class="nothing-yet"><p>{escape(sentence)}</p>{way_to(view, words)}</div>'


def nothing() -> dict[str, Any]:
    """Returns the update that takes the message away."""
    return gr.update(value="", visible=False)


def _shown(
    sentences: str | Iterable[str], kind: str, role: str, way: tuple[str, str] | None = None
) -> dict[str, Any]:
    lines = [sentences] if isinstance(sentences, str) else list(sentences)
    text = "<br>".join(escape(line) for line in lines)
    on = f" {way_to(*way)}" if way else ""
    return gr.update(value=f'<p class="{kind}" role="{role}">{text}{on}</p>', visible=True)
