"""The app's queue: Gradio's own, polled less often while no event waits."""

from __future__ import annotations

from typing import Any

import gradio as gr

from space.state.rate_limits import address_of

# Gradio looks for events 1,000 times a second and for progress 100 times, which costs an idle app
# 5 % of a core. Visitors don't notice these intervals.
_EVENTS_EVERY, _PROGRESS_EVERY = 0.02, 0.1


def waiting(app: gr.Blocks, address: str, *, behind_proxy: bool) -> int:
    """Returns how many events of an address wait in an app's queue."""
    queues = app._queue.event_queue_per_concurrency_id.values()
    return sum(
        _address(event.request, behind_proxy) == address
        for queue in queues
        for event in queue.queue
    )


def _address(request: Any, behind_proxy: bool) -> str:
    host = request.client.host if request.client else None
    forwarded = request.headers.get("x-forwarded-for")
    return address_of(host, forwarded, behind_proxy=behind_proxy)


def queue(app: gr.Blocks, **options: Any) -> None:
    """Gives an app its queue.

    Args:
        app: An app that is not launched yet.
        options: Passed on to Gradio's `queue`.
    """
    app.queue(**options)
    # Gradio has no option for these.
    app._queue.sleep_when_free = _EVENTS_EVERY
    app._queue.progress_update_sleep_when_free = _PROGRESS_EVERY
