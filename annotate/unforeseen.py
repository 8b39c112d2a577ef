"""Unforeseen: an error that nobody expected, told in the log without what it may hold."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path


def log_unforeseen(log: logging.Logger, error: Exception) -> None:
    """Logs what it is and where, and not what it says: that may hold pixels or a token."""
    steps = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{Path(step.filename).name}:{step.lineno}" for step in reversed(steps))
    log.error("unforeseen %s at %s", type(error).__name__, where)
