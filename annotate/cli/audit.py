"""`python -m annotate audit`: reads every row of a dataset and says what is wrong."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from annotate.cli import _places
from annotate.dataset.audit import Audit, audit
from segface_hf._utils import counted
from segface_hf.cli.arguments import check_files

HELP = "read every row as if a stranger had written it, and say what is wrong or odd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found here")


def run(args: argparse.Namespace) -> int:
    """Prints what is wrong row by row, and of what is odd how much there is."""
    check_files(args.json)
    with _places.rows_of(args) as rows:
        # A folder of one's own may hold what was saved without consent; what others have may not.
        found = audit(rows, shared=not args.folder)
    _print(found, whole=args.json)
    if args.json:
        args.json.write_text(json.dumps(found.to_dict(), indent=2) + "\n", encoding="utf-8")
    return 1 if found.wrong else 0


def _print(found: Audit, *, whole: Path | None) -> None:
    for one in found.wrong:
        row = "" if one.content_id in one.sentence else f"{one.content_id}: "
        print(f"{one.path}: {row}{one.sentence}")
    rows, files = counted(found.rows, "row"), counted(found.files, "file")
    print(f"{rows} of {files} read, {len(found.wrong)} wrong, {len(found.odd)} odd")
    for name, number in Counter(one.check for one in found.odd).most_common():
        example = next(one for one in found.odd if one.check == name)
        print(f"  {name}: {number}, such as {example.content_id}: {example.sentence}")
    if found.odd:
        print(f"all of it is in {whole}" if whole else "with --json FILE all of it is written down")
