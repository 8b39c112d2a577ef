"""Where Save stores corrections: in a folder, or in an outbox that is sent to the Hub."""

from __future__ import annotations

import heapq
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from annotate.correction import Correction
from annotate.dataset.card_updater import IN_A_FOLDER, CardPace, CardUpdater
from annotate.dataset.folder import FolderStore, Saved
from annotate.dataset.index import RowIndex
from annotate.dataset.proposals import HubStore
from annotate.errors import RemoteError, StoreError
from annotate.outbox.queue import (
    MOST_ANONYMOUS,
    AnonymousLimit,
    ContributorQueue,
    Entry,
    Outbox,
    State,
    move_to_account,
)
from annotate.outbox.sender import Sender
from annotate.rows.photo_hash import photo_hash

_COUNTED = "counted.parquet"
_SECRET = re.compile(r"session:[0-9a-f]{32}")
_MOST_SECRETS = 20


@dataclass(frozen=True)
class Contributor:
    """A person who saves corrections.

    Attributes:
        key: Opens their queue: a verified account name, or a session's secret.
        account: The verified account name; empty for the anonymous.
        token: Their token, kept in memory only.
    """

    key: str
    account: str = ""
    token: str | None = field(default=None, repr=False)


def secrets_of(claimed: object) -> tuple[str, ...]:
    """Returns the secrets of anonymous sessions in what a browser kept, and nothing else.

    Accounts' keys are their names, so a name must never pass for a secret.
    """
    kept = claimed if isinstance(claimed, list) else []
    return tuple(
        key for key in kept[:_MOST_SECRETS] if isinstance(key, str) and _SECRET.fullmatch(key)
    )


def anonymous() -> Contributor:
    """Returns a new contributor without an account, with a key that can't be guessed."""
    return Contributor(key=f"session:{secrets.token_hex(16)}")


class CorrectionStore(Protocol):
    """Stores corrections and knows the state of each."""

    def save(self, correction: Correction, *, who: Contributor) -> Saved:
        """Writes a correction durably.

        Raises:
            StoreError: It can't be written.
        """

    def has_photo(self, wanted: str) -> bool:
        """Whether a photo with nearly this hash was corrected already."""

    def state(self, content_id: str, *, who: Contributor) -> str:
        """Returns the state of a contributor's correction as a sentence."""

    def load(self, content_id: str, *, keys: Collection[str]) -> Correction:
        """Returns a correction that is kept here.

        Args:
            content_id: Which.
            keys: Of the contributor, where each has a queue of their own.

        Raises:
            StoreError: It is not here.
        """

    def delete(self, content_id: str, *, keys: Collection[str]) -> None:
        """Deletes a correction that was not sent yet; see `load` for the arguments.

        Raises:
            StoreError: It is not here, or it was sent.
        """


class FolderCorrections:
    """Stores corrections as rows of a folder and updates its card.

    Attributes:
        card_updater: Renews the folder's card after saves.
    """

    def __init__(self, root: Path, *, license: str, pace: CardPace = IN_A_FOLDER) -> None:
        self.store = FolderStore(root, license=license)
        self.card_updater = CardUpdater(RowIndex(), pace=pace)

    def save(self, correction: Correction, *, who: Contributor) -> Saved:
        """Writes the row at once; see `CorrectionStore`."""
        saved = self.store.save(correction)
        if saved.agreed:
            self.card_updater.row_index.forget(saved.path.relative_to(self.store.root).as_posix())
        if saved.created or saved.agreed:
            self.card_updater.merged(self.store)
        near = self.store.near_duplicates(photo_hash(correction.image))
        return replace(saved, look_alike=_others(near, correction))

    def has_photo(self, wanted: str) -> bool:
        """Looks into the folder; see `CorrectionStore`."""
        return bool(self.store.near_duplicates(wanted))

    def state(self, content_id: str, *, who: Contributor) -> str:
        """A saved row stays in its folder; see `CorrectionStore`."""
        return "Saved here."

    def recent(self, most: int) -> list[dict[str, Any]]:
        """Returns id, time and changed pixels of the newest rows, the newest first."""
        rows = self.store.columns(["content_id", "created_at", "changed_pixels"])
        return heapq.nlargest(most, rows, key=lambda row: row["created_at"])

    def load(self, content_id: str, *, keys: Collection[str] = ()) -> Correction:
        """Reads the row; see `CorrectionStore`."""
        return self.store.load(content_id)

    def delete(self, content_id: str, *, keys: Collection[str] = ()) -> None:
        """Deletes the row's file; the same correction can be saved again."""
        path = self.store.remove(content_id)
        self.card_updater.row_index.forget(path.relative_to(self.store.root).as_posix())
        self.card_updater.merged(self.store)


