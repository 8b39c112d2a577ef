"""`python -m annotate show`: one contribution with its numbers, checks and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from annotate.cli import _places
from annotate.review.inspection import Inspection
from annotate.review.reviewer import Reviewer

HELP = "show one contribution: pictures side by side, numbers by class, checks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    _places.add_mirror(parser)
    parser.add_argument("number", type=int, help="number of its pull request")
    parser.add_argument("--out", type=Path, metavar="PNG", help="write the pictures here")


def run(args: argparse.Namespace) -> int:
    """Prints what there is to see; returns 1 where a check forbids accepting it."""
    rows = _places.mirror(_places.hub_store(args).repo, args.mirror) if args.mirror else None
    seen = Reviewer(_places.hub_store(args), rows=rows).inspect(args.number)
    _print(seen)
    if args.out and seen.correction is not None:
        strip(list(seen.pictures().values())).save(args.out)
        print(f"photo, prediction, correction, difference: {args.out}")
    return 0 if seen.acceptable else 1


def strip(pictures: list[Image.Image]) -> Image.Image:
    """Returns pictures of one size side by side."""
    width, height = pictures[0].size
    whole = Image.new("RGB", (width * len(pictures), height))
    for index, picture in enumerate(pictures):
        whole.paste(picture, (index * width, 0))
    return whole


def _print(seen: Inspection) -> None:
    request = seen.contribution.request
    print(f"#{request.number} by {request.author}: {seen.contribution.id}")
    print(f"  commit {seen.contribution.head}")
    for finding in seen.findings:
        print(f"  {'!' if finding.blocks else '-'} {finding.check}: {finding.sentence}")
    for other in seen.same_photo:
        print(f"  = the same photo as {other}: compare the two")
    for numbers in seen.classes:
        if numbers.first != numbers.second or numbers.first != numbers.both:
            agreement = f"{numbers.iou:.3f}" if numbers.iou is not None else "-"
            print(f"  {numbers.name:12} {numbers.first:9} -> {numbers.second:9}  IoU {agreement}")
