"""`python -m annotate list`: the contributions that wait for a decision."""

from __future__ import annotations

import argparse

from annotate.cli import _places
from annotate.review.reviewer import Reviewer
from segface_hf._utils import counted

HELP = "list the contributions that wait for a decision"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("--check", action="store_true", help="fetch each and run the checks")


def run(args: argparse.Namespace) -> int:
    """Prints one line a contribution."""
    reviewer = Reviewer(_places.hub_store(args))
    waiting = reviewer.open()
    for contribution in waiting:
        request = contribution.request
        print(f"#{request.number}  {contribution.id}  {request.author}  {request.url}")
        if args.check:
            seen = reviewer.inspect(request.number)
            print(f"    commit {seen.contribution.head}")
            for finding in seen.findings:
                print(f"    {'!' if finding.blocks else '-'} {finding.check}: {finding.sentence}")
    print(counted(len(waiting), "open contribution"))
    return 0
