"""`python -m bench.wide_crops`: crops of whole photos in every frame that the parser may use.

The embedded checkpoint learned wide frames from such crops: `segface train --synthetic OUT`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from segface_hf.data.folder import find_pairs, read_pair
from segface_hf.data.frames import crop_mask, photo_frames, shared_detector
from segface_hf.labels import CELEBAMASK_HQ, IGNORED
from segface_hf.pipeline.beyond_frame import WIDER
from segface_hf.pipeline.frames import Frame

# Passers-by whose masks say background are left out: at least this share of a face has a label.
_LEAST_LABELED = 0.5


def main() -> int:
    """Writes the crops and their masks to a folder, and prints how many there are."""
    parser = argparse.ArgumentParser(prog="python -m bench.wide_crops", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds images/ and masks/ of whole photos")
    parser.add_argument("out", type=Path, help="a folder for images/ and masks/ of the crops")
    parser.add_argument("--without", type=Path, help="leave out the photos that this file names")
    parser.add_argument("--side", type=int, default=384, help="side of the crops in pixels")
    args = parser.parse_args()
    left_out = set(args.without.read_text(encoding="utf-8").split()) if args.without else set()
    detector, count = shared_detector(), 0
    for kind in ("images", "masks"):
        (args.out / kind).mkdir(parents=True, exist_ok=True)
    for pair in find_pairs(args.folder):
        if pair.stem in left_out:
            continue
        image, mask = read_pair(pair, CELEBAMASK_HQ)
        for number, face in enumerate(photo_frames(image, mask, CELEBAMASK_HQ, detector=detector)):
            if not _is_labeled(mask, face):
                continue
            for frame in (face, *(wider.frame(face) for wider in WIDER)):
                ids = crop_mask(mask, frame, args.side)
                if not ((ids != 0) & (ids != IGNORED)).any():
                    continue
                stem = f"{pair.stem}-{number}-{round(frame.side / face.side, 1)}"
                crop = Image.fromarray(np.asarray(frame.crop(image, args.side)))
                crop.save(args.out / "images" / f"{stem}.jpg", quality=92)
                Image.fromarray(ids).save(args.out / "masks" / f"{stem}.png")
                count += 1
    print(f"{count} crops in {args.out}")
    return 0


def _is_labeled(mask: np.ndarray, face: Frame) -> bool:
    """Whether the middle of a face frame is not background."""
    return float((crop_mask(mask, face.scaled(0.5), 64) != 0).mean()) >= _LEAST_LABELED


if __name__ == "__main__":
    sys.exit(main())
