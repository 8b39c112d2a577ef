"""Small pictures of saved rows, as addresses that hold the picture, kept in memory."""

from __future__ import annotations

import base64
import io
import threading
from collections import OrderedDict
from collections.abc import Callable

from PIL import Image

from annotate.correction import Correction
from segface_hf.overlay import blend

_SIDE = 128  # Pixels: twice what is shown, for dense screens.
_MOST = 200


class Thumbnails:
    """Thumbnails by content id; a row never changes, so neither does its picture."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, content_id: str, load: Callable[[], Correction]) -> str:
        """Returns the photo with its mask as a `data:` address.

        Args:
            content_id: The row's.
            load: Reads the row where its picture is not known.
        """
        with self._lock:
            if content_id in self._known:
                self._known.move_to_end(content_id)
                return self._known[content_id]
        address = _address(load())
        with self._lock:
            self._known[content_id] = address
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return address

    def forget(self, content_id: str) -> None:
        """Removes the picture of a row that was deleted."""
        with self._lock:
            self._known.pop(content_id, None)


def _address(correction: Correction) -> str:
    photo = Image.fromarray(correction.image)
    shown = blend(photo, correction.mask, correction.schema, opacity=0.5)
    shown.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", quality=70)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
