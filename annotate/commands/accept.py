"""`python -m annotate accept`: merges contributions that no check forbids."""

from __future__ import annotations

import argparse
import sys

from annotate.bookkeeping import mirror, refresh_card
from annotate.commands import _places
from annotate.errors import ReviewError
from annotate.review import Desk

HELP = "merge contributions that no check forbids"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    _places.add_mirror(parser)
    parser.add_argument("numbers", type=int, nargs="+", help="numbers of their pull requests")


def run(args: argparse.Namespace) -> int:
    """Merges what can be merged, and counts the card anew where there is a mirror."""
    store, refused = _places.hub_store(args), 0
    desk = Desk(store, rows=mirror(store.repo, args.mirror) if args.mirror else None)
    for number in args.numbers:
        try:
            desk.accept(number)
            print(f"#{number} is merged")
        except ReviewError as error:
            print(error, file=sys.stderr)
            refused += 1
    if args.mirror and refused < len(args.numbers):
        refresh_card(store.repo, mirror(store.repo, args.mirror), repo_id=args.repo)
    return 1 if refused else 0
