"""Commands on a whole dataset: init, mirror, card, stats, audit, compact and takedown."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Set
from functools import partial
from pathlib import Path
from typing import Any

from annotate.cli import arguments
from annotate.correction import DEFAULT_LICENSE
from annotate.dataset import layout
from annotate.dataset.audit import Audit, audit
from annotate.dataset.base import DatasetFiles, retry
from annotate.dataset.compact import MOST_FILES, compact
from annotate.dataset.refresh import count_rows, mirror, refresh_card
from annotate.dataset.releases import releases_with
from annotate.dataset.repo import DatasetRepo
from annotate.dataset.stats import Stats
from annotate.dataset.takedown import still_needed, take_down
from annotate.dataset.traces import Trace, of_their_photos, traces, under_all_ids
from annotate.errors import AnnotateError, RemoteError, ReviewError
from segface_hf._utils import counted
from segface_hf.cli.arguments import check_files, whole
from segface_hf.cli.program import Functions
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS

_TOO = "take that id down too if the photo has to go, or use --same-photo"


def _add_init(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("--schema", choices=sorted(SCHEMAS), help=f"{CELEBAMASK_HQ.name} if new")
    parser.add_argument(
        "--license", "--licence", help=f"of the contributions; {DEFAULT_LICENSE} if new"
    )
    parser.add_argument("--private", action="store_true", help="create it as a private dataset")


def _init(args: argparse.Namespace) -> int:
    """Creates what is missing and prints the state; returns 1 if it isn't what was asked for.

    A dataset that was set up before is not changed, whatever the options say.
    """
    store = arguments.hub_store(args)
    schema = SCHEMAS[args.schema or CELEBAMASK_HQ.name]
    store.create(schema, license=args.license or DEFAULT_LICENSE, private=args.private)
    block, private = store.block, store.repo.private()
    print(
        f"{args.repo} takes contributions of '{block['schema']}' masks under {block['licence']}, "
        f"and is {'private' if private else 'public'}."
    )
    asked = (
        (f"--schema {args.schema}", args.schema in (None, block["schema"])),
        (f"--license {args.license}", args.license in (None, block["licence"])),
        ("--private", private or not args.private),
    )
    if missed := [option for option, done in asked if not done]:
        text = f"it existed before and is not changed, so without {', '.join(missed)}: "
        print(text + "name a new dataset, or change this one on its page", file=sys.stderr)
    return 1 if missed else 0


def _add_mirror(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the copy")


def _mirror(args: argparse.Namespace) -> int:
    """Downloads new rows and deletes rows that the dataset no longer has."""
    store = mirror(arguments.hub_store(args).repo, args.out)
    print(f"{args.out} holds {counted(len(store.ids()), 'contribution')}")
    return 0


def _add_card(parser: argparse.ArgumentParser) -> None:
    arguments.add_dataset(parser)


def _card(args: argparse.Namespace) -> int:
    """Commits the card where it changed."""
    dataset = arguments.dataset_of(args)
    row_index = arguments.index_of(dataset, reread=True)
    stats = refresh_card(dataset, arguments.rows_at(dataset, copy=args.mirror, row_index=row_index))
    people = counted(len(stats.contributors), "contributor")
    print(f"the card counts {counted(stats.rows, 'contribution')} by {people}")
    return 0


def _add_stats(parser: argparse.ArgumentParser) -> None:
    arguments.add_dataset(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here")


def _stats(args: argparse.Namespace) -> int:
    """Prints the numbers."""
    check_files(args.json)
    stats = count_rows(arguments.row_columns(args))
    _print_stats(stats)
    if args.json:
        args.json.write_text(json.dumps(stats.to_dict(), indent=2) + "\n", encoding="utf-8")
    return 0


def _print_stats(stats: Stats) -> None:
    hours = stats.seconds / 3600
    rows, photos = counted(stats.rows, "contribution"), counted(stats.photos, "photo")
    print(f"{rows} of {photos}, {hours:.1f} hours of editing")
    print(f"\n{'class':12} {'images':>8} {'pixels':>12}")
    numbers = zip(stats.schema.names, stats.images_by_class, stats.pixels_by_class, strict=True)
    for name, images, pixels in numbers:
        print(f"{name:12} {images:8} {pixels:12}")
    for title, tally in (
        ("contributors", stats.contributors),
        ("label versions", stats.label_versions),
        ("until the week of", {str(monday): total for monday, total in stats.weeks}),
    ):
        print(f"\n{title}")
        for name, count in tally.items():
            print(f"  {arguments.printable(name) or '(no account)':32} {count:6}")


def _add_audit(parser: argparse.ArgumentParser) -> None:
    arguments.add_dataset(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every finding here")


def _audit(args: argparse.Namespace) -> int:
    """Prints each row that is wrong, and counts what is unusual by check."""
    check_files(args.json)
    with arguments.local_rows(args) as rows:
        # A local folder may hold rows without consent; a dataset that others read may not.
        found = audit(rows, shared=not args.folder)
    _print_audit(found, whole=args.json)
    if args.json:
        args.json.write_text(json.dumps(found.to_dict(), indent=2) + "\n", encoding="utf-8")
    return 1 if found.wrong else 0


def _print_audit(found: Audit, *, whole: Path | None) -> None:
    for one in found.wrong:
        row = "" if one.content_id in one.sentence else f"{one.content_id}: "
        print(f"{one.path}: {row}{one.sentence}")
    rows, files = counted(found.rows, "row"), counted(found.files, "file")
    print(f"{rows} of {files} read, {len(found.wrong)} wrong, {len(found.odd)} unusual")
    for name, number in Counter(one.check for one in found.odd).most_common():
        example = next(one for one in found.odd if one.check == name)
        print(f"  {name}: {number}, such as {example.content_id}: {example.sentence}")
    if found.odd:
        print(f"all findings are in {whole}" if whole else "--json FILE writes all findings")


def _add_compact(parser: argparse.ArgumentParser) -> None:
    arguments.add_dataset(parser)
    parser.add_argument("--at-least", type=whole(2), default=50, help="do nothing with fewer files")
    parser.add_argument(
        "--at-most", type=whole(2), default=MOST_FILES, help="rows in one merged file"
    )


def _compact(args: argparse.Namespace) -> int:
    """Compacts until few single files are left."""
    dataset, total = arguments.dataset_of(args), 0
    while (done := compact(dataset, at_least=args.at_least, at_most=args.at_most)).files:
        total += done.files
        moved = (
            f"moved into {done.path}" if done.path else "left single files: merged ones hold them"
        )
        print(f"{counted(done.files, 'contribution')} {moved}")
    print(f"{counted(total, 'file')} compacted")
    return 0


def _add_takedown(parser: argparse.ArgumentParser) -> None:
    arguments.add_dataset(parser)
    parser.add_argument(
        "ids",
        nargs="*",
        type=arguments.id_prefix,
        metavar="CONTENT_ID",
        help="a content id, or its first 8 digits or more",
    )
    parser.add_argument("--contributor", metavar="ACCOUNT", help="everything by this account")
    parser.add_argument("--reason", default="", help="kept in the tombstone, which all can read")
    parser.add_argument(
        "--same-photo", action="store_true", help="also the other rows with a photo of these"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would go, and change nothing"
    )


def _takedown(args: argparse.Namespace) -> int:
    """Removes rows, leaves tombstones, updates the card, closes pull requests."""
    if not args.ids and not args.contributor:
        raise ReviewError("nothing to take down: name content ids, or an account by --contributor")
    facts = _facts(args)
    dataset = arguments.dataset_of(args)
    repo = dataset if isinstance(dataset, DatasetRepo) else None
    held = {row["content_id"] for row in facts} | _singles(dataset)
    among = traces(repo, held=held) if repo else ()
    known = {row["content_id"]: row["photo_id"] for row in facts}
    ids = held.union(*(trace.ids for trace in among))
    args.ids = [arguments.whole_id(i, ids, among="contributions") for i in args.ids]
    named = _named(args, facts, among)
    if args.same_photo:
        named |= _with_a_photo_of(under_all_ids(named, among), known)
    ids = under_all_ids(named, among)
    mine = [t for t in among if t.ids & ids or _waits_from(t, args.contributor)]
    if args.dry_run:
        _print_plan(ids, known, held, mine)
        _print_releases(dataset, ids)
        print("nothing has changed")
        return 0
    done = take_down(dataset, ids, reason=args.reason)
    removed, left = counted(len(done.removed), "row"), counted(len(done.marked), "tombstone")
    print(f"{removed} removed, {left} left")
    for why in done.unread:
        print(
            f"a merged file may still hold them, because it can't be read: {why}", file=sys.stderr
        )
    arguments.update_card(args)
    _print_releases(dataset, ids)
    for content_id in sorted(ids - named):
        print(f"{content_id} is the same contribution under another id: it gets a tombstone too")
    for content_id in sorted(_with_a_photo_of(ids, known) - ids):
        print(f"{content_id} stays and holds the same photo: {_TOO}")
    photos = {known[content_id] for content_id in ids & known.keys()}
    left_open = 0
    if repo:
        left_open = _close(repo, mine, args.reason)
        try:
            _print_others(repo, mine, among, photos=photos, known=known.keys())
        finally:
            print(still_needed(args.repo, [trace.request.number for trace in mine]))
    return 1 if done.unread or left_open else 0


def _with_a_photo_of(ids: Set[str], known: Mapping[str, str]) -> set[str]:
    """Returns the rows that hold the same pixels as one of some rows, themselves included."""
    photos = {known[content_id] for content_id in ids & known.keys()}
    return {content_id for content_id, photo in known.items() if photo in photos}


def _print_plan(
    ids: Set[str], known: Mapping[str, str], held: Set[str], mine: Collection[Trace]
) -> None:
    for content_id in sorted(ids):
        state = "would go" if content_id in held else "is not a row: it would get a tombstone"
        print(f"{content_id} {state}")
    for content_id in sorted(_with_a_photo_of(ids, known) - ids):
        print(f"{content_id} would stay and holds the same photo: add --same-photo")
    for number in (trace.request.number for trace in mine if trace.open):
        print(f"#{number} would be closed")


def _print_releases(dataset: DatasetFiles, ids: Set[str]) -> None:
    """Prints the checkpoints that were trained on rows; a damaged list must not stop a takedown."""
    try:
        for release, rows in retry(partial(releases_with, dataset, ids)):
            print(
                f"{release} was trained on {', '.join(sorted(rows))}: the next `grow` leaves "
                "out what was taken down, but these weights keep what they learned"
            )
    except AnnotateError as error:
        print(f"checkpoints that were trained on them can't be listed: {error}", file=sys.stderr)


def _facts(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Reads ids and photos of the rows; a damaged row must not prevent a takedown."""
    try:
        return list(arguments.row_columns(args).columns(["content_id", "contributor", "photo_id"]))
    except AnnotateError as error:
        if args.contributor:
            raise
        print(f"rows with the same photo can't be searched: {error}", file=sys.stderr)
        return []


