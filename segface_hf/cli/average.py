"""`segface average`: the mean of several checkpoints of one run."""

from __future__ import annotations

import argparse
from pathlib import Path

from segface_hf._utils import counted
from segface_hf.cli.arguments import DTYPES

HELP = "average checkpoints that were trained from the same weights"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="checkpoint folder, org/name or hub:..."
    )
    parser.add_argument("--shares", nargs="+", type=float, help="weight of each (default: equal)")
    parser.add_argument(
        "--bias",
        nargs="+",
        default=[],
        type=_named_number,
        metavar="CLASS=LOGITS",
        help="constant added to a class's logits, in place of the old one: necklace=-2 makes "
        "necklaces rarer",
    )
    parser.add_argument(
        "--head",
        nargs="+",
        default=[],
        type=_named_number,
        metavar="HEAD=FACTOR",
        help="factor of an attention head's output, in place of the old one: L1.cross.3=0.5",
    )
    parser.add_argument("--out", required=True, help="new folder of the checkpoint")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of the saved weights")


def _named_number(text: str) -> tuple[str, float]:
    """An argument type: a name and a number."""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected NAME=NUMBER, got {text}") from None


def run(args: argparse.Namespace) -> int:
    """Averages and saves; returns 0."""
    import torch

    from segface_hf.modeling.calibration import with_class_bias, with_head_scales
    from segface_hf.modeling.segface import SegFace
    from segface_hf.training.average import mean_of
    from segface_hf.training.card import average_card, check_free, write_checkpoint

    out = Path(args.out)
    check_free(out)
    shares = args.shares or [1.0] * len(args.models)
    models = [SegFace.from_pretrained(name) for name in args.models]
    mean = mean_of(models, shares)
    if args.bias:
        mean = with_class_bias(mean, dict(args.bias))
    if args.head:
        mean = with_head_scales(mean, dict(args.head))
    if args.dtype == "float16":
        mean = mean.to(torch.float16)
    parts = list(zip(args.models, shares, strict=True))
    write_checkpoint(mean, out, average_card(mean.config, parts))
    print(f"{counted(len(args.models), 'checkpoint')} averaged: {args.out}")
    constants = zip(mean.config.labels.names, mean.config.class_bias, strict=False)
    if added := ", ".join(f"{name} {value:+g}" for name, value in constants if value):
        print(f"added to logits: {added}")
    if mean.config.head_scales:
        print(f"heads: {', '.join(f'{name} x {by:g}' for name, by in mean.config.head_scales)}")
    return 0
