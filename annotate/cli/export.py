"""`python -m annotate export`: a dataset in the format of another tool."""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

from annotate.cli import _places
from annotate.errors import StoreError
from annotate.exchange import EXPORTS, NEXT_STEPS
from annotate.rows.record import from_row
from segface_hf._utils import counted

HELP = "export a dataset to folders, COCO, CVAT or Label Studio"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)
    parser.add_argument("--format", required=True, choices=sorted(EXPORTS))
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new folder")


def run(args: argparse.Namespace) -> int:
    """Writes photos and annotations."""
    with _places.rows_of(args) as rows:
        corrections = (from_row(row) for row in rows.rows())
        first = next(corrections, None)
        if first is None:
            dataset = args.folder or args.repo
            raise StoreError(f"{dataset} holds no contributions: nothing to export")
        count = EXPORTS[args.format](chain([first], corrections), args.out)
    print(f"{counted(count, 'contribution')} written to {args.out}")
    if args.format in NEXT_STEPS:
        print(f"Next: {NEXT_STEPS[args.format](args.out)}")
    return 0
