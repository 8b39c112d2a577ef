"""`python -m annotate reject`: closes a contribution with a reason."""

from __future__ import annotations

import argparse

from annotate.cli import _places
from annotate.review.reviewer import Reviewer

HELP = "close a contribution with a reason"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("number", type=int, help="number of the pull request")
    parser.add_argument("reason", help="why; the contributor is shown it")


def run(args: argparse.Namespace) -> int:
    """Closes it."""
    Reviewer(_places.hub_store(args)).reject(args.number, args.reason)
    print(f"#{args.number} is closed")
    return 0
