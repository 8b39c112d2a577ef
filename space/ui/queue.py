"""The app's queue: Gradio's own, which is left in peace while nobody asks for anything."""

from __future__ import annotations

from typing import Any

import gradio as gr

# Gradio looks a thousand times a second for events and a hundred times for progress, which costs
# an idle app a twentieth of a core. So often nobody notices.
_EVENTS_EVERY, _PROGRESS_EVERY = 0.02, 0.1


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
