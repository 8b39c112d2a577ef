"""Owns the Gradio component: template, style and script of the editor, and the answer to a save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from space.web.bundle import HERE, bundle

EVENT = "saved"
"""Name of the event that carries a save's payload."""


class FaceMaskEditor(gr.HTML):
    """A mask editor; its value is what :func:`space.web.editor_value` builds.

    The script saves through the ``saved`` event: ``editor.saved(handler, inputs, outputs)`` with
    ``payload = event._data``. The handler returns :func:`accepted` or :func:`refused` to the
    editor. Until one of them comes the work counts as unsaved, and one that comes late counts too.

    ``restored`` follows when unsaved work of another photo than the open one was brought back, and
    ``unopened`` with an ``id`` when the photo that the editor was given could not be opened, and
    ``reopened`` when it could after all. ``following`` asks for the photo after this one.

    Unsaved work is offered back by an editor of the same ``scope`` only: what can't be saved in one
    place is not offered there.

    Example:
        >>> editor = FaceMaskEditor(elem_id="mask-editor")  # doctest: +SKIP
        >>> editor.saved(save, None, editor)  # doctest: +SKIP
    """

    def __init__(
        self,
        value: dict[str, Any] | None = None,
        *,
        ack: dict[str, Any] | None = None,
        scope: str = "",
        **settings: Any,
    ) -> None:
        script = f"{bundle('editor')}\nmodules.editor.mount({{ element, trigger, props, watch }});"
        super().__init__(
            value,
            html_template=(HERE / "template.html").read_text(encoding="utf-8"),
            css_template=(HERE / "editor.css").read_text(encoding="utf-8"),
            js_on_load=script,
            apply_default_css=False,
            ack=ack,
            scope=scope,
            **settings,
        )

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not the string of a plain ``gr.HTML``."""
        return {"type": "object"}


def accepted(payload: Mapping[str, Any], message: str) -> dict[str, Any]:
    """The update that tells the editor its save is kept.

    Args:
        payload: What the ``saved`` event carried.
        message: One sentence for the person.
    """
    return _answer(payload, ok=True, message=message)


def refused(payload: Mapping[str, Any], message: str) -> dict[str, Any]:
    """The update that tells the editor its save was refused: the work stays in the browser.

    Args:
        payload: What the ``saved`` event carried.
        message: One sentence that says why.
    """
    return _answer(payload, ok=False, message=message)


def _answer(payload: Mapping[str, Any], *, ok: bool, message: str) -> dict[str, Any]:
    token = str(payload.get("token", ""))[:64]
    return gr.update(ack={"token": token, "ok": ok, "message": message})
