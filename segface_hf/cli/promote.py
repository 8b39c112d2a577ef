"""`segface promote`: decides whether a checkpoint may replace the current one."""

from __future__ import annotations

import argparse
from pathlib import Path

from segface_hf._utils import check_device
from segface_hf.cli.arguments import whole

HELP = "compare a retrained checkpoint with the current one, and decide whether it may replace it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--candidate", required=True, help="the checkpoint to promote")
    parser.add_argument(
        "--current", default="embedded", help="the one in use (default: %(default)s)"
    )
    parser.add_argument("--val", required=True, help="data folder that neither was trained on")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder for gate.json and gate.html"
    )
    parser.add_argument(
        "--classes", nargs="+", metavar="NAME", help="classes that must rise (default: the tail)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--threads", type=whole(0), default=0, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Evaluates both, writes the report; returns 0 if the candidate passed and 1 if not."""
    import torch

    from segface_hf.evaluation.gate import PASSED
    from segface_hf.evaluation.promote import promote

    if args.threads:
        torch.set_num_threads(args.threads)
    check_device(args.device)
    values = promote(
        args.candidate,
        args.current,
        args.val,
        Path(args.out),
        chosen=args.classes or (),
        device=args.device,
    )
    print(values["sentence"])
    print(f"report: {Path(args.out) / 'gate.html'}")
    return 0 if values["verdict"] == PASSED else 1
