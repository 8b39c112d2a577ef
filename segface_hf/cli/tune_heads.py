"""`segface tune-heads`: whether scaling one attention head makes a class better."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "look for the attention head whose scaling makes a class better, by cross-validation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--class", dest="name", required=True, help="the class to improve")
    parser.add_argument(
        "--data", required=True, help="folder with images/ and masks/ that were not trained on"
    )
    parser.add_argument(
        "--model", help="checkpoint folder, org/name or hub:... (default: the embedded one)"
    )
    parser.add_argument("--out", help="new folder for the better checkpoint, if there is one")


def run(args: argparse.Namespace) -> int:
    """Tunes; returns 0."""
    from segface_hf.checkpoints.files import EMBEDDED
    from segface_hf.data.folder import find_pairs
    from segface_hf.explain.tune import tune
    from segface_hf.modeling.segface import SegFace
    from segface_hf.training.card import average_card, check_free, write_checkpoint

    source = args.model or EMBEDDED
    if args.out:
        check_free(Path(args.out))
    model = SegFace.from_pretrained(source)
    found = tune(model, find_pairs(args.data), args.name)
    print(f"F1 of {args.name} on photos that a change was not chosen on:")
    for kind, tuned in found.items():
        gain, (low, high) = tuned.gain
        fell = "".join(f", {name} {by:+.3f}" for name, by in tuned.fallen.items())
        print(f"{kind}: {tuned.best}, {gain:+.4f} ({low:+.4f} to {high:+.4f}){fell}")
    # Of two that help equally, the constant: it is the simpler one.
    helpful = [found[kind] for kind in ("bias", "head") if found[kind].helps]
    if not helpful:
        print("no change helps beyond its interval")
        return 0
    best = max(helpful, key=lambda tuned: tuned.gain[0])
    print(f"best: {best.best}")
    if args.out:
        changed = best.best.apply(model)
        write_checkpoint(changed, Path(args.out), average_card(changed.config, [(source, 1.0)]))
    return 0
