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
    parser.add_argument("--out", required=True, help="gets train/, val/ and test/ as CelebA has it")
    parser.add_argument(
        "--published-order",
        action="store_true",
        help="paint neck and cloth over necklaces and earrings, as the published masks are: "
        "for scores to compare with published ones",
    )
    parser.add_argument("--threads", type=whole(1), default=2, help="faces at a time (default: 2)")


def run(args: argparse.Namespace) -> int:
    """Makes the folders, or goes on; returns 0."""
    from tqdm import tqdm

    from segface_hf.data.celebamask import PHOTOS, claim, find_faces, painting, write_face
    from segface_hf.jobs.photos import check_output

    out, faces = Path(args.out), find_faces(Path(args.source))
    check_output(out)
    claim(out, published=args.published_order, split=bool(faces[0].split))
    write = partial(write_face, out=out, order=painting(published=args.published_order))
    pool = ThreadPoolExecutor(args.threads)
    try:
        for _ in tqdm(pool.map(write, faces), total=len(faces), unit="face"):
            pass
    finally:
        # Of thirty thousand faces a broken one or Ctrl-C is not to wait for the rest.
        pool.shutdown(cancel_futures=True)
    sets = Counter(face.split for face in faces)
    told = ", ".join(f"{name} {sets[name]:,}" for name in ("train", "val", "test") if sets[name])
    told = told or "one set, for want of the mapping to CelebA"
    print(f"{counted(len(faces), 'face')} in {out}: {told}")
    photos = sum(1 for _ in (Path(args.source) / PHOTOS).glob("*.jpg"))
    if photos > len(faces):
        left = counted(photos - len(faces), "photo")
        print(f"left out, for want of any part: {left}", file=sys.stderr)
    print("The photos and masks are for non-commercial research and education only.")
    return 0
