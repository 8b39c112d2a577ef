"""The outbox: durable queues of rows between Save and the Hub.

    <root>/<queue>/<content id>.parquet       the row, until it is merged or refused
    <root>/<queue>/<content id>.json          its state, absent at first
    <root>/<queue>/done/<content id>.json     how it ended
    <root>/<queue>/anonymous                  exists where the queue belongs to no account
    <root>/photos.txt                        hashes of the photos, to recognize look-alikes

A queue belongs to one contributor. Its folder is named by a hash of its key, so that no name of a
visitor becomes a path, and a queue is found only with its key: a verified account name, or the
secret of an anonymous session. The row is written first, as a whole. A crash after that leaves a
row without notes, which is the state of a row that was just saved.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from annotate._files import store_error, write_durably
from annotate.correction import Correction
from annotate.dataset.layout import is_content_id
from annotate.dataset.proposals import ConsentedRow
from annotate.errors import ConsentError, RecordError, StoreError
from annotate.rows.photo_hash import near_duplicates, photo_hash
from annotate.rows.record import from_parquet, from_row, to_parquet
from segface_hf.errors import SegFaceError


class State(StrEnum):
    """State of a contribution; the last two are final."""

    SAVED = "saved"
    WAITING = "waiting"
    PROPOSED = "proposed"
    MERGED = "merged"
    REFUSED = "refused"

    @property
    def final(self) -> bool:
        """Whether the state can't change any more."""
        return self in (State.MERGED, State.REFUSED)


@dataclass(frozen=True)
class Entry:
    """The state of one contribution in a queue.

    Attributes:
        id: Content id.
        state: Its state.
        reason: Why it waits or was refused, or what the maintainer asks for.
        number: Its pull request.
        url: The page of that pull request or commit.
        attempts: How often sending it has failed since it last got somewhere.
        since: Clock time (seconds) of the last change.
        delay: Seconds after `since` before the next attempt.
        asked_at: Clock time (seconds) when the Hub was asked to open a pull request and has not
            answered; 0 where it was not asked, or has answered. Written before the request.
    """

    id: str
    state: State = State.SAVED
    reason: str = ""
    number: int | None = None
    url: str = ""
    attempts: int = 0
    since: float = 0.0
    delay: float = 0.0
    asked_at: float = 0.0

    def ended(self, state: State, reason: str = "") -> Entry:
        """Returns the entry in its final state."""
        return replace(self, state=state, reason=reason.rstrip("."), delay=0.0, asked_at=0.0)

    def is_due(self, now: float) -> bool:
        """Tells whether the next attempt is due; also after the clock was set back."""
        return not self.since <= now < self.since + self.delay

    def unconfirmed_for(self, now: float, *, confirm: float) -> float:
        """Returns the seconds left in which an earlier attempt without an answer may show.

        Args:
            now: Clock time.
            confirm: Seconds in which the Hub must show a new pull request.
        """
        return confirm - max(0.0, now - self.asked_at) if self.asked_at else 0.0

    @property
    def sentence(self) -> str:
        """The state as a sentence for the contributor."""
        text = _SENTENCES[self.state](self)
        return text[:-1] if text.endswith(("?.", "!.")) else text


def _asked(entry: Entry) -> str:
    return f", and you are asked: {entry.reason}" if entry.reason else ""


_SENTENCES: dict[State, Callable[[Entry], str]] = {
    State.SAVED: lambda e: f"Saved here{': ' + e.reason if e.reason else ''}.",
    State.WAITING: lambda e: f"Saved here and waiting to be sent: {e.reason}.",
    State.PROPOSED: lambda e: f"Pull request #{e.number} is open{_asked(e)}.",
    State.MERGED: lambda e: f"Merged{f' (pull request #{e.number})' if e.number else ''}.",
    State.REFUSED: lambda e: f"Refused: {e.reason}.",
}


MOST_PER_QUEUE = 500
PHOTOS = "photos.txt"
_ANONYMOUS = "anonymous"
log = logging.getLogger(__name__)
Clock = Callable[[], float]


