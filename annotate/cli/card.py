"""`python -m annotate card`: counts a dataset and writes its card anew."""

from __future__ import annotations

import argparse

from annotate.cli import _places
from annotate.dataset.refresh import refresh_card
from segface_hf._utils import counted

HELP = "count a dataset and write its card and growth plot anew"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Commits the card where it changed."""
    place = _places.place_of(args)
    row_index = _places.index_of(place, anew=True)
    stats = refresh_card(place, _places.rows_at(place, copy=args.mirror, row_index=row_index))
    people = counted(len(stats.contributors), "contributor")
    print(f"the card counts {counted(stats.rows, 'contribution')} by {people}")
    return 0
