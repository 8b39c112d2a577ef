"""How events are announced and limited: what is private, and what waits in line for the model."""

from __future__ import annotations

from typing import Any

import gradio as gr

from space.handlers import Request
from space.limits import address_of
from space.services import Services

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""Events of the page, which no script may call by name."""

QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
"""Private events that are done at once: dimming their outputs meanwhile would only flicker."""

IN_LINE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
"""Events that call the model: one at a time over the whole app."""


def asking(
    request: gr.Request, services: Services, *, model: str = "", whole_image: bool = False
) -> Request:
    """Returns who asks for what, from the request that an event came with."""
    host = request.client.host if request.client else None
    forwarded = request.headers.get("x-forwarded-for")
    address = address_of(host, forwarded, behind_proxy=services.settings.on_space)
    return Request(request.session_hash or "", model, whole_image, address)