class ContributorQueue:
    """The contributions of one contributor."""

    def __init__(self, folder: Path, *, clock: Clock = time.time) -> None:
        self.folder = folder
        self.name = folder.name
        self._clock = clock

    def put(self, correction: Correction) -> Entry:
        """Writes a correction durably; a second call returns its present state.

        Raises:
            StoreError: The disk is full or can't be written, or too many rows wait.
        """
        content_id, path = correction.content_id, self._row(correction.content_id)
        held = self._read(content_id)
        if held is not None and (correction.consent is None or not self._lacks_consent(path)):
            return held
        if held is None and self._is_full():
            raise StoreError(
                f"{MOST_PER_QUEUE} contributions wait here already: let them be sent first"
            )
        self._prepare()
        write_durably(path, to_parquet(correction))
        self._remember(correction)
        if held is not None:
            self.note(replace(held, state=State.SAVED, reason="", delay=0.0))
        return self.entry(content_id)

    def entries(self) -> tuple[Entry, ...]:
        """Returns every contribution of this queue, finished ones included, by id."""
        ids = {p.stem for p in (*self._rows(), *(self.folder / "done").glob("*.json"))}
        return tuple(entry for i in sorted(ids) if (entry := self._read(i)) is not None)

    def open_entries(self) -> Iterator[Entry]:
        """Yields the contributions that are not decided.

        Deletes rows that are decided, which a crash can leave behind.
        """
        for path in self._rows():
            entry = self._read(path.stem)
            if entry is not None and entry.state.final:
                path.unlink(missing_ok=True)
            elif entry is not None:
                yield entry

    def entry(self, content_id: str) -> Entry:
        """Returns the state of one contribution.

        Raises:
            StoreError: This queue has none of that id.
        """
        entry = self._read(content_id)
        if entry is None:
            raise StoreError(f"no contribution {content_id[:40]} of yours is kept here")
        return entry

    def knows(self, content_id: str) -> bool:
        """Tells whether a contribution was ever put here."""
        return self._read(content_id) is not None

    def consents(self, content_id: str) -> bool:
        """Tells whether a contribution has consent; one that was decided had it."""
        return self.knows(content_id) and not self._lacks_consent(self._row(content_id))

    def load(self, content_id: str) -> Correction:
        """Returns a contribution that is not decided yet.

        Raises:
            StoreError: This queue has none of that id.
        """
        return from_row(from_parquet(self._bytes(content_id), source=content_id)[0])

    def consented(self, content_id: str) -> ConsentedRow:
        """Returns a contribution ready to be sent.

        Raises:
            ConsentError: It has no consent.
            RecordError: Its file is damaged.
            StoreError: It is gone.
        """
        return ConsentedRow(self._bytes(content_id))

    def forget(self, content_id: str) -> None:
        """Deletes a row and its notes."""
        self._notes(content_id, done=False).unlink(missing_ok=True)
        self._row(content_id).unlink(missing_ok=True)

    def note(self, entry: Entry) -> Entry:
        """Writes the state of a contribution durably."""
        entry = replace(entry, since=self._clock())
        data = json.dumps({**asdict(entry), "state": entry.state.value}).encode()
        write_durably(self._notes(entry.id, done=entry.state.final), data)
        if entry.state.final:
            # The dataset has merged rows, and refused ones are not needed: delete the photo.
            self.forget(entry.id)
        return entry

    def mark_anonymous(self) -> None:
        """Marks this queue as belonging to no account.

        Raises:
            StoreError: The disk is full or can't be written.
        """
        self._prepare()
        if not self.is_anonymous():
            write_durably(self.folder / _ANONYMOUS, b"")

    def is_anonymous(self) -> bool:
        """Tells whether this queue belongs to no account."""
        return (self.folder / _ANONYMOUS).exists()

    def waiting(self) -> int:
        """Returns how many rows are here, sent or not."""
        return len(self._rows())

    def _is_full(self) -> bool:
        """Tells whether the limit of unsent rows is reached; proposed rows have been sent."""
        if len(self._rows()) < MOST_PER_QUEUE:
            return False
        unsent = [e for e in self.open_entries() if e.state is not State.PROPOSED]
        return len(unsent) >= MOST_PER_QUEUE

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise store_error(self.folder, error) from error

    def _remember(self, correction: Correction) -> None:
        """Appends a photo's hash to the list of the outbox; a short line is one atomic write."""
        line = f"{photo_hash(correction.image)} {correction.content_id}\n"
        try:
            with (self.folder.parent / PHOTOS).open("a", encoding="ascii") as lines:
                lines.write(line)
        except OSError as error:
            log.warning("the photo hash of %s is not kept: %s", correction.content_id, error)

    def _rows(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def _row(self, content_id: str) -> Path:
        if not is_content_id(content_id):
            raise StoreError("a contribution's id is 32 hexadecimal digits")
        return self.folder / f"{content_id}.parquet"

    def _notes(self, content_id: str, *, done: bool) -> Path:
        return self._row(content_id).parent / ("done" if done else ".") / f"{content_id}.json"

    def _bytes(self, content_id: str) -> bytes:
        path = self._row(content_id)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise StoreError(f"no contribution {content_id[:40]} of yours is kept here") from error
        except OSError as error:
            raise store_error(path.parent, error) from error

    def _lacks_consent(self, path: Path) -> bool:
        """Tells whether a row has no consent."""
        try:
            ConsentedRow(path.read_bytes())
        except FileNotFoundError:
            return False
        except (ConsentError, RecordError):
            return True
        return False

    def _read(self, content_id: str) -> Entry | None:
        row = self._row(content_id)
        for done in (True, False):
            try:
                notes = json.loads(self._notes(content_id, done=done).read_bytes())
                return Entry(**{**notes, "state": State(notes["state"])})
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            except (ValueError, TypeError, KeyError, RecursionError):
                break  # damaged notes count as missing: sending again does no harm
        return Entry(content_id, since=row.stat().st_mtime) if row.is_file() else None


class Outbox:
    """All queues of an app, on persistent storage."""

    def __init__(self, root: str | Path, *, clock: Clock = time.time) -> None:
        self.root = Path(root)
        self._clock = clock

    def queue(self, key: str) -> ContributorQueue:
        """Returns the queue of a contributor.

        Args:
            key: Account name verified by the Hub, or the secret of an anonymous session; never a
                value that a visitor could choose.
        """
        return ContributorQueue(self.root / queue_name(key), clock=self._clock)

    def near_duplicates(self, wanted: str) -> tuple[str, ...]:
        """Returns the ids of contributions whose photo has nearly this hash, nearest first.

        Covers every row that was ever put into this outbox.
        """
        try:
            lines = (self.root / PHOTOS).read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return ()
        pairs = (line.split() for line in lines)
        held = {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and len(pair[0]) == 64}
        return tuple(near_duplicates(wanted, held))

    def now(self) -> float:
        """Returns the clock time that entries are written and compared with."""
        return self._clock()

    def queues(self) -> tuple[ContributorQueue, ...]:
        """Returns every queue; only the sender may use this."""
        folders = sorted(p for p in self.root.glob("?" * 32) if p.is_dir())
        return tuple(ContributorQueue(folder, clock=self._clock) for folder in folders)


def queue_name(key: str) -> str:
    """Returns the folder name of a contributor's queue."""
    return hashlib.sha256(b"segface tray\0" + key.encode()).hexdigest()[:32]


MOST_ANONYMOUS = 2000
_RECOUNT = 10.0


class AnonymousLimit:
    """Limits the rows of all anonymous queues together.

    Args:
        outbox: Where the queues are.
        most: Rows that may wait there.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self, outbox: Outbox, most: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._outbox, self._most, self._clock = outbox, most, clock
        self._held, self._until = 0, 0.0
        self._lock = threading.Lock()

    def admit(self, queue: ContributorQueue) -> None:
        """Counts one more row of an anonymous queue.

        Raises:
            StoreError: The limit is reached.
        """
        with self._lock:
            # Counting takes time, so rows that were sent are noticed only after a while.
            if self._clock() >= self._until:
                self._held = sum(t.waiting() for t in self._outbox.queues() if t.is_anonymous())
                self._until = self._clock() + _RECOUNT
            if self._held >= self._most:
                raise StoreError(
                    f"{self._most:,} corrections without an account wait here already, which is "
                    "the limit: save with an account, or ask the operator of this app to have "
                    "them sent"
                )
            queue.mark_anonymous()
            self._held += 1


def move_to_account(outbox: Outbox, secret: str, *, account: str) -> int:
    """Moves the rows of an anonymous queue into that of an account; returns how many.

    A row is written to the new queue before it is deleted from the old one. A crash in between
    leaves it in both; its content id then prevents a second contribution.

    Args:
        outbox: Holds both queues.
        secret: Key of the anonymous queue, as only its session knows it.
        account: Name that the Hub verified.

    Raises:
        StoreError: The new queue is full or can't be written; rows that were not moved stay.
    """
    old, new, moved = outbox.queue(secret), outbox.queue(account), 0
    for entry in tuple(old.open_entries()):
        try:
            correction = old.load(entry.id)
        except StoreError:
            raise
        except SegFaceError as error:
            log.warning("%s is not moved: %s", entry.id, error)
            continue
        new.put(replace(correction, contributor=account))
        old.forget(entry.id)
        moved += 1
    return moved
