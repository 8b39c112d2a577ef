"""`python -m annotate compact`: many small files become larger ones."""

from __future__ import annotations

import argparse

from annotate.cli import _places
from annotate.dataset.compact import MOST_FILES, compact
from segface_hf._utils import counted
from segface_hf.cli.arguments import whole

HELP = "merge many files of one row into larger files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)
    parser.add_argument("--at-least", type=whole(2), default=50, help="do nothing with fewer files")
    parser.add_argument(
        "--at-most", type=whole(2), default=MOST_FILES, help="rows in one merged file"
    )


def run(args: argparse.Namespace) -> int:
    """Compacts until few single files are left."""
    place, total = _places.place_of(args), 0
    while (done := compact(place, at_least=args.at_least, at_most=args.at_most)).files:
        total += done.files
        moved = (
            f"moved into {done.path}" if done.path else "left single files: merged ones hold them"
        )
        print(f"{counted(done.files, 'contribution')} {moved}")
    print(f"{counted(total, 'file')} compacted")
    return 0
