"""Owns the Gradio component: template, style and script of the editor, and the answer to a save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from space.web.bundle import MASK_EDITOR, mounted


class FaceMaskEditor(gr.HTML):
    """A mask editor; its value is what :func:`space.web.editor_value` builds.

    The script saves through the ``saved`` event: ``editor.saved(handler, inputs, outputs)`` with
    ``payload = event._data``. The handler returns :func:`accepted` or :func:`refused` to the
    editor. The work counts as unsaved until one of them arrives; a late answer counts too.

    Other events: ``restored`` when unsaved work of another photo than the open one was brought
    back; ``unopened`` and ``reopened``, with an ``id``, when the photo that the editor was given
    could not be opened and when it could later; ``following`` asks for the next photo; ``wanted``
    for a file of the mask as it is now, with its ``kind`` and the packed map.

    Unsaved work is offered only by an editor of the same ``scope``, where it can be saved.

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
        kinds: Sequence[Sequence[str]] = (),
        **settings: Any,
    ) -> None:
        super().__init__(
            value,
            html_template=(MASK_EDITOR / "template.html").read_text(encoding="utf-8"),
            css_template=(MASK_EDITOR / "editor.css").read_text(encoding="utf-8"),
            js_on_load=mounted("editor", folder=MASK_EDITOR),
            apply_default_css=False,
            ack=ack,
            scope=scope,
            kinds=[list(kind) for kind in kinds],
            **settings,
        )

    def api_info(self) -> dict[str, Any]:
        """Describes the value: an object, not the string of a plain ``gr.HTML``."""
        return {"type": "object"}


def accepted(payload: Mapping[str, Any], message: str) -> dict[str, Any]:
    """Returns the update that confirms a save to the editor.

    Args:
        payload: What the ``saved`` event carried.
        message: One sentence for the person.
    """
    return _answer(payload, ok=True, message=message)


def refused(payload: Mapping[str, Any], message: str) -> dict[str, Any]:
    """Returns the update that refuses a save: the work stays in the browser.

    Args:
        payload: What the ``saved`` event carried.
        message: One sentence that says why.
    """
    return _answer(payload, ok=False, message=message)


def _answer(payload: Mapping[str, Any], *, ok: bool, message: str) -> dict[str, Any]:
    token = str(payload.get("token", ""))[:64]
    return gr.update(ack={"token": token, "ok": ok, "message": message})
