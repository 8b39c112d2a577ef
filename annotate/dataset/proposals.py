"""Sending contributions to a dataset repository, as pull requests or direct commits."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.correction import DEFAULT_LICENSE
from annotate.dataset import layout
from annotate.dataset.card import (
    CardFacts,
    check_block,
    new_card,
    other_license,
    read_block,
    set_up_card,
)
from annotate.dataset.repo import DatasetRepo, PullRequest
from annotate.errors import ConsentError, RecordError, RemoteBusyError, RemoteRefusedError
from annotate.rows.record import check_columns, consent_of
from segface_hf._utils import counted
from segface_hf.labels import LabelSchema

_FACTS = (
    "content_id", "record_version", "schema", "schema_version", "contributor", "consent_right",
    "consent_people", "photo_licence", "licence", "changed_pixels", "model", "source",
)  # fmt: skip


@dataclass(frozen=True)
class ConsentedRow:
    """The parquet file of one contribution with consent.

    Only a ConsentedRow is ever sent. The consent is read from the bytes that would be sent, so no
    caller can assert it.

    Raises:
        ConsentError: The row has no consent.
        RecordError: The bytes are not a parquet file of one row of this record version.
    """

    data: bytes

    def __post_init__(self) -> None:
        if consent_of(self.facts) is None:
            raise ConsentError(
                f"contribution {self.id} has no consent to share it: it stays on this machine"
            )

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The row's columns that are not images."""
        try:
            file = pq.ParquetFile(io.BytesIO(self.data))
            check_columns(file.schema_arrow, source="the contribution")
            rows = file.read(list(_FACTS)).to_pylist()
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise RecordError(f"the contribution is not a whole parquet file ({error})") from error
        if len(rows) != 1:
            raise RecordError(f"a contribution is one row, this file holds {len(rows)}")
        return rows[0]

    @property
    def id(self) -> str:
        """The content id."""
        return str(self.facts["content_id"])


_AGAIN = 3
_TITLE = re.compile(r"Correction ([0-9a-f]{32})")


@dataclass(frozen=True)
class Delivery:
    """Where a contribution is on the Hub.

    Attributes:
        merged: It is on the main branch; otherwise it waits in a pull request.
        number: Number of that pull request, if there is one.
        url: Page that shows it.
    """

    merged: bool
    number: int | None = None
    url: str = ""


