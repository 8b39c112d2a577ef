"""`python -m annotate card`: counts a dataset and writes its card anew."""

from __future__ import annotations

import argparse

from annotate.bookkeeping import refresh_card
from annotate.commands import _places

HELP = "count a dataset and write its card and growth plot anew"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Commits the card where it changed."""
    with _places.counted(args) as rows:
        stats = refresh_card(_places.place_of(args), rows, repo_id=args.repo or "")
    print(f"the card counts {stats.rows} contributions by {len(stats.contributors)} contributors")
    return 0
