"""`python -m annotate takedown`: removes contributions by id or contributor."""

from __future__ import annotations

import argparse

from annotate.commands import _places
from annotate.errors import ReviewError
from annotate.review import Desk
from annotate.takedown import still_needed, take_down

HELP = "take contributions down, by id or contributor, so that they can't come back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)
    parser.add_argument("ids", nargs="*", metavar="CONTENT_ID")
    parser.add_argument("--contributor", metavar="ACCOUNT", help="everything by this account")
    parser.add_argument("--reason", default="", help="kept in the tombstone, which all can read")


def run(args: argparse.Namespace) -> int:
    """Removes rows, leaves tombstones, closes pull requests, and says what is still needed."""
    ids, numbers = set(args.ids), list[int]()
    if not ids and not args.contributor:
        raise ReviewError("nothing to take down: name content ids, or an account by --contributor")
    if args.contributor:
        with _places.counted(args) as rows:
            found = rows.columns(["content_id", "contributor"])
            ids |= {row["content_id"] for row in found if row["contributor"] == args.contributor}
    if args.repo:
        desk = Desk(_places.hub_store(args))
        waiting = [c for c in desk.open() if c.id in ids or c.request.author == args.contributor]
        ids |= {contribution.id for contribution in waiting}
        numbers = desk.numbers_of(ids)
    if not ids:
        raise ReviewError(f"nothing by '{args.contributor}' is there to take down")
    done = take_down(_places.place_of(args), ids, reason=args.reason)
    print(f"{len(done.removed)} rows removed, {len(done.marked)} tombstones left")
    if args.repo:
        for contribution in waiting:
            desk.reject(contribution.request.number, args.reason or "It was taken down.")
            print(f"#{contribution.request.number} is closed")
        print(still_needed(args.repo, numbers))
    return 0
