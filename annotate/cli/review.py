"""Commands of the review: list, show, accept, ask, reject, fix and compare contributions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from annotate.cli import arguments
from annotate.dataset import layout
from annotate.dataset.folder import FolderStore
from annotate.dataset.refresh import mirror
from annotate.errors import MergedError, ReviewError
from annotate.label_maps import swapped, without_islands
from annotate.review.compare import Comparison, RowSide, compare, settle
from annotate.review.folder import FolderReviewer
from annotate.review.inspection import RowInspection
from annotate.review.reviewer import Reviewer
from segface_hf._utils import counted
from segface_hf.cli.arguments import whole
from segface_hf.cli.program import Functions

_WHICH = "number of its pull request, or the first digits of its content id"


def _number(reviewer: Reviewer, which: int | str) -> int:
    """Returns the pull request of an open contribution that is named by number or id."""
    if isinstance(which, int):
        return which
    numbers = {each.id: each.request.number for each in reviewer.open()}
    content_id = arguments.whole_id(which, numbers, among="open contributions")
    if content_id not in numbers:
        raise ReviewError(f"no open contribution is {content_id}: see `list`")
    return numbers[content_id]


def _folder_row(reviewer: FolderReviewer, which: int | str) -> str:
    """Returns the content id of a row of a folder that is named by its first digits."""
    if isinstance(which, int):
        raise ReviewError(f"a folder has no pull request {which}: give digits that `list` shows")
    return arguments.whole_id(which, reviewer.ids(), among=f"rows of {reviewer.store.root}")


def _add_list(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo_or_folder(parser)
    parser.add_argument("--check", action="store_true", help="fetch each and run the checks")


def _list(args: argparse.Namespace) -> int:
    """Prints one line for each open contribution."""
    if args.folder:
        return _list_folder(args)
    reviewer = Reviewer(arguments.hub_store(args))
    waiting = reviewer.open()
    for contribution in waiting:
        request = contribution.request
        print(f"#{request.number}  {contribution.id}  {request.author}  {request.url}")
        if args.check:
            seen = reviewer.inspect(request.number)
            print(f"    commit {seen.contribution.head}")
            _print_findings(seen, indent=4)
    print(counted(len(waiting), "open contribution"))
    return 0


def _list_folder(args: argparse.Namespace) -> int:
    reviewer = FolderReviewer(FolderStore(args.folder))
    waiting = reviewer.open()
    for row in waiting:
        name = arguments.printable(row.contributor) or "(no account)"
        print(f"{row.id}  {name}  {row.created_at:%Y-%m-%d %H:%M}")
        if args.check:
            _print_findings(reviewer.inspect(row.id), indent=4)
    print(f"{counted(len(waiting), 'row')} to review")
    return 0


def _add_show(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo_or_folder(parser)
    arguments.add_mirror(parser)
    parser.add_argument("which", type=arguments.request_or_id, help=_WHICH)
    parser.add_argument("--out", type=Path, metavar="PNG", help="write the pictures here")


def _show(args: argparse.Namespace) -> int:
    """Prints an inspection; returns 1 where a check forbids accepting the contribution."""
    seen = _inspect_in_folder(args) if args.folder else _inspect_on_hub(args)
    _print_row(seen)
    if args.out and seen.correction is not None:
        side_by_side(list(seen.pictures().values())).save(args.out)
        print(f"photo, prediction, correction, difference: {args.out}")
    return 0 if seen.acceptable else 1


def _inspect_in_folder(args: argparse.Namespace) -> RowInspection:
    reviewer = FolderReviewer(FolderStore(args.folder))
    content_id = _folder_row(reviewer, args.which)
    seen = reviewer.inspect(content_id)
    print(content_id)
    return seen


def _inspect_on_hub(args: argparse.Namespace) -> RowInspection:
    store = arguments.hub_store(args)
    reviewer = Reviewer(store, rows=mirror(store.repo, args.mirror) if args.mirror else None)
    seen = reviewer.inspect(_number(reviewer, args.which))
    request = seen.contribution.request
    print(f"#{request.number} by {request.author}: {seen.contribution.id}")
    print(f"  commit {seen.contribution.head}")
    return seen


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Returns pictures of one size in a row."""
    width, height = pictures[0].size
    row = Image.new("RGB", (width * len(pictures), height))
    for index, picture in enumerate(pictures):
        row.paste(picture, (index * width, 0))
    return row


