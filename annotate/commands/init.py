"""`python -m annotate init`: sets a dataset up for contributions."""

from __future__ import annotations

import argparse

from annotate.commands import _places
from annotate.consent import DEFAULT_LICENCE
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS

HELP = "set a dataset on the Hub up for contributions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("--schema", choices=sorted(SCHEMAS), default=CELEBAMASK_HQ.name)
    parser.add_argument("--licence", default=DEFAULT_LICENCE, help="of the contributions")
    parser.add_argument("--private", action="store_true", help="create it as a private dataset")


def run(args: argparse.Namespace) -> int:
    """Creates the repository and its card where they are missing."""
    store = _places.hub_store(args)
    store.create(SCHEMAS[args.schema], licence=args.licence, private=args.private)
    print(f"{args.repo} takes contributions of '{args.schema}' masks under {args.licence}.")
    return 0
