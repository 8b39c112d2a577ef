"""Opens the best photo of the queue that no other annotator has."""

from __future__ import annotations

import logging

from segface_hf.errors import DataError, ImageError, SegFaceError
from space.errors import VisitError
from space.handlers.parse import Parsed, Request, parse_bytes
from space.handlers.services import Services

log = logging.getLogger(__name__)
_MOST_TRIES = 5
_NONE_LEFT = (
    "No other photo is left in the queue: the others are corrected, or other annotators have them. "
    "Skipped photos and those of others come back within an hour."
)
_UNREADABLE = "Several photos of the queue can't be opened: ask the maintainer to write it again."


def open_next(services: Services, who: str, *, request: Request) -> tuple[Parsed, str]:
    """Takes the next photo of the queue and parses it, as if it had been uploaded.

    Args:
        services: What the app runs on.
        who: The annotator.
        request: How to parse it, and who asks.

    Returns:
        The photo, and one sentence why it is there.

    Raises:
        VisitError: No queue is set, or no photo is left.
        TooFastError: The visitor parses more photos a minute than accepted.
        SegFaceError: The queue or the model can't be loaded.
    """
    queue = services.queue
    if queue is None:
        raise VisitError("This app has no queue of photos: open a photo of your own.")
    services.limit.spend(request.visitor, request.address)
    most = services.settings.max_upload_mb * 1_000_000
    for _ in range(_MOST_TRIES):
        photo = queue.take(who, is_done=services.corrections.has_photo)
        if photo is None:
            raise VisitError(_NONE_LEFT)
        try:
            parsed = parse_bytes(services, queue.read(photo, most_bytes=most), request=request)
        except (DataError, ImageError) as error:
            log.warning("a photo is left out of the queue: %s", type(error).__name__)
            queue.drop(photo)
            continue
        except SegFaceError:
            queue.give_back(photo)
            raise
        return parsed, f"Why this photo: {photo.reason or 'it is next in the queue'}."
    raise VisitError(_UNREADABLE)
