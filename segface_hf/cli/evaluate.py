"""`segface evaluate`: scores a model on photos with masks, as JSON, a page and a contact sheet."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from segface_hf._utils import check_device
from segface_hf.cli.arguments import check_files, check_picture, whole

if TYPE_CHECKING:
    from PIL import Image

    from segface_hf.data.folder import Pair
    from segface_hf.evaluation.predictor import Predictor
    from segface_hf.evaluation.report import Measured
    from segface_hf.labels import LabelSchema
    from segface_hf.modeling.segface import SegFace

HELP = "score a model on photos with masks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "--model", help="checkpoint folder, org/name or hub:... (default: the embedded one)"
    )
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", help="folder with images/ and masks/")
    data.add_argument("--dataset", help="corrections: org/name on the Hub, or their folder")
    parser.add_argument(
        "--aligned", action="store_true", help="take every picture as a crop of one upright face"
    )
    parser.add_argument("--json", help="write every score to this file")
    parser.add_argument("--html", help="write a readable report to this file")
    parser.add_argument("--sheet", help="write a picture of the worst photos to this file")
    parser.add_argument(
        "--worst", type=whole(0), default=10, help="how many worst photos (default: 10)"
    )
    parser.add_argument("--groups", help="CSV with a 'stem' column and columns to group photos by")
    parser.add_argument(
        "--bootstrap",
        type=whole(0),
        default=1000,
        help="resamplings for intervals, 0 for none (default: 1000)",
    )
    parser.add_argument("--against", help="compare with this checkpoint, photo by photo")
    parser.add_argument("--no-boundary", action="store_true", help="leave out boundary F1")
    parser.add_argument(
        "--side", type=whole(0), default=0, help="resolution (default: the model's)"
    )
    parser.add_argument("--mirrored", action="store_true", help="add a pass on the flipped photo")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--threads", type=whole(0), default=0, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Evaluates; returns 0."""
    import torch

    from segface_hf.checkpoints import files
    from segface_hf.data.folder import check_pairs
    from segface_hf.evaluation.groups import check_groups, read_groups
    from segface_hf.evaluation.photos import measure
    from segface_hf.evaluation.predictor import load_other
    from segface_hf.evaluation.present import summary
    from segface_hf.evaluation.report import report
    from segface_hf.modeling.segface import SegFace

    if args.threads:
        torch.set_num_threads(args.threads)
    check_files(args.json, args.html, args.sheet)
    check_picture(args.sheet)
    check_device(args.device)
    groups = read_groups(args.groups) if args.groups else {}
    model = SegFace.from_pretrained(args.model or files.embedded_folder()).to(args.device)
    other = load_other(args.against, model).to(args.device) if args.against else None
    with opened_data(args, model.config.labels) as pairs:
        check_groups(groups, [pair.stem for pair in pairs])
        predictor = predictor_of(model, args)
        check_pairs(pairs, model.config.labels)
        measured = measure(predictor, pairs, boundary=not args.no_boundary, progress=True)
        values = {
            "model": args.model or "embedded",
            "data": str(args.data or args.dataset),
            "options": given_options(args),
            **report(measured, rounds=args.bootstrap, groups=groups, worst=args.worst),
        }
        if other:
            values["against"] = compare_models(other, args, measured, pairs)
        write_outputs(args, values, lambda: draw_sheet(predictor, pairs, measured, args.worst))
    print(*summary(values), sep="\n")
    return 0


@contextmanager
def opened_data(args: argparse.Namespace, schema: LabelSchema) -> Iterator[Sequence[Pair]]:
    """Yields the pairs of `--data`, or those of `--dataset` in a temporary folder.

    Raises:
        DataError: The folder or the dataset can't be used.
    """
    from segface_hf.data.folder import find_pairs
    from segface_hf.data.rows import unpack_dataset

    if args.data:
        yield find_pairs(args.data)
        return
    with TemporaryDirectory(prefix="segface-") as folder:
        yield find_pairs(unpack_dataset(args.dataset, Path(folder), schema=schema))


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the options that change scores, where they are given."""
    return {
        name: value for name in ("side", "mirrored", "aligned") if (value := getattr(args, name))
    }


def predictor_of(model: SegFace, args: argparse.Namespace) -> Predictor:
    """Returns how a model is run."""
    from segface_hf.evaluation.predictor import Predictor

    return Predictor.of(model, side=args.side, mirrored=args.mirrored, aligned=args.aligned)


def compare_models(
    other: SegFace, args: argparse.Namespace, measured: Measured, pairs: Sequence[Pair]
) -> dict[str, Any]:
    """Runs the other checkpoint in the same way and compares."""
    from segface_hf.evaluation.photos import measure
    from segface_hf.evaluation.report import compare

    theirs = measure(predictor_of(other, args), pairs, boundary=False, progress=True)
    rounds = args.bootstrap or 1000
    return {"model": args.against, "f1": compare(measured, theirs, rounds=rounds)}


def draw_sheet(
    predictor: Predictor, pairs: Sequence[Pair], measured: Measured, count: int
) -> Image.Image:
    """Draws the worst photos with their masks and predictions."""
    from segface_hf.data.folder import read_pair
    from segface_hf.evaluation.present import caption, contact_sheet

    f1, rows = measured.photo_f1(), []
    for index in measured.worst(count):
        image, mask = read_pair(pairs[index], measured.schema)
        prediction = predictor.predict(image, mask)
        rows.append((caption(pairs[index].stem, f1[index]), image, mask, prediction))
    return contact_sheet(rows, measured.schema)


def sheet_from_page(args: argparse.Namespace) -> str:
    """Returns the path of `--sheet` from the page at `--html`; empty without a sheet."""
    if not args.sheet:
        return ""
    return Path(os.path.relpath(args.sheet, Path(args.html).parent)).as_posix()


def write_outputs(
    args: argparse.Namespace, values: Mapping[str, Any], draw: Callable[[], Image.Image]
) -> None:
    """Writes the files that were asked for.

    Raises:
        OutputError: One can't be written.
    """
    from segface_hf.errors import OutputError
    from segface_hf.evaluation.present import html_report

    try:
        if args.json:
            Path(args.json).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        if args.html:
            options = "".join(f", {name}: {value}" for name, value in values["options"].items())
            title = f"{values['model']} on {Path(values['data']).name}{options}"
            page = html_report(values, title=title, sheet=sheet_from_page(args))
            Path(args.html).write_text(page, encoding="utf-8")
        if args.sheet:
            draw().save(args.sheet)
    except (OSError, ValueError) as error:
        raise OutputError(f"can't write the results: {error}") from error