class HubCorrections:
    """Stores corrections in an outbox; a sender sends them to the dataset.

    Attributes:
        row_index: What the dataset holds, as far as it was counted.
        card_updater: Renews the dataset's card after merges.
    """

    def __init__(
        self, outbox: Outbox, sender: Sender, *, most_unclaimed: int = MOST_ANONYMOUS
    ) -> None:
        self.outbox = outbox
        self._anonymous = AnonymousLimit(outbox, most_unclaimed)
        self.sender = sender
        self.row_index = RowIndex(outbox.root / _COUNTED)
        self.card_updater = CardUpdater(self.row_index)
        sender.merged = self.card_updater.merged

    def save(self, correction: Correction, *, who: Contributor) -> Saved:
        """Puts the row into the contributor's queue and wakes the sender; see `CorrectionStore`."""
        queue = self.outbox.queue(who.key)
        near = self._near(photo_hash(correction.image))
        look_alike = _others(near, correction)
        known = queue.knows(correction.content_id)
        before = known and queue.consents(correction.content_id)
        if not who.account and not known:
            self._anonymous.admit(queue)
        entry = queue.put(correction)
        after = before or correction.consent is not None  # a save never takes consent away
        if who.token:
            self.sender.set_token(who.key, who.token)
        self.sender.wake()
        return Saved(
            entry.id,
            queue.folder / f"{entry.id}.parquet",
            created=not known,
            shareable=after,
            agreed=known and after and not before,
            look_alike=look_alike,
        )

    def has_photo(self, wanted: str) -> bool:
        """Looks into the outbox and what is known of the dataset; see `CorrectionStore`."""
        return bool(self._near(wanted))

    def _near(self, wanted: str) -> set[str]:
        return {*self.outbox.near_duplicates(wanted), *self.row_index.near_duplicates(wanted)}

    def state(self, content_id: str, *, who: Contributor) -> str:
        """Asks the contributor's own queue; see `CorrectionStore`."""
        return self.outbox.queue(who.key).entry(content_id).sentence

    def load(self, content_id: str, *, keys: Collection[str]) -> Correction:
        """Reads the row from the contributor's queues; see `CorrectionStore`."""
        return self._queue_of(content_id, keys).load(content_id)

    def delete(self, content_id: str, *, keys: Collection[str]) -> None:
        """Takes the row out of its queue before it is sent; see `CorrectionStore`."""
        queue = self._queue_of(content_id, keys)
        entry = queue.entry(content_id)
        if entry.state not in (State.SAVED, State.WAITING):
            raise StoreError(
                f"{content_id[:8]} was sent already ({entry.sentence.rstrip('.')}): "
                "ask a maintainer of the dataset to take it down"
            )
        queue.forget(content_id)

    def _queue_of(self, content_id: str, keys: Collection[str]) -> ContributorQueue:
        for key in keys:
            queue = self.outbox.queue(key)
            if queue.knows(content_id):
                return queue
        raise StoreError(f"no contribution {content_id[:40]} of yours is kept here")

    def entries(self, keys: Collection[str]) -> tuple[Entry, ...]:
        """Returns everything in some queues, the newest first.

        Args:
            keys: Of verified accounts, or secrets that `secrets_of` has checked.
        """
        found = {e.id: e for key in keys for e in self.outbox.queue(key).entries()}
        return tuple(sorted(found.values(), key=lambda entry: -entry.since))

    def welcome(self, who: Contributor, *, secrets: Collection[str] = ()) -> None:
        """Sends what waited for a contributor to sign in, and what they saved before.

        Raises:
            StoreError: The outbox can't be written; nothing is lost.
        """
        if not who.account or not who.token:
            return
        moved = sum(move_to_account(self.outbox, secret, account=who.account) for secret in secrets)
        if moved or not self.sender.has_token(who.key, who.token):
            self.sender.set_token(who.key, who.token)


def _others(ids: Collection[str], correction: Correction) -> bool:
    return any(content_id != correction.content_id for content_id in ids)


def resolve_contributor(
    token: str | None,
    *,
    dataset: str | None,
    last: Contributor | None = None,
    store: Callable[..., HubStore] = HubStore,
) -> tuple[Contributor, str]:
    """Resolves who saves; never blocks a save.

    Args:
        token: Of the visitor who is signed in, or None.
        dataset: The dataset that contributions go to, or None.
        last: Who saved last in this visit.
        store: Opens a dataset with a token.

    Returns:
        The account that the Hub verified, or else the last contributor or an anonymous one; and a
        sentence on why.
    """
    if not token or not dataset:
        return (last if last and not last.account else anonymous()), ""
    if last and last.token == token:
        return last, ""
    try:
        account = store(dataset, token=token).account
    except RemoteError as error:
        return last or anonymous(), str(error)
    return Contributor(key=account, account=account, token=token), ""
