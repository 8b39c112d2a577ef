"""`python -m annotate compare`: two annotators on one photo, and settling what they dispute."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from annotate.commands import _card, _places
from annotate.review import Desk
from annotate.settling import compare, settle

HELP = "compare two contributions of one photo, and settle what they dispute"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("first", type=int, help="number of a pull request")
    parser.add_argument("second", type=int, help="number of another one with the same photo")
    _places.add_head(parser, many=2)
    parser.add_argument("--map", type=Path, metavar="PNG", help="write where they differ")
    parser.add_argument(
        "--take-second", type=int, nargs="*", metavar="DISPUTE",
        help="settle: the second is right in these disputes, the first in all others; the first "
        "is merged with the settled mask, the second is closed",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Prints agreement by class and the disputes; settles them where that is asked for."""
    desk = Desk(_places.hub_store(args))
    found = compare(desk, args.first, args.second)
    for seen in (found.first, found.second):
        print(f"#{seen.contribution.request.number} is commit {seen.contribution.head}")
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
        heads = {
            seen.contribution.request.number: head or seen.contribution.head
            for seen, head in zip((found.first, found.second), args.head, strict=True)
        }
        with _card.followed(args):
            new = settle(desk, args.first, args.second, takes_second=args.take_second, heads=heads)
            print(f"settled as {new}: #{args.first} is merged, #{args.second} is closed")
    return 0
