"""The app's `gr.Blocks`: values that do not fit their fields are refused with a typed sentence."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.exceptions import ComponentProcessingError
from pydantic import ValidationError

_MISFIT = "A value does not fit its field. Upload files first, and send each field in its type."
_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OSError,
    RecursionError,
    ComponentProcessingError,
)


class CheckedBlocks(gr.Blocks):
    """A `gr.Blocks` whose clients never see or log an error of Gradio's own about their values.

    Those errors hold the values, and paths of this machine.
    """

    is_template = True

    async def preprocess_data(self, *args: Any, **options: Any) -> Any:
        """Turns an event's values into those of its handler; see `gr.Blocks`."""
        try:
            return await super().preprocess_data(*args, **options)
        except gr.Error:
            raise
        except _ERRORS as error:
            raise _typed(error) or gr.Error(
                _MISFIT, title="VisitError", print_exception=False
            ) from None


def _typed(error: Exception) -> gr.Error | None:
    """Returns the typed error that a data model raised, which pydantic wraps."""
    details = error.errors() if isinstance(error, ValidationError) else []
    causes = [detail.get("ctx", {}).get("error") for detail in details]
    return next((cause for cause in causes if isinstance(cause, gr.Error)), None)
