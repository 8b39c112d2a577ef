"""`python -m annotate compare`: two annotators on one photo, and settling what they dispute."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from annotate.cli import _places
from annotate.dataset.layout import is_content_id
from annotate.errors import ReviewError
from annotate.review.compare import Comparison, Side, compare, settle
from annotate.review.reviewer import Reviewer

HELP = "compare two contributions of one photo, open or merged, and settle what they dispute"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("first", type=int, help="number of a pull request")
    parser.add_argument(
        "second",
        type=_which,
        help="number of another one with the same photo, or the id of a row of the dataset",
    )
    _places.add_head(parser, many=2)
    parser.add_argument("--map", type=Path, metavar="PNG", help="write where they differ")
    parser.add_argument(
        "--take-second",
        type=int,
        nargs="*",
        metavar="DISPUTE",
        help="settle: the second is right in these disputes, the first in all others; the first "
        "is merged with the settled mask, the second is closed; a row of the dataset stays",
    )


def run(args: argparse.Namespace) -> int:
    """Prints agreement by class and the disputes; settles them where that is asked for."""
    reviewer = Reviewer(_places.hub_store(args))
    found = compare(reviewer, args.first, args.second)
    opened = [side for side in (found.first, found.second) if side.number]
    for side in opened:
        print(f"{side.name} is commit {side.head}")
    share, kappa = found.agreement.share, found.agreement.kappa
    print(f"they agree on {share:.2%} of the pixels, kappa {kappa:.3f}")
    for numbers in found.agreement.classes:
        if numbers.iou is not None:
            print(
                f"  {numbers.name:12} {numbers.first:9} {numbers.second:9}  IoU {numbers.iou:.3f}"
            )
    for dispute in found.disputes:
        where = f"{dispute.pixels} pixels in {dispute.box}"
        print(f"  dispute {dispute.number}: {dispute.first} or {dispute.second}, {where}")
    if args.map:
        Image.fromarray(np.uint8(255) * found.agreement.disagreement).save(args.map)
    if args.take_second is not None:
        heads = _heads(args.head, opened)
        with _places.followed(args):
            new = settle(
                reviewer, args.first, args.second, takes_second=args.take_second, heads=heads
            )
            print(f"settled as {new}: {_outcome(found)}")
    return 0


def _outcome(found: Comparison) -> str:
    """Returns what settling does to the two."""
    first, second = found.first.name, found.second
    if second.number:
        return f"{first} is merged, {second.name} is closed"
    stays = second.correction.content_id
    return f"{first} is merged, row {stays} stays: take it down where one of the two is enough"


def _which(text: str) -> int | str:
    """An argument type: a pull request's number or a content id."""
    if is_content_id(text):
        return text
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"expected the number of a pull request, or a row's content id of 32 hexadecimal "
            f"digits, got '{text[:48]}'"
        )
    return int(text)


def _heads(given: Sequence[str], opened: Sequence[Side]) -> dict[int, str]:
    """Returns the commit by pull request that a decision is on."""
    if not any(given):
        return {side.number: side.head for side in opened}
    if len(given) != len(opened):
        raise ReviewError(
            f"--head takes one commit for each pull request: expected {len(opened)}, got "
            f"{len(given)}"
        )
    return {side.number: head for side, head in zip(opened, given, strict=True)}
