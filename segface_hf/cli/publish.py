"""`segface publish`: a checkpoint folder to the Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "push a checkpoint folder to the Hugging Face Hub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the folder, the repository and how to publish."""
    parser.add_argument("folder", metavar="DIR", help="a folder that convert or train wrote")
    parser.add_argument("repo_id", metavar="ORG/NAME", help="the model repository")
    parser.add_argument("--onnx", action="store_true", help="export model.onnx too, if absent")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument(
        "--gate", type=Path, metavar="FILE", help="report of `segface promote` (default: DIR's)"
    )
    parser.add_argument(
        "--without-gate", action="store_true", help="publish without a report of the gate"
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, send nothing")
    parser.add_argument("--token", help="Hub token; by default that of `hf auth login`")


def run(args: argparse.Namespace) -> int:
    """Checks the folder, and sends it unless this is a dry run."""
    from segface_hf.checkpoints.publish import check_gate, plan, publish
    from segface_hf.modeling.segface import SegFace

    _prepare_onnx(Path(args.folder), wanted=args.onnx)
    planned = plan(args.folder, args.repo_id, build=SegFace, private=args.private)
    if not args.without_gate:
        check_gate(planned.folder, args.gate)
    if args.dry_run:
        kind = "private" if args.private else "public"
        print(f"would publish to {planned.repo_id}, made {kind} if it is new:")
        for name, size in planned.sizes.items():
            print(f"  {name}  {size / 1e6:.2f} MB")
        return 0
    print(publish(args.folder, args.repo_id, build=SegFace, private=args.private, token=args.token))
    return 0


def _prepare_onnx(folder: Path, *, wanted: bool) -> None:
    """Exports `model.onnx` if it is wanted and absent; one that is there must fit the weights."""
    from segface_hf.checkpoints.files import ONNX_FILE

    if (folder / ONNX_FILE).is_file():
        from segface_hf.inference.onnx_engine import engine_beside_weights

        engine_beside_weights(folder)
    elif wanted and folder.is_dir():
        from segface_hf.export.save import export_checkpoint

        export_checkpoint(folder)
