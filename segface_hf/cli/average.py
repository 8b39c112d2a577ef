"""`segface average`: one checkpoint from several of the same run, weight by weight."""

from __future__ import annotations

import argparse
from pathlib import Path

from segface_hf._utils import counted
from segface_hf.cli.arguments import DTYPES

HELP = "average checkpoints that come from one start, such as the legs of a run"


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
        help="added to a class's logits from now on, in place of what was: necklace=-2 makes "
        "necklaces rarer",
    )
    parser.add_argument("--out", required=True, help="folder of the new checkpoint; holds none")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of the saved weights")


def _named_number(text: str) -> tuple[str, float]:
    """An argument type: a class and a number."""
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected CLASS=LOGITS, got {text}") from None


def run(args: argparse.Namespace) -> int:
    """Averages and saves; returns 0."""
    import torch

    from segface_hf.modeling.segface import SegFace
    from segface_hf.training.average import mean_of
    from segface_hf.training.card import average_card, check_free, write_checkpoint
    from segface_hf.training.losses import with_class_bias

    out = Path(args.out)
    check_free(out)
    shares = args.shares or [1.0] * len(args.models)
    models = [SegFace.from_pretrained(name) for name in args.models]
    mean = mean_of(models, shares)
    if args.bias:
        mean = with_class_bias(mean, dict(args.bias))
    if args.dtype == "float16":
        mean = mean.to(torch.float16)
    parts = list(zip(args.models, shares, strict=True))
    write_checkpoint(mean, out, average_card(mean.config, parts))
    print(f"{counted(len(args.models), 'checkpoint')} averaged: {args.out}")
    constants = zip(mean.config.labels.names, mean.config.class_bias, strict=False)
    if told := ", ".join(f"{name} {value:+g}" for name, value in constants if value):
        print(f"added to logits: {told}")
    return 0
