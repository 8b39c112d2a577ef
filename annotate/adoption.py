"""Adoption: what somebody saved before signing in goes on under their account."""

from __future__ import annotations

import logging
from dataclasses import replace

from annotate.errors import StoreError
from annotate.outbox.queue import Outbox
from segface_hf.errors import SegFaceError

log = logging.getLogger(__name__)


def adopt(outbox: Outbox, secret: str, *, account: str) -> int:
    """Moves what waits in an anonymous tray into that of an account; returns how much.

    A contribution is in the new tray before it leaves the old one, so that a crash doubles it at
    most, which its content id undoes.

    Args:
        outbox: Both trays are here.
        secret: Key of the anonymous tray, as only its session knows it.
        account: Name that the Hub verified.

    Raises:
        StoreError: The new tray is full or can't be written; what was not moved stays.
    """
    old, new, moved = outbox.tray(secret), outbox.tray(account), 0
    for entry in tuple(old.open_entries()):
        try:
            correction = old.load(entry.id)
        except StoreError:
            raise
        except SegFaceError as error:
            log.warning("%s stays where it is: %s", entry.id, error)
            continue
        new.put(replace(correction, contributor=account))
        old.forget(entry.id)
        moved += 1
    return moved