def _singles(dataset: DatasetFiles) -> set[str]:
    return {content_id for path in retry(dataset.paths) if (content_id := layout.id_at(path))}


def _named(
    args: argparse.Namespace, facts: Collection[dict[str, Any]], among: Collection[Trace]
) -> set[str]:
    """Returns the ids to take down: those named, and an account's, without rows of others."""
    if not args.contributor:
        return set(args.ids)
    mine, others = set[str](), set[str]()
    for row in facts:
        (mine if row["contributor"] == args.contributor else others).add(row["content_id"])
    mine.update(*(trace.ids for trace in among if trace.request.author == args.contributor))
    if not (named := {*args.ids, *(mine - others)}):
        raise ReviewError(f"the dataset has nothing by '{args.contributor}'")
    return named


def _waits_from(trace: Trace, account: str | None) -> bool:
    return trace.open and trace.request.author == account


def _close(repo: DatasetRepo, mine: Collection[Trace], reason: str) -> int:
    """Closes open requests; returns how many could not be closed."""
    left = 0
    for number in (trace.request.number for trace in mine if trace.open):
        close = partial(repo.close, number, comment=reason.strip() or "It was taken down.")
        try:
            retry(close, longest=arguments.LONGEST)
            print(f"#{number} is closed")
        except RemoteError as error:  # the others must not stay open because of it
            print(f"#{number} is still open ({error}): run this again", file=sys.stderr)
            left += 1
    return left


def _print_others(
    repo: DatasetRepo,
    mine: Collection[Trace],
    among: Collection[Trace],
    *,
    photos: Set[str],
    known: Set[str],
) -> None:
    """Prints the other pull requests with the same photo, except those whose rows are known."""
    unknown = [trace for trace in mine if not trace.ids & known]
    others = [trace for trace in among if trace not in mine and not trace.ids <= known]
    for trace in of_their_photos(repo, unknown, others, photos=photos):
        request, named = trace.request, ", ".join(sorted(trace.ids))
        print(f"{request.revision} ({request.status}) holds the same photo, as {named}: {_TOO}")


COMMANDS = {
    "init": Functions(_add_init, _init),
    "mirror": Functions(_add_mirror, _mirror),
    "card": Functions(_add_card, _card),
    "stats": Functions(_add_stats, _stats),
    "audit": Functions(_add_audit, _audit),
    "compact": Functions(_add_compact, _compact),
    "takedown": Functions(_add_takedown, _takedown),
}
