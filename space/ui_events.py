"""How events are announced and limited: what is private, and what waits in line for the model."""

from __future__ import annotations

from typing import Any

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""Events of the page, which no script may call by name."""

QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
"""Private events that are done at once: dimming their outputs meanwhile would only flicker."""

IN_LINE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
"""Events that call the model: one at a time over the whole app."""
