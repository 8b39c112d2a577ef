"""Review: what a maintainer does with the contributions that wait in pull requests."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from PIL import Image

from annotate import layout
from annotate.agreement import ClassNumbers, agree
from annotate.checks import Finding, check
from annotate.correction import Correction
from annotate.errors import AnnotateError, RemoteBusyError, ReviewError
from annotate.photohash import photo_hash
from annotate.record import from_parquet, from_row, to_parquet
from annotate.store import FolderStore
from annotate.store_hub import HubStore, proposed_id
from annotate.store_repo import PullRequest
from segface_hf.errors import LabelError
from segface_hf.overlay import colorize


@dataclass(frozen=True)
class Contribution:
    """One open contribution: the content id that it proposes, and its pull request."""

    id: str
    request: PullRequest


@dataclass(frozen=True, eq=False)
class Inspection:
    """What there is to see of a contribution.

    Attributes:
        contribution: Which one.
        correction: Photo, prediction and mask; None where the row can't be believed.
        findings: What the automatic checks noticed, the row's own trouble included.
        classes: Pixels of each class in prediction and mask, by id; empty without a correction.
        same_photo: Content ids of the dataset and of open contributions with the same photo.
    """

    contribution: Contribution
    correction: Correction | None
    findings: tuple[Finding, ...]
    classes: tuple[ClassNumbers, ...] = ()
    same_photo: tuple[str, ...] = ()

    @property
    def acceptable(self) -> bool:
        """Whether nothing forbids accepting it as it is."""
        return not any(finding.blocks for finding in self.findings)

    def pictures(self) -> dict[str, Image.Image]:
        """Returns photo, prediction, correction and difference as RGB pictures of one size."""
        if self.correction is None:
            raise ReviewError("there is no row to look at: " + self.findings[0].sentence)
        return side_by_side(self.correction)


def side_by_side(correction: Correction) -> dict[str, Image.Image]:
    """Returns photo, prediction, correction and difference as RGB pictures of one size.

    The difference shows the new class's colour where something changed, over a pale grey photo.
    """
    photo = Image.fromarray(correction.image)
    mask = colorize(correction.mask, correction.schema)
    pale = photo.convert("L").point(lambda value: 128 + value // 2).convert("RGB")
    differs = Image.fromarray(np.uint8(255) * (correction.mask != correction.prediction))
    return {
        "photo": photo,
        "prediction": colorize(correction.prediction, correction.schema),
        "correction": mask,
        "difference": Image.composite(mask, pale, differs),
    }


class Desk:
    """The maintainer's desk.

    Args:
        store: The dataset, with a token that may merge.
        rows: A mirror of the dataset in a folder, to recognise photos that it already has.
    """

    def __init__(self, store: HubStore, *, rows: FolderStore | None = None) -> None:
        self.store = store
        columns = ["content_id", "photo_id", "photo_hash"]
        known = list(rows.columns(columns)) if rows else []
        self._photos = {row["content_id"]: row["photo_hash"] for row in known}
        self._photo_ids = {row["content_id"]: row["photo_id"] for row in known}

    def open(self) -> tuple[Contribution, ...]:
        """Lists the open contributions, oldest first."""
        found = (
            Contribution(content_id, request)
            for request in self.store.repo.pull_requests(status="open")
            if (content_id := proposed_id(request)) is not None
        )
        return tuple(sorted(found, key=lambda c: c.request.number))

    def numbers_of(self, ids: Collection[str]) -> list[int]:
        """Returns the pull requests, open or not, that propose contributions."""
        requests = self.store.repo.pull_requests()
        return sorted(request.number for request in requests if proposed_id(request) in ids)

    def contribution(self, number: int) -> Contribution:
        """Returns one open contribution.

        Raises:
            ReviewError: That pull request proposes no contribution or is not open.
        """
        request = self.store.repo.pull_request(number)
        content_id = proposed_id(request)
        if content_id is None:
            raise ReviewError(f"#{number} proposes no correction: review it on the Hub")
        if request.status not in ("open", "draft"):
            raise ReviewError(f"#{number} is {request.status} already")
        return Contribution(content_id, request)

    def inspect(self, number: int) -> Inspection:
        """Fetches a contribution and looks at it as at a stranger's.

        Raises:
            ReviewError: It is no open contribution.
        """
        contribution = self.contribution(number)
        outside = _beyond_its_row(contribution)
        try:
            correction = self._fetch(contribution)
        except (AnnotateError, LabelError) as error:
            return Inspection(
                contribution, None, (*outside, Finding("row", str(error), blocks=True))
            )
        seen = check(correction, photos=self._photos)
        findings = (*outside, *_provenance(contribution, correction), *seen)
        same = self._same_photo(correction)
        self._photos[correction.content_id] = photo_hash(correction.image)
        self._photo_ids[correction.content_id] = correction.photo_id
        numbers = agree(correction.prediction, correction.mask, schema=correction.schema).classes
        return Inspection(contribution, correction, findings, numbers, same)

    def accept(self, number: int) -> None:
        """Merges a contribution that nothing forbids.

        Raises:
            ReviewError: A check forbids it: ask for changes, reject it, or fix it.
        """
        inspection = self.inspect(number)
        blocking = [finding.sentence for finding in inspection.findings if finding.blocks]
        if blocking:
            raise ReviewError(f"#{number} can't be accepted as it is: {'; '.join(blocking)}")
        self.store.repo.merge(number, comment="Thank you: it is part of the dataset now.")

    def ask(self, number: int, text: str) -> None:
        """Asks the contributor for changes, in a comment."""
        self.store.repo.comment(self.contribution(number).request.number, _said(text))

    def reject(self, number: int, reason: str) -> None:
        """Closes a contribution with a reason, which its contributor is shown."""
        self.store.repo.close(self.contribution(number).request.number, comment=_said(reason))

    def fix_and_accept(self, number: int, mask: np.ndarray) -> str:
        """Replaces the mask of a contribution, merges it, and returns its new content id.

        The contributor stays the contributor; the commit says who fixed it.

        Raises:
            ReviewError: The row can't be believed, so there is nothing to fix.
            LabelError: The mask holds unknown ids.
        """
        inspection = self.inspect(number)
        old, contribution = inspection.correction, inspection.contribution
        if old is None:
            raise ReviewError(f"#{number} can't be fixed: {inspection.findings[0].sentence}")
        if foreign := [f.sentence for f in _beyond_its_row(contribution)]:
            raise ReviewError(f"#{number} can't be fixed: {'; '.join(foreign)}")
        new = dataclasses.replace(old, mask=mask)
        if new.content_id != old.content_id:
            self._replace_row(contribution, new)
        self.store.repo.merge(number, comment=f"Fixed and accepted as `{new.content_id}`.")
        return new.content_id

    def _fetch(self, contribution: Contribution) -> Correction:
        path = layout.row_path(contribution.id)
        data = self.store.repo.read(path, revision=contribution.request.revision)
        if data is None:
            raise ReviewError(f"it does not hold {path}")
        rows = from_parquet(data, source=path)
        if len(rows) != 1 or rows[0]["content_id"] != contribution.id:
            raise ReviewError(f"{path} does not hold the one row that its name says")
        return from_row(rows[0])

    def _replace_row(self, contribution: Contribution, new: Correction) -> None:
        path, revision = layout.row_path(new.content_id), contribution.request.revision
        try:
            self.store.repo.commit(
                {path: to_parquet(new)},
                deleted=[layout.row_path(contribution.id)],
                title=f"Fix correction {contribution.id}, now {new.content_id}",
                revision=revision,
            )
        except RemoteBusyError:
            if self.store.repo.read(path, revision=revision) is None:
                raise

    def _same_photo(self, correction: Correction) -> tuple[str, ...]:
        return tuple(
            content_id
            for content_id, photo in self._photo_ids.items()
            if photo == correction.photo_id and content_id != correction.content_id
        )


def _said(text: str) -> str:
    if not text.strip():
        raise ReviewError("say why: the contributor is shown your words")
    return text.strip()


def _beyond_its_row(contribution: Contribution) -> tuple[Finding, ...]:
    """A contribution adds its own file and touches nothing else, whatever its title says."""
    expected = (("added", layout.row_path(contribution.id)),)
    if contribution.request.files == expected:
        return ()
    others = [f"{c} {p}" for c, p in contribution.request.files if (c, p) != expected[0]]
    sentence = f"besides its row it has {', '.join(others[:5])}" if others else "it adds no row"
    return (Finding("files", sentence, blocks=True),)


def _provenance(contribution: Contribution, correction: Correction) -> tuple[Finding, ...]:
    findings = []
    if correction.consent is None:
        findings.append(Finding("consent", "it carries no consent to share it", blocks=True))
    author = contribution.request.author
    if correction.contributor != author:
        said = correction.contributor or "nobody"
        findings.append(Finding("contributor", f"{author} opened it, the row names {said}"))
    return tuple(findings)
