"""Settling: two annotators of one photo, compared and brought to one contribution."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from annotate.agreement import Agreement, Dispute, adjudicate, agree, disputes
from annotate.correction import Correction
from annotate.errors import MergedError, RemoteError, ReviewError
from annotate.inspection import Inspection
from annotate.review import Desk
from segface_hf.overlay import colorize


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two contributions of one photo.

    Attributes:
        first: The one that stays, with the settled mask.
        second: The one that is closed once they are settled.
        agreement: How far they agree.
        disputes: Where they differ, largest first.
    """

    first: Inspection
    second: Inspection
    agreement: Agreement
    disputes: tuple[Dispute, ...]

    @property
    def corrections(self) -> tuple[Correction, Correction]:
        """Both corrections."""
        return _believed(self.first), _believed(self.second)

    @property
    def numbers(self) -> tuple[int, int]:
        """The numbers of both pull requests."""
        first, second = (seen.contribution.request.number for seen in (self.first, self.second))
        return first, second

    def pictures(self) -> dict[str, Image.Image]:
        """Returns the photo, both masks and where they differ, as RGB pictures of one size.

        In the map of disagreement the photo is pale and each mask shows its class in a half of
        the stripes, so that one sees which two classes are in dispute.
        """
        first, second = self.corrections
        photo = Image.fromarray(first.image)
        masks = [colorize(each.mask, each.schema) for each in (first, second)]
        y, x = np.indices(first.mask.shape)
        stripes = Image.fromarray(np.uint8(255) * ((x + y) // 4 % 2 == 0))
        pale = photo.convert("L").point(lambda value: 128 + value // 2).convert("RGB")
        differs = Image.fromarray(np.uint8(255) * self.agreement.disagreement)
        both = Image.composite(masks[0], masks[1], stripes)
        return {
            "photo": photo,
            f"#{self.numbers[0]}": masks[0],
            f"#{self.numbers[1]}": masks[1],
            "disagreement": Image.composite(both, pale, differs),
        }


def compare(desk: Desk, first: int, second: int) -> Comparison:
    """Compares two contributions.

    Raises:
        ReviewError: They are one and the same, of different photos, or can't be believed.
    """
    if first == second:
        raise ReviewError(f"#{first} can't be compared with itself: name another one")
    left, right = desk.inspect(first), desk.inspect(second)
    one, two = _believed(left), _believed(right)
    if one.photo_id != two.photo_id:
        raise ReviewError(f"#{first} and #{second} are of different photos")
    if one.schema.names != two.schema.names:
        raise ReviewError(f"#{first} and #{second} name different classes")
    agreement = agree(one.mask, two.mask, schema=one.schema)
    found, _ = disputes(one.mask, two.mask, schema=one.schema)
    return Comparison(left, right, agreement, found)


def settle(
    desk: Desk, first: int, second: int, *, takes_second: Collection[int], heads: Mapping[int, str]
) -> str:
    """Merges the first contribution with a settled mask, closes the second; returns the new id.

    Args:
        desk: The maintainer's.
        first: The contribution that stays.
        second: The one that is closed.
        takes_second: Disputes in which the second is right; the first is in all others.
        heads: By number, the commit that the maintainer looked at; {} takes what is there now.

    Raises:
        ReviewError: There is no such dispute, or one of them changed; nothing is merged. Or the
            first is merged and the second could not be closed, which the message says.
    """
    found = compare(desk, first, second)
    for seen in (found.first, found.second):
        expected = heads.get(seen.contribution.request.number)
        if expected and expected != seen.contribution.head:
            raise ReviewError(
                f"#{seen.contribution.request.number} was changed since it was looked at, so "
                "nothing is settled: compare them again"
            )
    one, two = found.corrections
    takes = dict.fromkeys(takes_second, 2)
    mask = adjudicate(one.mask, two.mask, schema=one.schema, takes=takes)
    new = desk.fix_and_accept(first, mask, head=found.first.contribution.head)
    try:
        desk.reject(second, f"Settled together with #{first}, as `{new}`. Thank you.")
    except RemoteError as error:
        raise MergedError(f"#{first} is merged, but #{second} is not closed: {error}") from error
    return new


def _believed(seen: Inspection) -> Correction:
    if seen.correction is None:
        number = seen.contribution.request.number
        raise ReviewError(f"#{number} can't be compared: {seen.findings[0].sentence}")
    return seen.correction
