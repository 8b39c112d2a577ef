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


def good(sentence: str) -> dict[str, Any]:
    """Returns the update that shows what went right."""
    return _shown(sentence, "good", "status")


def nothing() -> dict[str, Any]:
    """Returns the update that takes the message away."""
    return gr.update(value="", visible=False)


def _shown(sentences: str | Iterable[str], kind: str, role: str) -> dict[str, Any]:
    lines = [sentences] if isinstance(sentences, str) else list(sentences)
    text = "<br>".join(escape(line) for line in lines)
    return gr.update(value=f'<p class="{kind}" role="{role}">{text}</p>', visible=True)
