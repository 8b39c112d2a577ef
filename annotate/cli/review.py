"""Commands of the review: list, show, accept, ask, reject, fix and compare contributions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from annotate.cli import arguments
from annotate.dataset.layout import is_content_id
from annotate.dataset.refresh import mirror
from annotate.errors import MergedError, ReviewError
from annotate.label_maps import swapped, without_islands
from annotate.review.compare import Comparison, Side, compare, settle
from annotate.review.inspection import Inspection
from annotate.review.reviewer import Reviewer
from segface_hf._utils import counted
from segface_hf.cli.arguments import whole
from segface_hf.cli.program import Functions


def _add_list(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("--check", action="store_true", help="fetch each and run the checks")


def _list(args: argparse.Namespace) -> int:
    """Prints one line for each open contribution."""
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


def _add_show(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    arguments.add_mirror(parser)
    parser.add_argument("number", type=int, help="number of its pull request")
    parser.add_argument("--out", type=Path, metavar="PNG", help="write the pictures here")


def _show(args: argparse.Namespace) -> int:
    """Prints an inspection; returns 1 where a check forbids accepting the contribution."""
    rows = mirror(arguments.hub_store(args).repo, args.mirror) if args.mirror else None
    seen = Reviewer(arguments.hub_store(args), rows=rows).inspect(args.number)
    _print_inspection(seen)
    if args.out and seen.correction is not None:
        side_by_side(list(seen.pictures().values())).save(args.out)
        print(f"photo, prediction, correction, difference: {args.out}")
    return 0 if seen.acceptable else 1


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Returns pictures of one size in a row."""
    width, height = pictures[0].size
    row = Image.new("RGB", (width * len(pictures), height))
    for index, picture in enumerate(pictures):
        row.paste(picture, (index * width, 0))
    return row


def _print_inspection(seen: Inspection) -> None:
    request = seen.contribution.request
    print(f"#{request.number} by {request.author}: {seen.contribution.id}")
    print(f"  commit {seen.contribution.head}")
    _print_findings(seen, indent=2)
    for other in seen.same_photo:
        print(f"  = the same photo as {other}: compare the two")
    for numbers in seen.classes:
        if numbers.first != numbers.second or numbers.first != numbers.both:
            agreement = f"{numbers.iou:.3f}" if numbers.iou is not None else "-"
            print(f"  {numbers.name:12} {numbers.first:9} -> {numbers.second:9}  IoU {agreement}")


def _print_findings(seen: Inspection, *, indent: int) -> None:
    for finding in seen.findings:
        mark = "!" if finding.blocks else "-"
        print(f"{' ' * indent}{mark} {finding.check}: {finding.sentence}")


def _add_accept(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    arguments.add_mirror(parser)
    arguments.add_head(parser)
    parser.add_argument("numbers", type=int, nargs="+", help="numbers of their pull requests")


def _accept(args: argparse.Namespace) -> int:
    """Merges what can be merged, and updates the card."""
    (head,) = args.head
    if head and len(args.numbers) > 1:
        raise ReviewError("--head is the commit of one contribution: accept the others apart")
    store = arguments.hub_store(args)
    reviewer = Reviewer(store, rows=mirror(store.repo, args.mirror) if args.mirror else None)
    refused = merged = 0
    try:
        for number in args.numbers:
            try:
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


def _add_ask(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("number", type=int, help="number of the pull request")
    parser.add_argument("text", help="what to change")


def _ask(args: argparse.Namespace) -> int:
    """Writes a comment."""
    Reviewer(arguments.hub_store(args)).ask(args.number, args.text)
    print(f"the contributor of #{args.number} is asked")
    return 0


def _add_reject(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("number", type=int, help="number of the pull request")
    parser.add_argument("reason", help="why; the contributor is shown it")


def _reject(args: argparse.Namespace) -> int:
    """Closes the pull request."""
    Reviewer(arguments.hub_store(args)).reject(args.number, args.reason)
    print(f"#{args.number} is closed")
    return 0


def _add_fix(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("number", type=int, help="number of the pull request")
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
    with arguments.card_updated_after(args):
        # A mask that was made from one commit must not be merged with the photo of another.
        new = reviewer.fix_and_accept(args.number, mask, head=head or seen.contribution.head)
        print(f"#{args.number} is merged as {new}")
    return 0


def _add_compare(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument("first", type=int, help="number of a pull request")
    parser.add_argument(
        "second",
        type=_request_or_row,
        help="number of another one with the same photo, or the id of a row of the dataset",
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
    found = compare(reviewer, args.first, args.second)
    opened = [side for side in (found.first, found.second) if side.number]
    _print_comparison(found, opened)
    if args.map:
        Image.fromarray(np.uint8(255) * found.agreement.disagreement).save(args.map)
    if args.take_second is not None:
        heads = _heads(args.head, opened)
        with arguments.card_updated_after(args):
            new = settle(
                reviewer, args.first, args.second, takes_second=args.take_second, heads=heads
            )
            print(f"settled as {new}: {_outcome(found)}")
    return 0


def _print_comparison(found: Comparison, opened: Sequence[Side]) -> None:
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


def _request_or_row(text: str) -> int | str:
    """An argument type: a pull request's number or a content id."""
    if is_content_id(text):
        return text
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"expected the number of a pull request, or a row's content id of 32 hexadecimal "
            f"digits, got '{text[:48]}'"
        )
    return int(text)


def _heads(given: Sequence[str], opened: Sequence[Side]) -> dict[int, str]:
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
