"""The command `grow`: from merged rows to the next checkpoint."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from annotate.cli import arguments
from annotate.dataset.folder import FolderStore
from annotate.dataset.refresh import Counted
from annotate.dataset.repo import DatasetRepo, saved_token
from annotate.growth.checks import check_publication
from annotate.growth.grow import default_tag, grow, planned
from annotate.growth.plan import GrowthOptions
from segface_hf._utils import check_device, counted
from segface_hf.cli.arguments import whole
from segface_hf.cli.program import Functions


def _dataset(text: str) -> FolderStore | DatasetRepo:
    """An argument type: a dataset in a folder or on the Hub."""
    if Path(text).is_dir():
        return FolderStore(text)
    return DatasetRepo(arguments.repo_name(text), token=saved_token())


def _tag(text: str) -> str:
    """An argument type: the name of a tag."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", text):
        raise argparse.ArgumentTypeError(f"expected letters, digits, '.', '-', got '{text[:48]}'")
    return text


def _add_grow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset", required=True, type=_dataset, metavar="ORG/NAME|DIR", help="merged corrections"
    )
    parser.add_argument("--model", default="embedded", help="train on from it (default: embedded)")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="run again to resume"
    )
    parser.add_argument("--val", required=True, metavar="DIR", help="photos and masks of the gate")
    parser.add_argument(
        "--data",
        nargs="+",
        default=[],
        metavar="DIR[:WEIGHT]",
        help="old photos to replay so that nothing is forgotten; new rows have a weight of 1, "
        "and a folder without a weight has 3",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="options of the recipe, YAML")
    parser.add_argument(
        "--classes", nargs="+", default=[], metavar="NAME", help="must rise (default: the tail)"
    )
    parser.add_argument(
        "--at-least", type=whole(1), default=1, metavar="N", help="do nothing with fewer new rows"
    )
    parser.add_argument(
        "--keep-suspects", action="store_true", help="train on masks that are probably wrong too"
    )
    parser.add_argument(
        "--publish", type=arguments.repo_name, metavar="ORG/NAME", help="push there"
    )
    parser.add_argument("--tag", type=_tag, help="of the revision (default: growth-N)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--threads", type=whole(0), default=0, help="CPU threads (default: all)")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would happen, and change nothing"
    )


def _print_plan(
    out: Path,
    options: GrowthOptions,
    dataset: FolderStore | DatasetRepo,
    rows_at: Callable[[str], Counted],
) -> int:
    """Prints what a growth would do, after the checks that it begins with."""
    state, base, plan = planned(out, options, dataset, rows_at)
    chosen, recipe = plan.selection, options.recipe()
    commit = f" at {plan.commit[:8]}" if plan.commit else ""
    new, earlier = counted(len(chosen.new), "new row"), len(chosen.earlier)
    print(f"{new} and {earlier} earlier ones of {plan.dataset}{commit}")
    for reason, count in sorted(chosen.reasons().items()):
        print(f"left out: {counted(count, 'row')}: {arguments.printable(reason)}")
    if not options.keep_suspects:
        print(f"masks that {base} contradicts would be set aside")
    replayed = ", ".join(options.data) or "no old photos"
    print(f"would train on from {base} for {recipe['steps']} steps, replaying {replayed}")
    classes = ", ".join(options.classes) or "rare classes"
    print(f"{classes} would have to rise on {counted(plan.validation, 'photo')} of {options.val}")
    print(f"license of the weights: {plan.license(base) or 'not stated'}")
    if options.publish:
        check_publication(options, plan, base, dataset)
        tag = options.tag or default_tag(base)
        print(f"would publish to {options.publish} as {tag} and say so in {plan.dataset}")
    if state.done:
        print(f"done before: {', '.join(state.done)}")
    print("nothing has changed")
    return 0


def _grow(args: argparse.Namespace) -> int:
    """Makes the next checkpoint, or says what would happen."""
    options = GrowthOptions(
        model=args.model,
        val=args.val,
        data=tuple(args.data),
        config=args.config,
        classes=tuple(args.classes),
        keep_suspects=args.keep_suspects,
        publish=args.publish or "",
        tag=args.tag or "",
        device=args.device,
    )
    index = arguments.index_of(args.dataset, reread=True)
    rows_at = arguments.rows_at(args.dataset, copy=None, row_index=index)
    if args.dry_run:
        return _print_plan(args.out, options, args.dataset, rows_at)
    check_device(args.device)
    if args.threads:
        import torch

        torch.set_num_threads(args.threads)
    return grow(args.out, options, args.dataset, rows_at, at_least=args.at_least)


COMMANDS = {"grow": Functions(_add_grow, _grow)}