class HubStore:
    """A dataset on the Hub, used with one token.

    Example:
        >>> HubStore("org/faces", token=token).propose(ConsentedRow(to_parquet(correction)))
        Delivery(merged=False, number=12, url="...")
    """

    def __init__(self, repo_id: str, *, token: str | None, endpoint: str | None = None) -> None:
        self.repo = DatasetRepo(repo_id, token=token, endpoint=endpoint)
        self._mine: dict[str, PullRequest] | None = None

    @cached_property
    def account(self) -> str:
        """The account behind the token, asked once."""
        return self.repo.account()

    @cached_property
    def block(self) -> Mapping[str, Any]:
        """What the dataset's card declares about its rows, read once.

        Raises:
            RemoteRefusedError: The dataset is not set up.
        """
        card = self.repo.read(layout.CARD)
        try:
            return read_block((card or b"").decode("utf-8", "replace"), source=self.repo.id)
        except RecordError as error:
            raise RemoteRefusedError(str(error)) from error

    def create(
        self, schema: LabelSchema, *, license: str = DEFAULT_LICENSE, private: bool = False
    ) -> None:
        """Creates the dataset and its card; what exists is not changed.

        A README that declares no rows yet gets what it lacks; see `renewed_card`.

        Raises:
            RecordError: Its README names another license, or has malformed metadata.
        """
        self.repo.create(private=private)
        head, facts = self.repo.head(), CardFacts(schema=schema, license=license)
        held = self.repo.read(layout.CARD, revision=head)
        card = new_card(facts, repo_id=self.repo.id)
        if held is not None:
            text = held.decode("utf-8", "replace")
            card = set_up_card(text, facts, source=self.repo.id)
            if card == text:
                return
        title = "Set up the dataset for corrections"
        self.repo.commit({layout.CARD: card.encode()}, title=title, parent=head)

    def propose(self, consented: ConsentedRow, *, reread: bool = False) -> Delivery:
        """Opens a pull request with one contribution, or finds the one that holds it already.

        Args:
            consented: The contribution.
            reread: As for `find`.

        Raises:
            RemoteBusyError: Worth another try.
            RemoteUnconfirmedError: The pull request may be open. Try again when the Hub's list of
                pull requests must show it; an earlier try can open a second one.
            RemoteRefusedError: It can't be sent as things are, or is not wanted.
        """
        if known := self.find(consented, reread=reread):
            return known
        # If the answer is lost, the next attempt must read the list again.
        mine, self._mine = self._mine or {}, None
        committed = self.repo.commit(
            {layout.row_path(consented.id): consented.data},
            title=_title(consented.id),
            description=_summary(consented),
            pull_request=True,
        )
        if committed.number is not None:
            opened = PullRequest(
                committed.number, _title(consented.id), self.account, "open", committed.url
            )
            self._mine = {**mine, consented.id: opened}
        return Delivery(merged=False, number=committed.number, url=committed.url)

    def find(self, consented: ConsentedRow, *, reread: bool = False) -> Delivery | None:
        """Returns where a contribution is on the Hub, or None where it is not there.

        Args:
            consented: The contribution.
            reread: Read this account's pull requests again, which an earlier attempt may have
                opened.

        Raises:
            RemoteBusyError: Worth another try.
            RemoteRefusedError: It can't be sent as things are, or is not wanted.
        """
        known = self._misfit(consented) or self._known([consented.id]).get(consented.id)
        if isinstance(known, RemoteRefusedError):
            raise known
        if known is not None:
            return known
        if reread or self._mine is None or consented.id in self._mine:  # it may be decided since
            self._mine = self.outcomes(unlisted=True)
        request = self._mine.get(consented.id)
        return self._found(request) if request else None

    def commit(self, rows: Iterable[ConsentedRow]) -> dict[str, Delivery | RemoteRefusedError]:
        """Writes contributions to the main branch in one commit.

        Returns:
            By content id, where it is or why it is refused. Sending one again is harmless.

        Raises:
            RemoteBusyError: Worth another try.
            RemoteRefusedError: The account or the dataset does not allow it.
        """
        by_id = {consented.id: consented for consented in rows}
        misfits = {
            i: misfit
            for i, consented in by_id.items()
            if (misfit := self._misfit(consented) or self._under_another_license(consented))
        }
        wanted = {i: consented for i, consented in by_id.items() if i not in misfits}
        return {**(self._commit_fresh(wanted) if wanted else {}), **misfits}

    def _commit_fresh(
        self, by_id: Mapping[str, ConsentedRow], *, again: int = _AGAIN
    ) -> dict[str, Delivery | RemoteRefusedError]:
        """Commits what the dataset doesn't have, on the commit for which that is known.

        A takedown during the upload is a newer commit: the Hub refuses this one, and everything
        is checked again. Files that were uploaded are not uploaded again.
        """
        head = self.repo.head()
        results = self._known(list(by_id))
        fresh = {i: consented for i, consented in by_id.items() if i not in results}
        if not fresh:
            return results
        try:
            committed = self.repo.commit(
                {layout.row_path(i): consented.data for i, consented in fresh.items()},
                title=f"Add {counted(len(fresh), 'correction')}",
                parent=head,
            )
        except RemoteBusyError as error:
            if not again or error.retry_after is not None or self.repo.head() == head:
                raise
            return self._commit_fresh(by_id, again=again - 1)
        return {**results, **{i: Delivery(merged=True, url=committed.url) for i in fresh}}

    def outcomes(self, *, unlisted: bool = False) -> dict[str, PullRequest]:
        """Returns this account's pull requests by content id; an open one hides a closed one.

        Args:
            unlisted: Also those that the Hub's list doesn't show yet, for four requests more.
        """
        found: dict[str, PullRequest] = {}
        late = (r for r in (self.repo.unlisted() if unlisted else ()) if r.author == self.account)
        for request in chain(late, self.repo.pull_requests(author=self.account)):
            content_id = proposed_id(request)
            if content_id and _rank(request) >= _rank(found.get(content_id)):
                found[content_id] = request
        return found

    def said(self, number: int) -> str:
        """Returns the last comment of a maintainer on a pull request, or ""."""
        request = self.repo.pull_request(number)
        maintainers = request.members - {request.author}
        said = [text for author, text in request.comments if author in maintainers and text]
        return said[-1] if said else ""

    def reason(self, number: int) -> str:
        """Returns why a pull request was closed."""
        return self.said(number) or "the maintainer gave no reason"

    def _misfit(self, consented: ConsentedRow) -> RemoteRefusedError | None:
        facts = consented.facts
        try:
            check_block(
                self.block, facts["schema"], version=facts["schema_version"], source=self.repo.id
            )
        except RecordError as error:
            return RemoteRefusedError(str(error))
        return None

    def _under_another_license(self, consented: ConsentedRow) -> RemoteRefusedError | None:
        """Refuses what a review would forbid: a direct commit is not reviewed."""
        wrong = other_license(self.block, consented.facts["licence"])
        return RemoteRefusedError(wrong) if wrong else None

    def _known(self, ids: list[str]) -> dict[str, Delivery | RemoteRefusedError]:
        """Returns which contributions the main branch has or had taken down, by one request."""
        places = {f(i): None for i in ids for f in _PLACES}
        present = self.repo.present(places) if places else set()
        indexes = {
            path: (self.repo.read(path) or b"").decode().split()
            for path in sorted({layout.index_path(i) for i in ids} & present)
        }
        known: dict[str, Delivery | RemoteRefusedError] = {}
        for i in ids:
            if layout.tombstone_path(i) in present:
                known[i] = RemoteRefusedError(
                    "this contribution was taken down from the dataset", held=False
                )
            elif layout.row_path(i) in present or i in indexes.get(layout.index_path(i), ()):
                known[i] = Delivery(merged=True)
        return known

    def _found(self, request: PullRequest) -> Delivery:
        if request.status == "closed":
            raise RemoteRefusedError(self.reason(request.number), held=False)
        return Delivery(request.status == "merged", number=request.number, url=request.url)


_PLACES = (layout.row_path, layout.tombstone_path, layout.index_path)


def _title(content_id: str) -> str:
    return f"Correction {content_id}"


def proposed_id(request: PullRequest) -> str | None:
    """Returns the content id that a pull request proposes, by its title."""
    match = _TITLE.fullmatch(request.title)
    return match[1] if match else None


def _rank(request: PullRequest | None) -> int:
    order = {"closed": 1, "draft": 2, "open": 2, "merged": 3}
    return order.get(request.status, 1) if request else 0


def _summary(consented: ConsentedRow) -> str:
    facts = consented.facts
    return (
        f"A corrected mask of {facts['changed_pixels']} changed pixels, predicted by "
        f"`{facts['model']}`. License `{facts['licence']}`; photo: {facts['consent_right']}, "
        f"people: {facts['consent_people']}."
    )
