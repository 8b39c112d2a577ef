"""Comparison of two contributions of one photo, and settling them as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from annotate.correction import Correction
from annotate.dataset.index import row_of
from annotate.dataset.layout import is_content_id
from annotate.errors import MergedError, RemoteError, ReviewError
from annotate.review.agreement import Agreement, Dispute, adjudicate, agree, disputes
from annotate.review.reviewer import Reviewer
from segface_hf.overlay import colorize


@dataclass(frozen=True, eq=False)
class RowSide:
    """One of the two that are compared.

    Attributes:
        name: `#12`, or the first digits of a row's content id.
        correction: Its photo and masks.
        number: Its pull request; 0 for a row of the dataset.
        head: The commit of that pull request; empty for a row, which its content id identifies.
    """

    name: str
    correction: Correction
    number: int = 0
    head: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two contributions of one photo.

    Attributes:
        first: An open one, which gets the settled mask.
        second: Another open one, which is closed once they are settled, or a row of the dataset,
            which stays.
        agreement: How far they agree.
        disputes: Where they differ, largest first.
    """

    first: RowSide
    second: RowSide
    agreement: Agreement
    disputes: tuple[Dispute, ...]

    def pictures(self) -> dict[str, Image.Image]:
        """Returns the photo, both masks and where they differ, as RGB pictures of one size.

        The map of disagreement is a pale photo with striped disputes: each mask colors one half
        of the stripes, so that both classes are visible.
        """
        first, second = self.first.correction, self.second.correction
        photo = Image.fromarray(first.image)
        masks = [colorize(each.mask, each.schema) for each in (first, second)]
        y, x = np.indices(first.mask.shape)
        stripes = Image.fromarray(np.uint8(255) * ((x + y) // 4 % 2 == 0))
        pale = photo.convert("L").point(lambda value: 128 + value // 2).convert("RGB")
        differs = Image.fromarray(np.uint8(255) * self.agreement.disagreement)
        both = Image.composite(masks[0], masks[1], stripes)
        return {
            "photo": photo,
            self.first.name: masks[0],
            self.second.name: masks[1],
            "disagreement": Image.composite(both, pale, differs),
        }


def compare(reviewer: Reviewer, first: int, second: int | str) -> Comparison:
    """Compares an open contribution with another one, or with a row of the dataset.

    Args:
        reviewer: Reads the contributions.
        first: A pull request.
        second: Another pull request, or the content id of a row.

    Raises:
        ReviewError: They are the same one, of different photos, or invalid.
    """
    if first == second:
        raise ReviewError(f"#{first} can't be compared with itself: name another one")
    left, right = _opened(reviewer, first), _side(reviewer, second)
    one, two = left.correction, right.correction
    if one.photo_id != two.photo_id:
        raise ReviewError(f"{left.name} and {right.name} are of different photos")
    if one.schema.names != two.schema.names:
        raise ReviewError(f"{left.name} and {right.name} name different classes")
    agreement = agree(one.mask, two.mask, schema=one.schema)
    found, _ = disputes(one.mask, two.mask, schema=one.schema)
    return Comparison(left, right, agreement, found)


def settle(
    reviewer: Reviewer,
    first: int,
    second: int | str,
    *,
    takes_second: Collection[int],
    heads: Mapping[int, str],
) -> str:
    """Merges the first contribution with a settled mask, closes the second; returns the new id.

    Args:
        reviewer: Reads and merges the contributions.
        first: The contribution that stays.
        second: The one that is closed; a row of the dataset stays.
        takes_second: Disputes in which the second is right; the first is in all others.
        heads: By number, the commit that the maintainer saw; {} takes the present ones.

    Raises:
        ReviewError: There is no such dispute, or one of them changed; nothing is merged. Or the
            first is merged and the second could not be closed, which the message says.
    """
    found = compare(reviewer, first, second)
    for side in (found.first, found.second):
        expected = heads.get(side.number)
        if expected and expected != side.head:
            raise ReviewError(
                f"{side.name} was changed since it was looked at, so nothing is settled: compare "
                "them again"
            )
    one, two = found.first.correction, found.second.correction
    takes = dict.fromkeys(takes_second, 2)
    mask = adjudicate(one.mask, two.mask, schema=one.schema, takes=takes)
    new = reviewer.fix_and_accept(first, mask, head=found.first.head)
    if not (number := found.second.number):
        return new
    try:
        reviewer.reject(number, f"Settled together with #{first}, as `{new}`. Thank you.")
    except RemoteError as error:
        raise MergedError(f"#{first} is merged, but #{second} is not closed: {error}") from error
    return new


def _side(reviewer: Reviewer, which: int | str) -> RowSide:
    if isinstance(which, int):
        return _opened(reviewer, which)
    if not is_content_id(which):
        raise ReviewError(f"'{which[:40]}' is not a content id: 32 hexadecimal digits")
    return RowSide(which[:8], row_of(reviewer.store.repo, which))


def _opened(reviewer: Reviewer, number: int) -> RowSide:
    seen = reviewer.inspect(number)
    if seen.correction is None:
        raise ReviewError(f"#{number} can't be compared: {seen.findings[0].sentence}")
    return RowSide(f"#{number}", seen.correction, number, seen.contribution.head)
