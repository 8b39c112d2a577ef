"""`python -m annotate fix`: replaces the mask of a contribution and merges it."""

from __future__ import annotations

import argparse
from pathlib import Path

from annotate.cli import _places
from annotate.errors import ReviewError
from annotate.label_maps import swapped, without_islands
from annotate.review.reviewer import Reviewer
from segface_hf.cli.arguments import whole

HELP = "fix a contribution's mask and merge it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument("number", type=int, help="number of the pull request")
    _places.add_head(parser)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--mask", type=Path, metavar="PNG", help="the right mask, ids in mode L")
    how.add_argument("--swap-sides", action="store_true", help="exchange left and right classes")
    how.add_argument(
        "--islands", type=whole(1), metavar="PIXELS", help="absorb parts of fewer pixels than this"
    )


def run(args: argparse.Namespace) -> int:
    """Fixes and merges."""
    if args.mask and not args.mask.is_file():
        raise ReviewError(f"no such file '{args.mask}': expected a mask of ids as PNG")
    reviewer = Reviewer(_places.hub_store(args))
    seen = reviewer.inspect(args.number)
    correction, (head,) = seen.correction, args.head
    if correction is None:
        raise ReviewError(f"#{args.number} holds no row that could be fixed: see `show`")
    if args.mask:
        from segface_hf.data.folder import read_mask

        mask = read_mask(args.mask, correction.schema)
    elif args.swap_sides:
        mask = swapped(correction.mask, correction.schema.mirror_ids)
    else:
        mask = without_islands(correction.mask, smaller_than=args.islands)
    with _places.followed(args):
        # A mask that was made from one commit must not land on the photo of another.
        new = reviewer.fix_and_accept(args.number, mask, head=head or seen.contribution.head)
        print(f"#{args.number} is merged as {new}")
    return 0
