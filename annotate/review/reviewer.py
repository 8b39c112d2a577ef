"""Review of contributions in pull requests: inspect, accept, ask, reject, fix."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np

from annotate.correction import Correction
from annotate.dataset import layout
from annotate.dataset.card import check_block
from annotate.dataset.index import RowIndex
from annotate.dataset.proposals import HubStore, proposed_id
from annotate.dataset.refresh import Counted
from annotate.dataset.traces import FIXED
from annotate.errors import (
    ConsentError,
    CorrectionError,
    MergedError,
    RecordError,
    RemoteBusyError,
    RemoteError,
    RemoteRefusedError,
    ReviewError,
)
from annotate.review.agreement import agree
from annotate.review.inspection import Contribution, Inspection, beyond_its_row, provenance
from annotate.rows.checks import Finding, check
from annotate.rows.photo_hash import photo_hash
from annotate.rows.record import from_row, one_row, to_parquet
from segface_hf.errors import LabelError

log = logging.getLogger(__name__)


class Reviewer:
    """A maintainer's access to open contributions.

    Args:
        store: The dataset, with a token that may merge.
        rows: The rows of the dataset, to recognize photos that it has.
        opened: Caches columns of open contributions, to find those of one photo.
    """

    def __init__(
        self, store: HubStore, *, rows: Counted | None = None, opened: RowIndex | None = None
    ) -> None:
        self.store = store
        self._opened = opened or RowIndex()
        columns = ["content_id", "photo_id", "photo_hash"]
        known = list(rows.columns(columns)) if rows else []
        self._photos = {row["content_id"]: row["photo_hash"] for row in known}
        self._photo_ids = {row["content_id"]: row["photo_id"] for row in known}
        self._merged = frozenset(self._photo_ids)

    def open(self) -> tuple[Contribution, ...]:
        """Lists the open contributions, oldest first."""
        found = (
            Contribution(content_id, request)
            for request in self.store.repo.pull_requests(status="open")
            if (content_id := proposed_id(request)) is not None
        )
        return tuple(sorted(found, key=lambda c: c.request.number))

    def contribution(self, number: int) -> Contribution:
        """Returns one open contribution, named by the row that it adds rather than by its title.

        Raises:
            ReviewError: The pull request proposes no contribution or is not open.
        """
        request = self.store.repo.pull_request(number)
        content_id = proposed_id(request)
        if content_id is None:
            raise ReviewError(f"#{number} proposes no correction: review it on the Hub")
        if request.status not in ("open", "draft"):
            raise ReviewError(f"#{number} is {request.status} already")
        if len(request.files) == 1 and request.files[0][0] == "added":
            content_id = layout.id_at(request.files[0][1]) or content_id
        return Contribution(content_id, request)

    def inspect(self, number: int) -> Inspection:
        """Fetches a contribution and checks it as untrusted input.

        Raises:
            ReviewError: It is not an open contribution.
        """
        contribution = self._pinned(number)
        outside = (*beyond_its_row(contribution), *self._unwanted(contribution.id))
        try:
            correction = self._fetch(contribution)
            check_block(
                self.store.block,
                correction.schema.name,
                source=self.store.repo.id,
                version=correction.schema.version,
            )
        except (RecordError, CorrectionError, ConsentError, ReviewError, LabelError) as error:
            findings = (*outside, Finding("row", str(error), blocks=True))
            return Inspection(None, findings, contribution=contribution)
        seen = check(correction, photos=self._photos)
        findings = (*outside, *provenance(contribution, correction, self.store.block), *seen)
        same = self._same_photo(correction)
        self._photos[correction.content_id] = photo_hash(correction.image)
        self._photo_ids[correction.content_id] = correction.photo_id
        numbers = agree(correction.prediction, correction.mask, schema=correction.schema).classes
        return Inspection(correction, findings, numbers, same, contribution=contribution)

    def partners(self, seen: Inspection, *, most: int = 100) -> tuple[Contribution, ...]:
        """Returns other open contributions whose rows have the same photo id.

        Args:
            seen: A contribution.
            most: Open contributions to read, newest first; each takes one request, once.
        """
        if seen.correction is None:
            return ()
        others = [c for c in self.open() if c.request.number != seen.contribution.request.number]
        return tuple(
            other
            for other in sorted(others, key=lambda c: -c.request.number)[:most]
            if (row := self._opened.proposed(self.store.repo, other.request.number, other.id))
            and row["photo_id"] == seen.correction.photo_id
        )

    def merged(self, seen: Inspection) -> tuple[str, ...]:
        """Returns the ids of known rows of the dataset with the same photo."""
        return tuple(content_id for content_id in seen.same_photo if content_id in self._merged)

    def accept(self, number: int, *, head: str = "") -> None:
        """Merges a contribution that no check forbids.

        Args:
            number: Its pull request.
            head: The commit that the maintainer saw; empty takes the present one.

        Raises:
            ReviewError: A check forbids it, or it changed: look again, ask for changes, reject or
                fix it.
        """
        inspection = self._looked_at(number, head)
        if inspection.blocking:
            reasons = "; ".join(inspection.blocking)
            raise ReviewError(f"#{number} can't be accepted as it is: {reasons}")
        self._merge(inspection, comment="Thank you: it is part of the dataset now.")

    def ask(self, number: int, text: str) -> None:
        """Asks the contributor for changes, in a comment."""
        self.store.repo.comment(self.contribution(number).request.number, _said(text))

    def reject(self, number: int, reason: str) -> None:
        """Closes a contribution with a reason, which its contributor is shown."""
        self.store.repo.close(self.contribution(number).request.number, comment=_said(reason))

    def fix_and_accept(self, number: int, mask: np.ndarray, *, head: str = "") -> str:
        """Replaces the mask of a contribution, merges it, and returns its new content id.

        The contributor stays the contributor; the commit names who fixed it. After a lost answer,
        the same call continues.

        Raises:
            ReviewError: The row is invalid, a check forbids it, or it changed.
            LabelError: The mask holds unknown ids.
        """
        seen = self._looked_at(number, head)
        if seen.correction is None:
            raise ReviewError(f"#{number} can't be fixed: {seen.findings[0].sentence}")
        new = dataclasses.replace(seen.correction, mask=mask)
        around = [finding for finding in seen.findings if finding.check in _NOT_OF_THE_MASK]
        around += self._unwanted(new.content_id)
        if reasons := dict.fromkeys(f.sentence for f in (*around, *check(new)) if f.blocks):
            raise ReviewError(f"#{number} can't be fixed: {'; '.join(reasons)}")
        if new.content_id != seen.correction.content_id:
            self._replace_row(seen.contribution, new)
            seen = self.inspect(number)
            if seen.contribution.id != new.content_id or seen.blocking:
                raise _moved(number)
        self._merge(seen, comment=FIXED.format(new.content_id))
        return new.content_id

    def _pinned(self, number: int) -> Contribution:
        """Returns a contribution with its head, which is read before its content."""
        try:
            head = self.store.repo.head(revision=f"refs/pr/{number}")
        except RemoteRefusedError:
            self.contribution(number)  # raises if the number is not an open contribution
            raise
        return dataclasses.replace(self.contribution(number), head=head)

    def _looked_at(self, number: int, head: str) -> Inspection:
        seen = self.inspect(number)
        if head and seen.contribution.head != head:
            raise _moved(number)
        return seen

    def _merge(self, seen: Inspection, *, comment: str) -> None:
        """Merges what was inspected, unless something was pushed since.

        The Hub merges the present state of a pull request, so a push between the last check and
        the merge is possible. It is detected afterwards and reported.
        """
        repo, contribution = self.store.repo, seen.contribution
        number, revision = contribution.request.number, contribution.request.revision
        if repo.head(revision=revision) != contribution.head:
            raise _moved(number)
        repo.merge(number, comment=comment)
        try:
            slipped_in = repo.head(revision=revision) != contribution.head and (
                beyond_its_row(dataclasses.replace(contribution, request=repo.pull_request(number)))
                or self._bytes(contribution, revision) != self._bytes(contribution)
            )
        except RemoteError as error:
            log.warning("#%d is merged, but can't be checked again: %s", number, error)
            return
        if slipped_in:
            raise MergedError(
                f"#{number} is merged, but something was pushed to it at that moment: compare the "
                f"head of the dataset with commit {contribution.head[:12]}, which was inspected"
            )

    def _unwanted(self, content_id: str) -> tuple[Finding, ...]:
        """Checks whether the dataset has a row already, or had it taken down."""
        tombstone, own = layout.tombstone_path(content_id), layout.row_path(content_id)
        index = layout.index_path(content_id)
        present = self.store.repo.present([tombstone, own, index])
        findings = []
        if tombstone in present:
            sentence = "it was taken down from the dataset before"
            findings.append(Finding("tombstone", sentence, blocks=True))
        listed = (self.store.repo.read(index) or b"") if index in present else b""
        if own in present or content_id in listed.decode("utf-8", "replace").split():
            findings.append(Finding("duplicate", "the dataset has it already", blocks=True))
        return tuple(findings)

    def _bytes(self, contribution: Contribution, revision: str = "") -> bytes | None:
        path = layout.row_path(contribution.id)
        return self.store.repo.read(path, revision=revision or contribution.head)

    def _fetch(self, contribution: Contribution) -> Correction:
        path, data = layout.row_path(contribution.id), self._bytes(contribution)
        if data is None:
            raise ReviewError(f"it does not hold {path}")
        return from_row(one_row(data, contribution.id, source=path))

    def _replace_row(self, contribution: Contribution, new: Correction) -> None:
        path, revision = layout.row_path(new.content_id), contribution.request.revision
        try:
            self.store.repo.commit(
                {path: to_parquet(new)},
                deleted=[layout.row_path(contribution.id)],
                title=f"Fix correction {contribution.id}, now {new.content_id}",
                revision=revision,
                parent=contribution.head,
            )
        except RemoteBusyError as error:
            # The commit may have been made: then its row is there, and is inspected again.
            if self.store.repo.read(path, revision=revision) is None:
                moved = self.store.repo.head(revision=revision) != contribution.head
                raise (_moved(contribution.request.number) if moved else error) from error

    def _same_photo(self, correction: Correction) -> tuple[str, ...]:
        return tuple(
            content_id
            for content_id, photo in self._photo_ids.items()
            if photo == correction.photo_id and content_id != correction.content_id
        )


_NOT_OF_THE_MASK = ("files", "tombstone", "consent", "license")


def _moved(number: int) -> ReviewError:
    return ReviewError(
        f"#{number} was changed since it was looked at, so it is not merged: look at it again"
    )


def _said(text: str) -> str:
    if not text.strip():
        raise ReviewError("say why: the contributor is shown your words")
    return text.strip()
