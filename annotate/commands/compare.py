"""`python -m annotate compare`: two annotators on one photo, and settling what they dispute."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from annotate.agreement import adjudicate, agree, disputes
from annotate.commands import _places
from annotate.correction import Correction
from annotate.errors import ReviewError
from annotate.review import Desk

HELP = "compare two contributions of one photo, and settle what they dispute"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("first", type=int, help="number of a pull request")
    parser.add_argument("second", type=int, help="number of another one with the same photo")
    parser.add_argument("--map", type=Path, metavar="PNG", help="write where they differ")
    parser.add_argument(
        "--take-second", type=int, nargs="*", metavar="DISPUTE",
        help="settle: the second is right in these disputes, the first in all others; the first "
        "is merged with the settled mask, the second is closed",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Prints agreement by class and the disputes; settles them where that is asked for."""
    desk = Desk(_places.hub_store(args))
    first, second = (_correction(desk, number) for number in (args.first, args.second))
    if first.photo_id != second.photo_id:
        raise ReviewError(f"#{args.first} and #{args.second} are of different photos")
    found = agree(first.mask, second.mask, schema=first.schema)
    print(f"they agree on {found.share:.2%} of the pixels, kappa {found.kappa:.3f}")
    for numbers in found.classes:
        if numbers.iou is not None:
            print(
                f"  {numbers.name:12} {numbers.first:9} {numbers.second:9}  IoU {numbers.iou:.3f}"
            )
    for dispute in disputes(first.mask, second.mask, schema=first.schema)[0]:
        where = f"{dispute.pixels} pixels in {dispute.box}"
        print(f"  dispute {dispute.number}: {dispute.first} or {dispute.second}, {where}")
    if args.map:
        Image.fromarray(np.uint8(255) * found.disagreement).save(args.map)
    if args.take_second is not None:
        _settle(desk, args, first=first, second=second)
    return 0


def _correction(desk: Desk, number: int) -> Correction:
    seen = desk.inspect(number)
    if seen.correction is None:
        raise ReviewError(f"#{number} can't be compared: {seen.findings[0].sentence}")
    return seen.correction


def _settle(desk: Desk, args: argparse.Namespace, *, first: Correction, second: Correction) -> None:
    takes = dict.fromkeys(args.take_second, 2)
    mask = adjudicate(first.mask, second.mask, schema=first.schema, takes=takes)
    new = desk.fix_and_accept(args.first, mask)
    desk.reject(args.second, f"Settled together with #{args.first}, as `{new}`. Thank you.")
    print(f"settled as {new}: #{args.first} is merged, #{args.second} is closed")
