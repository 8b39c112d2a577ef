"""`python -m annotate takedown`: removes contributions by id or contributor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Set
from functools import partial
from typing import Any

from annotate.cli import _places
from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles, retry
from annotate.dataset.repo import DatasetRepo
from annotate.dataset.takedown import still_needed, take_down
from annotate.dataset.traces import Trace, of_their_photos, traces, under_all_ids
from annotate.errors import AnnotateError, RemoteError, ReviewError
from segface_hf._utils import counted

_TOO = "take that id down too if the photo has to go, or use --same-photo"
HELP = "take contributions down, by id or contributor, so that they can't come back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)
    parser.add_argument("ids", nargs="*", metavar="CONTENT_ID")
    parser.add_argument("--contributor", metavar="ACCOUNT", help="everything by this account")
    parser.add_argument("--reason", default="", help="kept in the tombstone, which all can read")
    parser.add_argument(
        "--same-photo", action="store_true", help="also the other rows with a photo of these"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would go, and change nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Removes rows, leaves tombstones, counts anew, closes pull requests, says what is needed."""
    if not args.ids and not args.contributor:
        raise ReviewError("nothing to take down: name content ids, or an account by --contributor")
    facts = _facts(args)
    place = _places.place_of(args)
    repo = place if isinstance(place, DatasetRepo) else None
    held = {row["content_id"] for row in facts} | _singles(place)
    among = traces(repo, held=held) if repo else ()
    known = {row["content_id"]: row["photo_id"] for row in facts}
    named = _named(args, facts, among)
    if args.same_photo:
        named |= _with_a_photo_of(under_all_ids(named, among), known)
    ids = under_all_ids(named, among)
    mine = [t for t in among if t.ids & ids or _waits_from(t, args.contributor)]
    if args.dry_run:
        return _say_what_would_go(ids, known, held, mine)
    done = take_down(place, ids, reason=args.reason)
    removed, left = counted(len(done.removed), "row"), counted(len(done.marked), "tombstone")
    print(f"{removed} removed, {left} left")
    for why in done.unread:
        print(
            f"a merged file may hold them still, because it can't be read: {why}", file=sys.stderr
        )
    _places.renew(args)
    for content_id in sorted(ids - named):
        print(f"{content_id} is the same contribution under another id: it is marked too")
    for content_id in sorted(_with_a_photo_of(ids, known) - ids):
        print(f"{content_id} stays and holds the same photo: {_TOO}")
    photos = {known[content_id] for content_id in ids & known.keys()}
    left_open = 0
    if repo:
        left_open = _close(repo, mine, args.reason)
        try:
            _tell_others(repo, mine, among, photos=photos, known=known.keys())
        finally:
            print(still_needed(args.repo, [trace.request.number for trace in mine]))
    return 1 if done.unread or left_open else 0


def _with_a_photo_of(ids: Set[str], known: Mapping[str, str]) -> set[str]:
    """Returns the rows that hold the same pixels as one of some rows, themselves included."""
    photos = {known[content_id] for content_id in ids & known.keys()}
    return {content_id for content_id, photo in known.items() if photo in photos}


def _say_what_would_go(
    ids: Set[str], known: Mapping[str, str], held: Set[str], mine: Collection[Trace]
) -> int:
    for content_id in sorted(ids):
        state = "would go" if content_id in held else "is no row: it would be marked"
        print(f"{content_id} {state}")
    for content_id in sorted(_with_a_photo_of(ids, known) - ids):
        print(f"{content_id} would stay and holds the same photo: add --same-photo")
    for number in (trace.request.number for trace in mine if trace.open):
        print(f"#{number} would be closed")
    print("nothing has changed")
    return 0


def _facts(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Reads what the rows say; a damaged one must not keep itself and others from going."""
    try:
        return list(_places.counted(args).columns(["content_id", "contributor", "photo_id"]))
    except AnnotateError as error:
        if args.contributor:
            raise
        print(f"rows with the same photo can't be looked for: {error}", file=sys.stderr)
        return []


def _singles(place: DatasetFiles) -> set[str]:
    return {content_id for path in retry(place.paths) if (content_id := layout.id_at(path))}


def _named(
    args: argparse.Namespace, facts: Collection[dict[str, Any]], among: Collection[Trace]
) -> set[str]:
    """Returns the ids that are asked for; an account's, without what the head has from others."""
    if not args.contributor:
        return set(args.ids)
    mine, others = set[str](), set[str]()
    for row in facts:
        (mine if row["contributor"] == args.contributor else others).add(row["content_id"])
    mine.update(*(trace.ids for trace in among if trace.request.author == args.contributor))
    if not (named := {*args.ids, *(mine - others)}):
        raise ReviewError(f"nothing by '{args.contributor}' is there to take down")
    return named


def _waits_from(trace: Trace, account: str | None) -> bool:
    return trace.open and trace.request.author == account


def _close(repo: DatasetRepo, mine: Collection[Trace], reason: str) -> int:
    """Closes what is open; returns how many requests stay open, which it says."""
    left = 0
    for number in (trace.request.number for trace in mine if trace.open):
        close = partial(repo.close, number, comment=reason.strip() or "It was taken down.")
        try:
            retry(close, longest=_places.LONGEST)
            print(f"#{number} is closed")
        except RemoteError as error:  # the others must not stay open because of it
            print(f"#{number} is still open ({error}): run this again", file=sys.stderr)
            left += 1
    return left


def _tell_others(
    repo: DatasetRepo,
    mine: Collection[Trace],
    among: Collection[Trace],
    *,
    photos: Set[str],
    known: Set[str],
) -> None:
    """Names the other pull requests with the same photo, but those whose rows are known."""
    unknown = [trace for trace in mine if not trace.ids & known]
    others = [trace for trace in among if trace not in mine and not trace.ids <= known]
    for trace in of_their_photos(repo, unknown, others, photos=photos):
        request, named = trace.request, ", ".join(sorted(trace.ids))
        print(f"{request.revision} ({request.status}) holds the same photo, as {named}: {_TOO}")
