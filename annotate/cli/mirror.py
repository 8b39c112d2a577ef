"""`python -m annotate mirror`: a local copy of a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from annotate.cli import _places
from annotate.dataset.refresh import mirror
from segface_hf._utils import counted

HELP = "bring a local copy of a dataset up to date"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the copy")


def run(args: argparse.Namespace) -> int:
    """Downloads what is new and deletes what is gone."""
    store = mirror(_places.hub_store(args).repo, args.out)
    print(f"{args.out} holds {counted(len(store.ids()), 'contribution')}")
    return 0
