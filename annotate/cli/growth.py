"""Commands for a growing dataset: `suspects` and `queue`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from annotate.cli import arguments
from annotate.growth import queue
from annotate.growth.suspects import judge_rows, worst_first
from annotate.rows.record import from_row
from segface_hf._utils import counted
from segface_hf.cli.arguments import check_files, whole
from segface_hf.cli.program import Functions
from segface_hf.jobs.photos import find_photos
from segface_hf.parser import FaceParser

_SHOWN = 10


def _add_suspects(parser: argparse.ArgumentParser) -> None:
    arguments.add_dataset(parser)
    parser.add_argument("--model", help="checkpoint that judges (default: the embedded one)")
    parser.add_argument(
        "--top", type=whole(1), default=20, help="rows to print (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every row here")


def _suspects(args: argparse.Namespace) -> int:
    """Prints the rows whose masks are most probably wrong, and why."""
    check_files(args.json)
    parser = FaceParser.from_pretrained(args.model)
    with arguments.local_rows(args) as store:
        rows = worst_first(judge_rows(map(from_row, store.rows()), parser))
    for row in rows[: args.top]:
        if row.found:
            print(f"{row.content_id}  {row.score:.2f}  {'; '.join(map(str, row.found[:3]))}")
    suspects = sum(row.is_suspect for row in rows)
    print(f"{counted(suspects, 'suspect')} in {counted(len(rows), 'row')}")
    if args.json:
        values = [row.to_dict() for row in rows]
        args.json.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return 0


def _add_queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--photos", required=True, metavar="DIR|ORG/NAME", help="photos without masks"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a parquet file")
    parser.add_argument("--model", help="checkpoint that judges (default: the embedded one)")
    held = parser.add_mutually_exclusive_group()
    held.add_argument(
        "--repo", type=arguments.repo_name, metavar="OWNER/NAME", help="the dataset that grows"
    )
    held.add_argument(
        "--folder", type=arguments.folder_there, metavar="DIR", help="the same, in a folder"
    )
    parser.set_defaults(mirror=None)


def _queue(args: argparse.Namespace) -> int:
    """Ranks photos, writes the queue, and prints its beginning."""
    check_files(args.out)
    parser = FaceParser.from_pretrained(args.model)
    has_dataset = args.repo or args.folder
    rows = arguments.row_columns(args).columns(queue.COLUMNS) if has_dataset else ()
    labeled = queue.Labeled.count(rows, parser.schema)
    is_folder = Path(args.photos).is_dir()
    photos = find_photos([args.photos]) if is_folder else queue.photos_of_dataset(args.photos)
    ranked = queue.rank(photos, parser, labeled)
    if is_folder:
        ranked = queue.relative_to(ranked, Path(args.photos))
    queue.write_queue(ranked, args.out)
    for each in ranked[:_SHOWN]:
        print(f"{each.photo}  {each.seconds:.0f} s  {each.reason}")
    print(f"{counted(len(ranked), 'photo')} in {args.out}")
    return 0


COMMANDS = {
    "suspects": Functions(_add_suspects, _suspects),
    "queue": Functions(_add_queue, _queue),
}
