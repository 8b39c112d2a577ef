"""The queue of photos to correct: who has which photo, and what was skipped."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from annotate.growth.queue import QueuedPhoto
from annotate.growth.queue_file import PhotoSource, photos_from, read_queue
from segface_hf.errors import ConfigError
from space.settings import Settings

LEASE = 3600.0
"""Seconds for which a photo belongs to the annotator who got it."""


@dataclass(frozen=True)
class _Lease:
    """Who has a photo, and until when."""

    who: str
    until: float


class PhotoQueue:
    """Gives each annotator the best photo that no other one has.

    What is kept is bounded by the photos of the queue. It is in memory: after a restart no photo is
    taken or skipped, and what was corrected is known from the rows.

    Args:
        read: Returns the photos, best first, and where they are; called once, at first use.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        read: Callable[[], tuple[tuple[QueuedPhoto, ...], PhotoSource]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._photos: dict[str, QueuedPhoto] | None = None
        self._source: PhotoSource | None = None
        self._leases: OrderedDict[str, _Lease] = OrderedDict()  # the first ends first
        self._skipped: dict[str, None] = {}  # the first was skipped first

    def load(self) -> int:
        """Reads the queue where needed; returns how many photos are left in it.

        Raises:
            SegFaceError: It can't be read, or a photo is outside of the photos' folder.
        """
        with self._lock:
            return len(self._loaded())

    def take(self, who: str, *, is_done: Callable[[str], bool]) -> QueuedPhoto | None:
        """Gives an annotator the next photo; what they had, and did not correct, was skipped.

        Skipped photos come last, those first that were skipped first.

        Args:
            who: The annotator.
            is_done: Tells by its hash whether a photo was corrected.

        Returns:
            The photo; None where every other photo is taken or corrected: then the annotator keeps
            what they have.
        """
        with self._lock:
            self._forget_ended()
            had = [photo for photo, lease in self._leases.items() if lease.who == who]
            found = next(
                (p for p in self._in_turn(who, had) if not self._drop_if(p, is_done)), None
            )
            if found is None:
                return None
            for photo in had:
                if photo not in self._skipped:
                    self._skipped[photo] = None
            self._skipped.pop(found.photo, None)
            self._leases.pop(found.photo, None)
            self._leases[found.photo] = _Lease(who, self._clock() + LEASE)
            return found

    def drop(self, photo: QueuedPhoto) -> None:
        """Removes a photo that can't be opened or was corrected."""
        with self._lock:
            self._forget(photo.photo)

    def give_back(self, photo: QueuedPhoto) -> None:
        """Ends a lease: the annotator did not get the photo."""
        with self._lock:
            self._leases.pop(photo.photo, None)

    def read(self, photo: QueuedPhoto, *, most_bytes: int) -> bytes:
        """Returns the encoded photo; see `PhotoSource.read`."""
        assert self._source is not None
        return self._source.read(photo.photo, most_bytes=most_bytes)

    def _loaded(self) -> dict[str, QueuedPhoto]:
        if self._photos is None:
            photos, self._source = self._read()
            for each in photos:
                self._source.check(each.photo)
            self._photos = {each.photo: each for each in photos}
        return self._photos

    def _in_turn(self, who: str, had: list[str]) -> Iterator[QueuedPhoto]:
        """Yields what an annotator may get: what they skipped earlier is still theirs."""
        photos, now = self._loaded(), tuple(self._skipped)
        held = {photo for photo in had if photo not in self._skipped}
        for name in (*(name for name in photos if name not in self._skipped), *now):
            lease = self._leases.get(name)
            if name in photos and name not in held and (lease is None or lease.who == who):
                yield photos[name]

    def _drop_if(self, photo: QueuedPhoto, is_done: Callable[[str], bool]) -> bool:
        done = is_done(photo.photo_hash)
        if done:
            self._forget(photo.photo)
        return done

    def _forget(self, name: str) -> None:
        self._loaded().pop(name, None)
        self._leases.pop(name, None)
        self._skipped.pop(name, None)

    def _forget_ended(self) -> None:
        now = self._clock()
        while self._leases and next(iter(self._leases.values())).until <= now:
            self._leases.popitem(last=False)


def queue_of(settings: Settings, *, token: str | None) -> PhotoQueue | None:
    """Returns the queue that the settings name, not loaded yet; None where they name none.

    Args:
        settings: Name the queue and the photos.
        token: To read what is not public on the Hub.

    Raises:
        ConfigError: Only one of the two is named.
    """
    if settings.photo_queue is None and settings.photo_source is None:
        return None
    if settings.photo_queue is None or settings.photo_source is None:
        raise ConfigError(
            "a queue needs SEGFACE_PHOTO_QUEUE and SEGFACE_PHOTO_SOURCE: set both or neither"
        )
    queue, source = settings.photo_queue, settings.photo_source
    return PhotoQueue(lambda: (read_queue(queue, token=token), photos_from(source, token=token)))
