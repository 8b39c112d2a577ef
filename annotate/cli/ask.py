"""`python -m annotate ask`: asks the contributor for changes."""

from __future__ import annotations

import argparse

from annotate.cli import _places
from annotate.review.reviewer import Reviewer

HELP = "ask the contributor for changes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("number", type=int, help="number of the pull request")
    parser.add_argument("text", help="what to change")


def run(args: argparse.Namespace) -> int:
    """Writes a comment."""
    Reviewer(_places.hub_store(args)).ask(args.number, args.text)
    print(f"the contributor of #{args.number} is asked")
    return 0
