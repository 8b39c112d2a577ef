"""One open page of the app without a browser: its events run as Gradio runs them."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
from gradio.state_holder import SessionState

from space.ui.app import build_app

VISITOR = gr.Request(
    client=type("Client", (), {"host": "127.0.0.1"}), headers={}, session_hash="one"
)


class Session:
    """A page that is open.

    Attributes:
        values: What its components hold, by `elem_id` or, without one, by kind.
    """

    def __init__(self, services):
        self.app = _finished(_built(services))
        self.state = SessionState(self.app)
        self.values = {}

    def begin(self, name, *, event=None, **given):
        """Starts an event's handler; every `next` runs it on to what it gives the page then.

        Args:
            name: Module and function of the handler, such as `ui.parse.on_photos`.
            event: What the browser sends with the event.
            given: Values of components that the visitor has changed.
        """
        fn = next(
            fn
            for fn in self.app.fns.values()
            if f"{getattr(fn.fn, '__module__', '')}.{fn.name}" == f"space.{name}"
        )
        self.values.update(given)
        inputs = [self.values.get(_name(part), getattr(part, "value", None)) for part in fn.inputs]
        data = None if event is None else gr.EventData(None, event)
        iterator = None
        while True:
            answer = _finished(
                self.app.process_api(
                    fn,
                    inputs,
                    state=self.state,
                    session_hash="one",
                    request=VISITOR,
                    event_data=data,
                    iterator=iterator,
                )
            )
            if iterator is None or answer["is_generating"]:
                yield self._taken(fn, answer["data"])
            if not answer["is_generating"]:
                return
            iterator = answer["iterator"]

    def fire(self, name, **given):
        """Runs an event to its end; returns what it gave the page last."""
        *_, last = self.begin(name, **given)
        return last

    def _taken(self, fn, data):
        shown = {}
        for part, value in zip(fn.outputs, data, strict=True):
            update = isinstance(value, dict) and value.get("__type__") == "update"
            if not part.stateful and (not update or "value" in value):
                shown[_name(part)] = value["value"] if update else value
            if update and "visible" in value:
                shown[f"{_name(part)} is visible"] = value["visible"]
        self.values.update(shown)
        return shown


def _name(part):
    return part.elem_id or type(part).__name__.lower()


async def _built(services):
    """Outside a loop, Gradio would open several and close none."""
    return build_app(services)


def _finished(work):
    """In a thread of its own: a browser of other tests may have a loop that runs in this one."""

    def run():
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            # One event may come while another's handler runs: it knows nothing of that.
            return contextvars.Context().run(loop.run_until_complete, work)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
