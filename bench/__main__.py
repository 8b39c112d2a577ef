"""`python -m bench`: speed and memory, as tables on paper and in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from bench import engines, models, photos
from bench.cases import Setup
from bench.machine import describe
from bench.memory import peak_elsewhere
from bench.pictures import portraits
from bench.tables import write_tables
from bench.timing import interleaved, ratio
from segface_hf.checkpoints.files import EMBEDDED

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
BACKBONES = (EMBEDDED, "mobilenet", "swin_base")
# The short form fails below these ratios; real ones are well above, which leaves room for noise.
SHORT_FASTER = 1.6
SHORT_MEMORY = 0.7


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one check of the ratios, for CI")
    parser.add_argument("--repeats", type=int, default=7, help="rounds (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="default: one for each core")
    parser.add_argument("--backbones", nargs="+", default=BACKBONES, metavar="NAME")
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: the process's own time, for machines that are busy; use it with --threads 1",
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--doc", type=Path, default=DOCUMENT, help="the page to update")
    return parser.parse_args()


def main() -> int:
    """Runs the benchmark."""
    args = parse_arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.short:
        return short()
    setup = Setup(args.repeats, args.clock)
    result: dict[str, object] = {"machine": {**describe(), "clock": args.clock}}
    sections = {
        "Paths": lambda: models.by_backbone(args.backbones, setup),
        "Batch": lambda: models.by_batch(EMBEDDED, setup),
        "Asking for less or more": lambda: models.by_request(EMBEDDED, setup),
        "Asking a photo for less or more": lambda: photos.by_wish(setup),
        "Bytes to overlay": lambda: photos.profile(setup),
        "Photos and faces": lambda: photos.by_photo(setup),
        "Many photos": lambda: photos.many(setup),
        "The largest photo": photos.largest,
        "ONNX Runtime or torch": lambda: engines.by_engine(setup),
    }
    for title, measure in sections.items():
        print(f"measuring: {title}", file=sys.stderr, flush=True)
        result[title] = measure()
    print(write_tables(result, args.doc))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


def short() -> int:
    """Checks that the fused path pays, in well under a minute."""
    torch.set_num_threads(1)
    model = models.build("mobilenet")
    pixels = portraits(1, models.SIZE, model.config)
    calls = {name: models.bound(path, model, pixels) for name, path in models.PATHS.items()}
    times = interleaved(calls, repeats=3, clock="cpu")
    faster = ratio(times["plain"], times["fused"])
    peaks = [peak_elsewhere("labels", "mobilenet", name, models.SIZE) for name in calls]
    print(f"fused labels: {faster:.2f} times faster, at least {SHORT_FASTER} is needed")
    good = faster >= SHORT_FASTER
    if peaks[0] is not None and peaks[1] is not None:
        share = peaks[1] / peaks[0]
        print(f"peak memory: {share:.2f} of the plain path's, at most {SHORT_MEMORY} is allowed")
        good = good and share <= SHORT_MEMORY
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
