"""What the Review view does: list, inspect, compare, accept, fix, ask about and reject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from annotate.correction import Correction
from annotate.dataset.index import RowIndex
from annotate.dataset.proposals import HubStore
from annotate.errors import ReviewError
from annotate.label_maps import unpack_label_map
from annotate.review.agreement import ClassNumbers, Dispute
from annotate.review.compare import Comparison, compare, settle
from annotate.review.inspection import Contribution, RowInspection
from annotate.review.reviewer import Reviewer
from segface_hf._utils import counted
from segface_hf.labels import title
from space.errors import NotAllowedError
from space.settings import Settings
from space.state.saving import CorrectionStore, HubCorrections

LOCAL = (
    "This app keeps contributions in a folder of its machine, which only that machine may review. "
    "To collect and review pull requests, name a dataset on the Hub in SEGFACE_DATASET."
)
MOST_DISPUTES = 40


@dataclass(frozen=True)
class Looking:
    """What a maintainer is looking at; decisions act on this and on nothing newer.

    Attributes:
        number: The pull request, 0 before the first.
        head: Its commit that is shown.
        other: The pull request or row of the dataset that it is compared with, 0 without one.
        other_head: The commit of that pull request.
    """

    number: int = 0
    head: str = ""
    other: int | str = 0
    other_head: str = ""

    def checked(self) -> Looking:
        """Returns itself if a contribution is being looked at.

        Raises:
            ReviewError: None is.
        """
        if not self.number:
            raise ReviewError("Choose a contribution and look at it first.")
        return self

    def shown(self, chosen: int | None) -> Looking:
        """Returns itself if it is the contribution that is chosen in the list.

        Args:
            chosen: The pull request that is chosen in the list.

        Raises:
            ReviewError: The chosen one is still being opened, or nothing is looked at.
        """
        if chosen is not None and self.number and int(chosen) != self.number:
            raise ReviewError(f"#{chosen} is still being opened: look at it, then decide.")
        return self.checked()


def reviewer_for(
    settings: Settings,
    token: str | None,
    *,
    needs: str = "sign in under Contribute",
    store: Callable[..., HubStore] = HubStore,
    row_index: RowIndex | None = None,
) -> Reviewer:
    """Returns the reviewer of a maintainer.

    On a Space, maintainers sign in and merge under their own name. On a local machine its owner's
    token does, for visitors of that machine.

    Args:
        settings: Names the dataset and its maintainers.
        token: Of the visitor who is signed in, or the owner's, or None.
        needs: What a visitor without a token has to do.
        store: Opens a dataset with a token.
        row_index: What is known about the dataset, to recognize photos.

    Raises:
        NotAllowedError: There is no dataset, no one is signed in, or they are not a maintainer.
        RemoteError: The Hub can't be reached or refuses the token.
    """
    if settings.dataset is None:
        raise NotAllowedError(LOCAL)
    if token is None:
        raise NotAllowedError(f"Reviewing is for maintainers: {needs}.")
    opened = store(settings.dataset, token=token)
    everyone = not settings.on_space and not settings.maintainers
    if not everyone and opened.account not in settings.maintainers:
        raise NotAllowedError(f"{opened.account} is not among the maintainers of this app.")
    return Reviewer(opened, rows=row_index, opened=row_index)


def index_of(corrections: CorrectionStore) -> RowIndex | None:
    """Returns what is known about the dataset on the Hub, where there is one."""
    return corrections.row_index if isinstance(corrections, HubCorrections) else None


def after_merge(corrections: CorrectionStore, reviewer: Reviewer) -> None:
    """Schedules an update of the dataset's card with the maintainer's own token."""
    if isinstance(corrections, HubCorrections):
        corrections.card_updater.merged(reviewer.store.repo)


def waiting(contributions: Sequence[Contribution]) -> list[tuple[str, int]]:
    """Returns open contributions as (label, pull request number), in their order."""
    return [
        (f"#{found.request.number} by {found.request.author}", found.request.number)
        for found in contributions
    ]


def partners(reviewer: Reviewer, looking: Looking) -> list[tuple[str, int | str]]:
    """Returns what else there is of the photo being looked at: open, then rows of the dataset."""
    seen = reviewer.inspect(looking.checked().number)
    opened: list[tuple[str, int | str]] = [
        (f"#{found.request.number} by {found.request.author}", found.request.number)
        for found in reviewer.partners(seen)
    ]
    return opened + [(f"in the dataset: {row[:8]}", row) for row in reviewer.merged(seen)]


def findings(seen: RowInspection) -> list[str]:
    """Returns a sentence for each thing that the automatic checks noticed."""
    sentences = [f"{'Blocks: ' if f.blocks else ''}{f.sentence}" for f in seen.findings]
    if seen.same_photo:
        sentences.append(
            f"The same photo is in {counted(len(seen.same_photo), 'other contribution')}."
        )
    return sentences or ["The automatic checks noticed nothing."]


def changes(seen: RowInspection) -> list[tuple[str, int, int, float | None]]:
    """Returns (class, pixels before, pixels after, IoU of the two) for classes that changed."""
    return differing(seen.classes)


def differing(numbers: Sequence[ClassNumbers]) -> list[tuple[str, int, int, float | None]]:
    """Returns (class, pixels in the first, in the second, IoU) for classes that differ."""
    return [
        (title(row.name), row.first, row.second, row.iou)
        for row in numbers
        if row.first != row.second or (row.iou is not None and row.iou < 1)
    ]


def accept(reviewer: Reviewer, looking: Looking, text: str) -> str:
    """Merges a contribution as it was looked at."""
    reviewer.accept(looking.number, head=looking.head)
    return f"#{looking.number} is merged."


def ask(reviewer: Reviewer, looking: Looking, text: str) -> str:
    """Asks its contributor for changes."""
    reviewer.ask(looking.number, text)
    return f"#{looking.number} was asked for changes."


def reject(reviewer: Reviewer, looking: Looking, text: str) -> str:
    """Closes a contribution with a reason."""
    reviewer.reject(looking.number, text)
    return f"#{looking.number} is closed."


DECISIONS = MappingProxyType(
    {"accept": ("Accept", accept), "ask": ("Ask for changes", ask), "reject": ("Reject", reject)}
)


def to_fix(reviewer: Reviewer, looking: Looking) -> Correction:
    """Returns the contribution being looked at, to be corrected.

    Raises:
        ReviewError: It changed meanwhile, or holds nothing that could be fixed.
    """
    seen = reviewer.inspect(looking.checked().number)
    if seen.contribution.head != looking.head:
        raise ReviewError(f"#{looking.number} was changed since you looked at it: choose it again.")
    if seen.correction is None:
        raise ReviewError(f"#{looking.number} can't be fixed: {seen.findings[0].sentence}")
    return seen.correction


def fix(reviewer: Reviewer, looking: Looking, payload: Mapping[str, Any]) -> str:
    """Merges the contribution being looked at with the mask that the maintainer corrected.

    Raises:
        ReviewError: The mask belongs to another contribution, or it changed meanwhile.
        WireError: The mask is damaged.
    """
    old = to_fix(reviewer, looking)
    if payload.get("id") != old.content_id:
        raise ReviewError("This mask belongs to another contribution: open it for fixing again.")
    height, width = old.mask.shape
    mask = unpack_label_map(
        payload, expected_size=(width, height), num_classes=old.schema.num_classes
    )
    new = reviewer.fix_and_accept(looking.number, mask, head=looking.head)
    return f"#{looking.number} is merged as you fixed it, as {new[:8]}."


def compared(reviewer: Reviewer, looking: Looking, other: int | str | None) -> Comparison:
    """Compares the contribution being looked at with another one, or a row, of the same photo.

    Raises:
        ReviewError: They can't be compared.
    """
    if not other:
        raise ReviewError("Choose the contribution to compare with.")
    return compare(reviewer, looking.checked().number, other)


def dispute_choices(disputes: Sequence[Dispute]) -> list[tuple[str, int]]:
    """Returns the largest disputes as (label, number)."""
    return [
        (f"{d.number}: {title(d.first)} or {title(d.second)}, {d.pixels:,} pixels", d.number)
        for d in disputes[:MOST_DISPUTES]
    ]


def settled(reviewer: Reviewer, looking: Looking, takes_second: Sequence[int]) -> str:
    """Merges the first with the settled mask and closes the second.

    Raises:
        ReviewError: Nothing was compared, or one of them changed since.
    """
    first, second = looking.number, looking.other
    if not second:
        raise ReviewError("Compare two contributions first.")
    heads = {first: looking.head}
    if isinstance(second, int):
        heads[second] = looking.other_head
    new = settle(reviewer, first, second, takes_second=takes_second, heads=heads)
    ended = f"#{second} is closed" if isinstance(second, int) else f"{second[:8]} stays"
    return f"Settled as {new[:8]}: #{first} is merged, {ended}."
