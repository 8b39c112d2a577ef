"""`python -m annotate accept`: merges contributions that no check forbids."""

from __future__ import annotations

import argparse
import sys

from annotate.cli import _places
from annotate.dataset.refresh import mirror
from annotate.errors import MergedError, ReviewError
from annotate.review.reviewer import Reviewer

HELP = "merge contributions that no check forbids"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    _places.add_mirror(parser)
    _places.add_head(parser)
    parser.add_argument("numbers", type=int, nargs="+", help="numbers of their pull requests")


def run(args: argparse.Namespace) -> int:
    """Merges what can be merged, and counts the card anew."""
    (head,) = args.head
    if head and len(args.numbers) > 1:
        raise ReviewError("--head is the commit of one contribution: accept the others apart")
    store = _places.hub_store(args)
    reviewer = Reviewer(store, rows=mirror(store.repo, args.mirror) if args.mirror else None)
    refused = merged = 0
    try:
        for number in args.numbers:
            try:
                reviewer.accept(number, head=head)
                print(f"#{number} is merged")
                merged += 1
            except ReviewError as error:
                print(error, file=sys.stderr)
                refused += 1
                merged += isinstance(error, MergedError)
    finally:
        if merged:
            _places.renew(args)
    return 1 if refused else 0
