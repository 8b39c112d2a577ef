"""`segface convert`: published pickles to checkpoint folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from segface_hf.cli.arguments import DTYPES, whole
from segface_hf.errors import ConversionError

if TYPE_CHECKING:
    import torch

    from segface_hf.checkpoints.convert import Conversion
    from segface_hf.checkpoints.published import ConversionResult

HELP = "convert a published SegFace checkpoint, exactly, to config.json and safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the source, what it holds, and where the result goes."""
    parser.add_argument(
        "source",
        nargs="?",
        metavar="FILE|hub:ORG/REPO/FOLDER",
        help="a .pt file, or one on the Hub",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--all", action="store_true", help="every published checkpoint, resumable")
    parser.add_argument("--dataset", help="celeb, lapa or helen; by default recognized")
    parser.add_argument("--backbone", help="such as swin_base; by default recognized")
    parser.add_argument("--resolution", type=whole(1), help="side of the input it was trained on")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of the stored weights")
    parser.add_argument("--token", help="Hub token for private repositories")


def run(args: argparse.Namespace) -> int:
    """Converts one checkpoint or all; 1 where some of all failed."""
    import torch

    dtype = torch.float16 if args.dtype == "float16" else None
    if args.all:
        return _run_all(args, dtype)
    if args.source is None:
        raise ConversionError("give a .pt file or hub:org/repo/folder, or --all")
    _report(_convert_one(args, dtype))
    return 0


def _convert_one(args: argparse.Namespace, dtype: torch.dtype | None) -> Conversion:
    from segface_hf.checkpoints.convert import convert
    from segface_hf.checkpoints.output import check_target
    from segface_hf.checkpoints.published import (
        HubSource,
        convert_published,
        download,
        is_published,
    )
    from segface_hf.modeling.segface import SegFace

    options = {
        "build": SegFace,
        "dataset": args.dataset,
        "backbone": args.backbone,
        "resolution": args.resolution,
        "dtype": dtype,
    }
    if not is_published(args.source):
        return convert(args.source, args.out, **options)
    source = HubSource.parse(args.source)
    if not source.folder:
        raise ConversionError(f"'{args.source}' names no folder: add one, or --all")
    check_target(Path(args.out))
    path = download(source, token=args.token)
    return convert_published(path, Path(args.out), source, **options)


def _run_all(args: argparse.Namespace, dtype: torch.dtype | None) -> int:
    from segface_hf.checkpoints.published import HubSource, convert_all
    from segface_hf.checkpoints.upstream import REPOSITORY
    from segface_hf.modeling.segface import SegFace

    if args.dataset or args.backbone or args.resolution:
        raise ConversionError("--all takes dataset, backbone and resolution from folder names")
    source = HubSource.parse(args.source or f"hub:{REPOSITORY}")
    outcomes = []
    for outcome in convert_all(
        source, Path(args.out), build=SegFace, dtype=dtype, token=args.token
    ):
        _tell(outcome)
        outcomes.append(outcome.status)
    if set(outcomes) == {"absent"}:
        raise ConversionError(f"'{source.repo_id}' has none of the published folders")
    return int("failed" in outcomes)


def _tell(outcome: ConversionResult) -> None:
    if outcome.conversion is not None:
        _report(outcome.conversion)
    elif outcome.status == "failed":
        print(f"{outcome.name}: {outcome.problem}", file=sys.stderr)
    else:
        said = {"kept": "already converted", "absent": "not in the repository"}
        print(f"{outcome.name}: {said[outcome.status]}")


def _report(conversion: Conversion) -> None:
    config = conversion.config
    print(
        f"{conversion.folder}: {config.backbone}, {config.schema}, {config.resolution} pixels, "
        f"{conversion.parameters / 1e6:.1f} M parameters"
    )
