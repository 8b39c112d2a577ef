"""`segface celebamask`: data folders from CelebAMask-HQ, with whole necklaces and earrings."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from segface_hf._utils import counted
from segface_hf.cli.arguments import whole

HELP = "make data folders of an unpacked CelebAMask-HQ, with whole necklaces and earrings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "source", help="folder that holds CelebA-HQ-img and CelebAMask-HQ-mask-anno"
    )
    parser.add_argument(
        "--out", required=True, help="folder for train/, val/ and test/, as CelebA splits them"
    )
    parser.add_argument(
        "--published-order",
        action="store_true",
        help="paint neck and cloth over necklaces and earrings, as in the published masks: "
        "use it to compare with published scores",
    )
    parser.add_argument("--threads", type=whole(1), default=2, help="faces at a time (default: 2)")


def run(args: argparse.Namespace) -> int:
    """Makes the folders, or resumes; returns 0."""
    from segface_hf._progress import MedianBar
    from segface_hf.data.celebamask import PHOTOS, claim, find_faces, painting, write_face
    from segface_hf.jobs.photos import check_output

    out, faces = Path(args.out), find_faces(Path(args.source))
    check_output(out)
    claim(out, published=args.published_order, split=bool(faces[0].split))
    write = partial(write_face, out=out, order=painting(published=args.published_order))
    pool = ThreadPoolExecutor(args.threads)
    try:
        for _ in MedianBar(pool.map(write, faces), total=len(faces), unit="face"):
            pass
    finally:
        # After an error or Ctrl-C, faces that are still waiting are not written.
        pool.shutdown(cancel_futures=True)
    sets = Counter(face.split for face in faces)
    splits = [f"{name} {sets[name]:,}" for name in ("train", "val", "test") if sets[name]]
    shown = ", ".join(splits) or "one set, because the mapping to CelebA is missing"
    print(f"{counted(len(faces), 'face')} in {out}: {shown}")
    photos = sum(1 for _ in (Path(args.source) / PHOTOS).glob("*.jpg"))
    if photos > len(faces):
        left = counted(photos - len(faces), "photo")
        print(f"left out, because no part is labeled: {left}", file=sys.stderr)
    print("The photos and masks are for non-commercial research and education only.")
    return 0