def _print_row(seen: RowInspection) -> None:
    _print_findings(seen, indent=2)
    for other in seen.same_photo:
        print(f"  = the same photo as {other}: compare the two")
    for numbers in seen.classes:
        if numbers.first != numbers.second or numbers.first != numbers.both:
            agreement = f"{numbers.iou:.3f}" if numbers.iou is not None else "-"
            print(f"  {numbers.name:12} {numbers.first:9} -> {numbers.second:9}  IoU {agreement}")


def _print_findings(seen: RowInspection, *, indent: int) -> None:
    for finding in seen.findings:
        mark = "!" if finding.blocks else "-"
        print(f"{' ' * indent}{mark} {finding.check}: {finding.sentence}")


def _add_accept(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo_or_folder(parser)
    arguments.add_mirror(parser)
    arguments.add_head(parser)
    parser.add_argument("which", type=arguments.request_or_id, nargs="+", help=_WHICH)


def _accept(args: argparse.Namespace) -> int:
    """Merges what can be merged, and updates the card; in a folder, notes the acceptance."""
    if args.folder:
        return _accept_in_folder(args)
    (head,) = args.head
    if head and len(args.which) > 1:
        raise ReviewError("--head is the commit of one contribution: accept the others apart")
    store = arguments.hub_store(args)
    reviewer = Reviewer(store, rows=mirror(store.repo, args.mirror) if args.mirror else None)
    refused = merged = 0
    try:
        for which in args.which:
            try:
                number = _number(reviewer, which)
                reviewer.accept(number, head=head)
                print(f"#{number} is merged")
                merged += 1
            except ReviewError as error:
                print(error, file=sys.stderr)
                refused += 1
                merged += isinstance(error, MergedError)
    finally:
        if merged:
            arguments.update_card(args)
    return 1 if refused else 0


def _accept_in_folder(args: argparse.Namespace) -> int:
    reviewer, refused = FolderReviewer(FolderStore(args.folder)), 0
    for which in args.which:
        try:
            content_id = _folder_row(reviewer, which)
            reviewer.accept(content_id)
            print(f"{content_id} is accepted")
        except ReviewError as error:
            print(error, file=sys.stderr)
            refused += 1
    return 1 if refused else 0


def _add_ask(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("which", type=arguments.request_or_id, help=_WHICH)
    parser.add_argument("text", help="what to change")


def _ask(args: argparse.Namespace) -> int:
    """Writes a comment."""
    reviewer = Reviewer(arguments.hub_store(args))
    number = _number(reviewer, args.which)
    reviewer.ask(number, args.text)
    print(f"the contributor of #{number} is asked")
    return 0


def _add_reject(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo_or_folder(parser)
    parser.add_argument("which", type=arguments.request_or_id, help=_WHICH)
    parser.add_argument("reason", help="why; the contributor is shown it")


def _reject(args: argparse.Namespace) -> int:
    """Closes the pull request; in a folder, takes the row down."""
    if args.folder:
        folder = FolderReviewer(FolderStore(args.folder))
        content_id = _folder_row(folder, args.which)
        folder.reject(content_id, args.reason)
        print(f"{content_id} is taken down")
        return 0
    reviewer = Reviewer(arguments.hub_store(args))
    number = _number(reviewer, args.which)
    reviewer.reject(number, args.reason)
    print(f"#{number} is closed")
    return 0


def _add_fix(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("which", type=arguments.request_or_id, help=_WHICH)
    arguments.add_head(parser)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--mask", type=Path, metavar="PNG", help="the right mask, ids in mode L")
    how.add_argument("--swap-sides", action="store_true", help="exchange left and right classes")
    how.add_argument(
        "--islands", type=whole(1), metavar="PIXELS", help="absorb parts of fewer pixels than this"
    )


def _fix(args: argparse.Namespace) -> int:
    """Replaces the mask and merges the contribution."""
    if args.mask and not args.mask.is_file():
        raise ReviewError(f"no such file '{args.mask}': expected a mask of ids as PNG")
    reviewer = Reviewer(arguments.hub_store(args))
    number = _number(reviewer, args.which)
    seen = reviewer.inspect(number)
    correction, (head,) = seen.correction, args.head
    if correction is None:
        raise ReviewError(f"#{number} holds no row that could be fixed: see `show`")
    if args.mask:
        from segface_hf.data.folder import read_mask

        mask = read_mask(args.mask, correction.schema)
    elif args.swap_sides:
        mask = swapped(correction.mask, correction.schema.mirror_ids)
    else:
        mask = without_islands(correction.mask, smaller_than=args.islands)
    with arguments.card_updated_after(args):
        # A mask that was made from one commit must not be merged with the photo of another.
        new = reviewer.fix_and_accept(number, mask, head=head or seen.contribution.head)
        print(f"#{number} is merged as {new}")
    return 0


def _add_compare(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("first", type=arguments.request_or_id, help=_WHICH)
    parser.add_argument(
        "second",
        type=arguments.request_or_id,
        help="another one with the same photo, or the content id of a row of the dataset",
    )
    arguments.add_head(parser, many=2)
    parser.add_argument("--map", type=Path, metavar="PNG", help="write where they differ")
    parser.add_argument(
        "--take-second",
        type=int,
        nargs="*",
        metavar="DISPUTE",
        help="settle: the second is right in these disputes, the first in all others; the first "
        "is merged with the settled mask, the second is closed; a row of the dataset stays",
    )


def _compare(args: argparse.Namespace) -> int:
    """Prints agreement by class and the disputes; settles them where that is asked for."""
    reviewer = Reviewer(arguments.hub_store(args))
    first, second = _number(reviewer, args.first), _other(reviewer, args.second)
    found = compare(reviewer, first, second)
    opened = [side for side in (found.first, found.second) if side.number]
    _print_comparison(found, opened)
    if args.map:
        Image.fromarray(np.uint8(255) * found.agreement.disagreement).save(args.map)
    if args.take_second is not None:
        heads = _heads(args.head, opened)
        with arguments.card_updated_after(args):
            new = settle(reviewer, first, second, takes_second=args.take_second, heads=heads)
            print(f"settled as {new}: {_outcome(found)}")
    return 0


def _print_comparison(found: Comparison, opened: Sequence[RowSide]) -> None:
    for side in opened:
        print(f"{side.name} is commit {side.head}")
    share, kappa = found.agreement.share, found.agreement.kappa
    print(f"they agree on {share:.2%} of the pixels, kappa {kappa:.3f}")
    for each in found.agreement.classes:
        if each.iou is not None:
            print(f"  {each.name:12} {each.first:9} {each.second:9}  IoU {each.iou:.3f}")
    for dispute in found.disputes:
        where = f"{dispute.pixels} pixels in {dispute.box}"
        print(f"  dispute {dispute.number}: {dispute.first} or {dispute.second}, {where}")


def _outcome(found: Comparison) -> str:
    """Returns what settling does to the two."""
    first, second = found.first.name, found.second
    if second.number:
        return f"{first} is merged, {second.name} is closed"
    stays = second.correction.content_id
    return f"{first} is merged, row {stays} stays: take it down where one of the two is enough"


def _other(reviewer: Reviewer, which: int | str) -> int | str:
    """Returns the pull request of an open contribution, or the content id of a row."""
    if isinstance(which, int):
        return which
    numbers = {each.id: each.request.number for each in reviewer.open()}
    rows = {layout.id_at(path) or "" for path in reviewer.store.repo.paths()} - {""}
    found = arguments.whole_id(which, {*numbers, *rows}, among="contributions and rows")
    return found if found in rows else numbers.get(found, found)


def _heads(given: Sequence[str], opened: Sequence[RowSide]) -> dict[int, str]:
    """Returns the commit that was looked at, by pull request."""
    if not any(given):
        return {side.number: side.head for side in opened}
    if len(given) != len(opened):
        raise ReviewError(
            f"--head takes one commit for each pull request: expected {len(opened)}, got "
            f"{len(given)}"
        )
    return {side.number: head for side, head in zip(opened, given, strict=True)}


COMMANDS = {
    "list": Functions(_add_list, _list),
    "show": Functions(_add_show, _show),
    "accept": Functions(_add_accept, _accept),
    "ask": Functions(_add_ask, _ask),
    "reject": Functions(_add_reject, _reject),
    "fix": Functions(_add_fix, _fix),
    "compare": Functions(_add_compare, _compare),
}
