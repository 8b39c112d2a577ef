"""Sends contributions from the outbox to the Hub, with retries, each once."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from annotate._files import log_unexpected, only_one, write_durably
from annotate.dataset.proposals import ConsentedRow, Delivery, HubStore
from annotate.dataset.repo import DatasetRepo
from annotate.errors import (
    ConsentError,
    RecordError,
    RemoteBusyError,
    RemoteRefusedError,
    RemoteUnconfirmedError,
    StoreError,
)
from annotate.outbox.queue import ContributorQueue, Entry, Outbox, State, queue_name
from annotate.outbox.watcher import PullRequestWatcher

log = logging.getLogger(__name__)
SIGN_IN = "sign in again to send it"
UNCONFIRMED = "the Hub has not confirmed it yet"
LAST_BATCH = "last-batch"
LOCK = "courier.lock"  # a name on disk: senders of two versions must not run at once
NO_CONSENT = "you have not agreed to share it"
UNEXPECTED = "an unexpected error, which the log of the app locates"


@dataclass(frozen=True)
class Pace:
    """How fast the sender works; all times in seconds.

    Attributes:
        first: Delay after a first failure; it doubles with each further one.
        longest: Longest delay.
        held: Delay where a person must act first, such as signing in.
        confirm: Time in which the Hub must show a new pull request, in its list or by its number.
            Where the answer to a request was lost, no second request is sent before.
        batch: Time between direct commits: 60 keeps to 60 an hour of the Hub's 128.
        poll: Time between reads of open pull requests.
        batch_rows: The most rows in one commit.
        idle: Time between reads of the outbox.
    """

    first: float = 2.0
    longest: float = 900.0
    held: float = 600.0
    confirm: float = 120.0
    batch: float = 60.0
    poll: float = 300.0
    batch_rows: int = 100
    idle: float = 5.0


@dataclass(frozen=True)
class _Access:
    """A contributor's token, and the dataset as read with it until a time."""

    token: str
    store: HubStore
    until: float


