"""`segface export`: a checkpoint as an ONNX file, or as a parser for the browser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segface_hf.cli.arguments import share, whole
from segface_hf.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from segface_hf.config import SegFaceConfig
    from segface_hf.export.parity import Limits

HELP = "export a checkpoint to ONNX, and compare its results; or as a parser for the browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("model", help="checkpoint folder, Hub id, 'embedded' or 'synthetic'")
    parser.add_argument(
        "--format",
        choices=["onnx", "browser"],
        default="onnx",
        help="browser: models and a parser in JavaScript, for --out; default: %(default)s",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder to write (default: model.onnx goes into the checkpoint's own folder)",
    )
    parser.add_argument("--int8", action="store_true", help="eight-bit convolutions; needs --data")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="folder with images/ and masks/: its faces calibrate int8, and add F1",
    )
    parser.add_argument(
        "--limit",
        type=whole(1),
        default=100,
        metavar="N",
        help="photos of it; default: %(default)s",
    )
    parser.add_argument(
        "--agreement",
        type=share,
        metavar="SHARE",
        help="share of pixels whose label must agree; default: 0.9999, with --int8 0.95",
    )


def run(args: argparse.Namespace) -> int:
    """Exports, and prints what was measured."""
    return _export_for_browser(args) if args.format == "browser" else _export_onnx(args)


def _export_for_browser(args: argparse.Namespace) -> int:
    from segface_hf.browser.export import export_for_browser

    if args.out is None or args.int8 or args.data:
        raise ConfigError("--format browser needs --out DIR, and takes neither --int8 nor --data")
    export = export_for_browser(_folder_of(args), Path(args.out))
    print(f"{export.folder}: {export.size / 1e6:.1f} MB; import parser.mjs")
    return 0


def _export_onnx(args: argparse.Namespace) -> int:
    from segface_hf.checkpoints.files import read_config
    from segface_hf.config import SegFaceConfig
    from segface_hf.export.save import check_installed, export_checkpoint

    check_installed()
    from segface_hf.export.onnx_export import OPSET

    folder = _folder_of(args)
    config = SegFaceConfig.from_dict(read_config(folder))
    pictures, masks = _faces(args.data, args.limit, config) if args.data else ([], [])
    export = export_checkpoint(
        folder,
        Path(args.out) if args.out else None,
        int8=args.int8,
        pictures=pictures,
        masks=masks,
        limits=_limits(args),
    )
    parity = export.parity
    print(f"{export.path}: opset {OPSET}, {export.path.stat().st_size / 1e6:.1f} MB")
    print(f"largest logit difference {parity.logit_difference:.2g} of the largest logit")
    print(f"labels agree on {parity.agreement:.4%} of {parity.pictures} pictures")
    if parity.f1_model is not None and parity.f1_export is not None:
        print(f"mean F1 {parity.f1_export:.4f}, of the original {parity.f1_model:.4f}")
    return 0


def _limits(args: argparse.Namespace) -> Limits:
    from dataclasses import replace

    from segface_hf.export.parity import Limits

    limits = Limits.usual(int8=args.int8)
    return limits if args.agreement is None else replace(limits, agreement=args.agreement)


def _folder_of(args: argparse.Namespace) -> Path:
    """The checkpoint's folder, to which `model.onnx` goes where no other one is named."""
    from segface_hf.checkpoints.files import SHIPPED
    from segface_hf.checkpoints.find import checkpoint_folder

    own = args.model in SHIPPED or not Path(args.model).is_dir()
    if args.out is None and own:
        raise ConfigError(f"'{args.model}' is not a folder of yours: name a folder with --out")
    return checkpoint_folder(args.model, build=_build)


def _build(config: SegFaceConfig) -> Any:
    from segface_hf.modeling.segface import SegFace

    return SegFace(config)


def _faces(
    folder: str, limit: int, config: SegFaceConfig
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The faces of a folder's photos and their masks, framed as in training."""
    from segface_hf.data.folder import find_pairs
    from segface_hf.data.photo_set import load_photos

    found = load_photos(find_pairs(folder)[:limit], config.labels, side=config.resolution)
    images = [image.permute(1, 2, 0).numpy() for image in found.images]
    return images, [mask.numpy() for mask in found.masks]
