"""`segface atlas`: what each attention head looks for, and what is lost without it."""

from __future__ import annotations

import argparse
from pathlib import Path

from segface_hf.cli.arguments import whole

HELP = "say what each attention head looks for, and what is lost without it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--data", required=True, help="folder with images/ and masks/ of crops")
    parser.add_argument(
        "--model", help="checkpoint folder, org/name or hub:... (default: the embedded one)"
    )
    parser.add_argument(
        "--photos", type=whole(1), default=40, help="how many photos (default: %(default)s)"
    )
    parser.add_argument("--out", required=True, help="folder for atlas.html and atlas.json")


def run(args: argparse.Namespace) -> int:
    """Makes the atlas; returns 0."""
    from segface_hf.checkpoints.files import EMBEDDED
    from segface_hf.data.folder import find_pairs
    from segface_hf.explain.atlas import make_atlas
    from segface_hf.explain.atlas_report import atlas_json, atlas_page, findings
    from segface_hf.explain.report import write_report
    from segface_hf.modeling.segface import SegFace

    pairs = find_pairs(args.data)[: args.photos]
    atlas = make_atlas(SegFace.from_pretrained(args.model or EMBEDDED), pairs)
    print(*findings(atlas), sep="\n")
    folder = Path(args.out)
    write_report(folder, "atlas", atlas_page(atlas), atlas_json(atlas))
    print(folder / "atlas.html")
    return 0
