"""`python -m annotate stats`: what a dataset holds."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from annotate.cli import _places
from annotate.dataset.refresh import count_rows
from annotate.dataset.stats import Stats
from segface_hf._utils import counted
from segface_hf.cli.arguments import check_files

HELP = "count images and pixels by class, growth, contributors and label versions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_place(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here")


def run(args: argparse.Namespace) -> int:
    """Prints the numbers."""
    check_files(args.json)
    stats = count_rows(_places.counted(args))
    _print(stats)
    if args.json:
        args.json.write_text(json.dumps(stats.to_dict(), indent=2) + "\n", encoding="utf-8")
    return 0


def _print(stats: Stats) -> None:
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
            print(f"  {name or '(no account)':32} {count:6}")
