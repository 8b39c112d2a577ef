"""The log without what clients sent: Gradio prints whole error messages, which may hold pixels."""

from __future__ import annotations

import io
import re
import sys
import threading
from typing import TextIO

_LONGEST = 200
_BEGINS = "Traceback (most recent call last):"
_TYPE = re.compile(r"(?:\w+\.)*(\w+)")


class SafeLog(io.TextIOBase):
    """A text stream that shortens lines and leaves the messages of errors out of tracebacks.

    A traceback keeps its places and the error's type. Everything else keeps 200 characters a line.

    Args:
        stream: Where the rest goes.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._state = threading.local()

    def write(self, text: str) -> int:
        """Writes what may be logged; returns the length of what was given."""
        self._stream.write("".join(map(self._safe, text.splitlines(keepends=True))))
        # The message of an error is written at once, with all its lines.
        self._state.in_message = False
        return len(text)

    def _safe(self, line: str) -> str:
        state = self._state
        if line.startswith(_BEGINS):
            state.in_traceback, state.in_message = True, False
        elif getattr(state, "in_message", False):
            return ""
        elif getattr(state, "in_traceback", False) and line.strip() and not line[:1].isspace():
            state.in_traceback, state.in_message = False, True
            name = _TYPE.match(line)
            return f"{name[1] if name else 'Error'}\n"
        return self._shortened(line)

    def _shortened(self, piece: str) -> str:
        """Returns what the current line has room for; a line may come in several pieces."""
        used, ends = getattr(self._state, "used", 0), piece.endswith("\n")
        text = piece.removesuffix("\n")[: max(0, _LONGEST - used)]
        self._state.used = 0 if ends else used + len(text)
        return f"{text}\n" if ends else text

    def flush(self) -> None:
        """Writes what is buffered."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Tells whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Returns the descriptor of the stream."""
        return self._stream.fileno()


def use_safe_log() -> None:
    """Replaces standard output and error of this process; for programs, not for libraries."""
    sys.stdout, sys.stderr = SafeLog(sys.stdout), SafeLog(sys.stderr)
