"""`python -m annotate init`: sets a dataset up for contributions."""

from __future__ import annotations

import argparse
import sys

from annotate.cli import _places
from annotate.correction import DEFAULT_LICENCE
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS

HELP = "set a dataset on the Hub up for contributions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("--schema", choices=sorted(SCHEMAS), help=f"{CELEBAMASK_HQ.name} if new")
    parser.add_argument("--licence", help=f"of the contributions; {DEFAULT_LICENCE} if new")
    parser.add_argument("--private", action="store_true", help="create it as a private dataset")


def run(args: argparse.Namespace) -> int:
    """Creates what is missing, says what is there then, and returns 1 if it isn't what was asked.

    A dataset that was set up before stays as it is, whatever the options say.
    """
    store = _places.hub_store(args)
    schema = SCHEMAS[args.schema or CELEBAMASK_HQ.name]
    store.create(schema, licence=args.licence or DEFAULT_LICENCE, private=args.private)
    block, private = store.block, store.repo.private()
    print(
        f"{args.repo} takes contributions of '{block['schema']}' masks under {block['licence']}, "
        f"and is {'private' if private else 'public'}."
    )
    asked = (
        (f"--schema {args.schema}", args.schema in (None, block["schema"])),
        (f"--licence {args.licence}", args.licence in (None, block["licence"])),
        ("--private", private or not args.private),
    )
    if missed := [option for option, done in asked if not done]:
        told = f"it was there before and stays as it is, without {', '.join(missed)}: "
        print(told + "name a new dataset, or change this one on its page", file=sys.stderr)
    return 1 if missed else 0
