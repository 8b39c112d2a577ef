"""How events are announced and limited: what is private, and what waits in line for the model."""

from __future__ import annotations

from typing import Any

import gradio as gr

from space.errors import VisitError
from space.handlers.parse import Request
from space.handlers.services import Services
from space.state import tokens
from space.state.rate_limits import address_of

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""Events of the page, which no script may call by name."""

QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
"""Private events that are done at once: dimming their outputs meanwhile would only flicker."""

IN_LINE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
"""Events that call the model: one at a time over the whole app."""


def plain(value: Any) -> dict[str, Any]:
    """Returns a value of the browser that should be an object; anything else counts as empty."""
    return value if isinstance(value, dict) else {}


def data_of(event: gr.EventData) -> dict[str, Any]:
    """Returns what the browser sent with an event."""
    return plain(event._data)


def key_of(event: gr.EventData) -> str:
    """Returns the key of the photo that an event is about; empty where it names none."""
    key = data_of(event).get("id")
    return key if isinstance(key, str) else ""


def true_or_false(value: object, name: str) -> bool:
    """Reads a switch of a script; null counts as off.

    Raises:
        VisitError: It is another value, such as the text "false".
    """
    if value is not None and not isinstance(value, bool):
        raise VisitError(f"'{name}' must be true or false, without quotes.")
    return value is True


def asking(
    request: gr.Request, services: Services, *, model: str = "", whole_image: bool = False
) -> Request:
    """Returns who asks for what, from the request that an event came with."""
    host = request.client.host if request.client else None
    forwarded = request.headers.get("x-forwarded-for")
    address = address_of(host, forwarded, behind_proxy=services.settings.on_space)
    return Request(request.session_hash or "", model, whole_image, address)


def contributing(
    token: gr.OAuthToken | None, request: gr.Request, services: Services
) -> str | None:
    """Returns the token that a visitor's corrections go with: theirs, or at home the machine's."""
    if token is not None:
        return token.token
    return services.own_token if _is_local(request, services) else None


def reviewing(token: gr.OAuthToken | None, request: gr.Request, services: Services) -> str | None:
    """Returns the token that a visitor reviews with: theirs, or at home the owner's."""
    if token is not None:
        return token.token
    owners = services.settings.service_token or services.own_token
    return owners if _is_local(request, services) else None


def _is_local(request: gr.Request, services: Services) -> bool:
    client = request.client.host if request.client else None
    return tokens.is_local_request(services.settings, client=client, headers=request.headers)