class Sender:
    """Sends what is in an outbox to one dataset.

    Contributors' tokens come from their sessions and are kept in memory only: after a restart a
    contribution waits for its contributor to sign in. With a service token, which the owner of
    the app sets, rows go to the main branch in batches instead.

    Args:
        outbox: Where contributions wait.
        repo_id: The dataset, from the app's settings.
        service_token: Token that may write to it directly, or None for pull requests.
        endpoint: Address of the Hub; None is the default one.
        pace: How fast to go.
        unsigned: Reason that a contribution waits whose contributor gave no token.

    Attributes:
        merged: Called with the dataset after a direct commit.
    """

    def __init__(
        self,
        outbox: Outbox,
        repo_id: str,
        *,
        service_token: str | None = None,
        endpoint: str | None = None,
        pace: Pace | None = None,
        unsigned: str = SIGN_IN,
    ) -> None:
        self.outbox = outbox
        self.repo_id = repo_id
        self.pace = pace or Pace()
        self._endpoint, self._unsigned = endpoint, unsigned
        self._access: dict[str, _Access] = {}
        self._service = self._store(service_token) if service_token else None
        self._not_before: dict[str, float] = {}
        self._lost_at: dict[str, float] = {}  # clock time, by queue
        self._watcher = PullRequestWatcher(self.pace.poll)
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self.merged: Callable[[DatasetRepo], None] = lambda repo: None

    def set_token(self, key: str, token: str) -> None:
        """Sets the token of a contributor who is signed in, and retries what waited for it."""
        queue = self.outbox.queue(key)
        known = self._access.get(queue.name)
        if known is None or known.token != token or time.monotonic() > known.until:
            until = time.monotonic() + self.pace.held
            self._access[queue.name] = _Access(token, self._store(token), until)
        self._watcher.soon(queue)
        for entry in queue.open_entries():
            if entry.state is State.WAITING:
                queue.note(replace(entry, delay=0.0))
        self._wake.set()

    def has_token(self, key: str, token: str) -> bool:
        """Tells whether a contributor's token is known already."""
        access = self._access.get(queue_name(key))
        return access is not None and access.token == token

    def wake(self) -> None:
        """Makes the sender read the outbox now."""
        self._wake.set()

    def start(self) -> None:
        """Runs in a thread until `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self.run, name="sender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finishes the present contribution and ends the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Sends until `stop` is called; a second sender on the same outbox waits for the lock."""
        with only_one(self.outbox.root / LOCK, self._stopping):
            while not self._stopping.is_set():
                try:
                    moved = self.step()
                except StoreError as error:
                    log.error("the outbox can't be used: %s", error)
                    moved = 0
                except Exception as error:  # the thread must go on sending
                    log_unexpected(log, error)
                    moved = 0
                if not moved:
                    self._wake.wait(self.pace.idle)
                    self._wake.clear()

    def step(self) -> int:
        """Sends what is due now; returns how many contributions changed their state."""
        if self._service is not None:
            return self._step_service(self._service)
        return sum(self._step_queue(queue) for queue in self.outbox.queues())

    def _store(self, token: str) -> HubStore:
        return HubStore(self.repo_id, token=token, endpoint=self._endpoint)

    def _step_queue(self, queue: ContributorQueue) -> int:
        access, moved = self._access.get(queue.name), 0
        store = access.store if access else None
        for entry in list(queue.open_entries()):
            if self._stopping.is_set() or time.monotonic() < self._not_before.get(queue.name, 0.0):
                break
            if entry.state is not State.PROPOSED and entry.is_due(self.outbox.now()):
                moved += self._send(queue, entry, store=store)
        if store is not None:
            moved += self._watcher.look(queue, store)
        return moved

    def _send(self, queue: ContributorQueue, entry: Entry, *, store: HubStore | None) -> int:
        consented = self._consented(queue, entry)
        if consented is None:
            return 0
        if store is None:
            self._wait(queue, entry, self._unsigned, delay=self.pace.held)
            return 0
        left = entry.unconfirmed_for(self.outbox.now(), confirm=self.pace.confirm)
        before = entry.asked_at
        try:
            if left > 0:
                delivery = store.find(consented, reread=True)
                if delivery is None:  # the Hub may show it late: look again
                    wait = min(left, self.pace.confirm / 8)
                    self._wait(queue, entry, UNCONFIRMED, delay=wait)
                    return 0
            elif self._lost_an_answer_just_now(queue):
                return 0
            else:
                # Durable before the request: after a crash nothing else says that it was sent.
                entry = queue.note(replace(entry, asked_at=self.outbox.now()))
                delivery = store.propose(consented, reread=before > 0)
        except RemoteUnconfirmedError as error:
            self._lost_at[queue.name] = self.outbox.now()
            self._wait(queue, entry, str(error), delay=self.pace.confirm / 8)
            return 0
        except RemoteBusyError as error:
            # This request is answered, which says nothing about an earlier one.
            self._back_off(queue, replace(entry, asked_at=before), error)
            return 0
        except RemoteRefusedError as error:
            return self._refused(queue, replace(entry, asked_at=before), error)
        except Exception as error:  # the other rows must still be sent
            log_unexpected(log, error)
            self._wait(queue, entry, UNEXPECTED, delay=self.pace.held)
            return 0
        return self._delivered(queue, entry, delivery)

    def _lost_an_answer_just_now(self, queue: ContributorQueue) -> bool:
        """Whether the Hub seems to be down; each row sent meanwhile would have to be looked for."""
        lost = self._lost_at.get(queue.name)
        return lost is not None and lost <= self.outbox.now() < lost + self.pace.confirm / 16

    def _step_service(self, store: HubStore) -> int:
        queues = self.outbox.queues()
        moved = sum(self._watcher.look(queue, store, own=False) for queue in queues)
        return moved + (self._step_batch(queues, store) if self._may_commit() else 0)

    def _step_batch(self, queues: Iterable[ContributorQueue], store: HubStore) -> int:
        """Sends rows without a pull request; maintainers decide on those with one."""
        batch: dict[str, tuple[ContributorQueue, Entry, ConsentedRow]] = {}
        for queue in queues:
            for entry in list(queue.open_entries()):
                proposed = entry.state is State.PROPOSED
                if proposed or entry.id in batch or len(batch) == self.pace.batch_rows:
                    continue
                consented = (
                    self._consented(queue, entry) if entry.is_due(self.outbox.now()) else None
                )
                if consented is not None:
                    batch[entry.id] = (queue, entry, consented)
        return self._send_batch(store, batch) if batch else 0

    def _may_commit(self) -> bool:
        """Tells whether the next direct commit is due; a file keeps the time of the last one."""
        if time.monotonic() < self._not_before.get("", 0.0):
            return False
        try:
            last = (self.outbox.root / LAST_BATCH).stat().st_mtime
        except FileNotFoundError:
            return True
        return not last <= time.time() < last + self.pace.batch

    def _send_batch(
        self, store: HubStore, batch: dict[str, tuple[ContributorQueue, Entry, ConsentedRow]]
    ) -> int:
        self._not_before[""] = time.monotonic() + self.pace.batch
        write_durably(self.outbox.root / LAST_BATCH, b"")
        try:
            results = store.commit(consented for _, _, consented in batch.values())
        except RemoteBusyError as error:
            for queue, entry, _ in batch.values():
                self._back_off(queue, entry, error, key="")
            return 0
        except RemoteRefusedError as error:
            return sum(self._refused(queue, entry, error) for queue, entry, _ in batch.values())
        except Exception as error:  # it must not be tried again at every step
            log_unexpected(log, error)
            for queue, entry, _ in batch.values():
                self._wait(queue, entry, UNEXPECTED, delay=self.pace.held)
            return 0
        moved = 0
        for content_id, result in results.items():
            queue, entry, _ = batch[content_id]
            if isinstance(result, Delivery):
                moved += self._delivered(queue, entry, result)
            else:
                moved += self._refused(queue, entry, result)
        if moved:
            self.merged(store.repo)
        return moved

    def _consented(self, queue: ContributorQueue, entry: Entry) -> ConsentedRow | None:
        try:
            return queue.consented(entry.id)
        except ConsentError:
            if entry.reason != NO_CONSENT:
                queue.note(replace(entry, reason=NO_CONSENT, delay=self.pace.held))
        except RecordError as error:
            # Not a refusal: an update of the app may read it, a save replaces it.
            self._wait(queue, entry, f"{error}: save it again", delay=self.pace.held)
        return None

    def _delivered(self, queue: ContributorQueue, entry: Entry, delivery: Delivery) -> int:
        state = State.MERGED if delivery.merged else State.PROPOSED
        number, url = delivery.number, delivery.url
        self._watcher.later(queue)
        queue.note(Entry(entry.id, state=state, number=number or entry.number, url=url))
        return 1

    def _refused(self, queue: ContributorQueue, entry: Entry, error: RemoteRefusedError) -> int:
        if not error.held:
            queue.note(entry.ended(State.REFUSED, str(error)))
            return 1
        self._wait(queue, entry, str(error), delay=self.pace.held)
        return 0

    def _back_off(
        self,
        queue: ContributorQueue,
        entry: Entry,
        error: RemoteBusyError,
        *,
        key: str | None = None,
    ) -> None:
        delay = min(self.pace.longest, self.pace.first * 2 ** min(entry.attempts, 20))
        delay *= random.uniform(0.5, 1.0)  # so that many apps don't retry at the same moment
        if error.retry_after is not None:
            delay = max(delay, error.retry_after)
            hold = queue.name if key is None else key
            self._not_before[hold] = time.monotonic() + error.retry_after
        entry = replace(entry, attempts=entry.attempts + 1)
        self._wait(queue, entry, str(error), delay=delay)

    def _wait(self, queue: ContributorQueue, entry: Entry, reason: str, *, delay: float) -> None:
        queue.note(replace(entry, state=State.WAITING, reason=reason, delay=delay))
