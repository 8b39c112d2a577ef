"""`segface add-class`: adds a class to a checkpoint from a few masks, without training."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from segface_hf._utils import counted
from segface_hf.labels import RGB

HELP = "add a class to a checkpoint from a few photos with masks, without training"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="name of the new class")
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        help="photos whose masks show the class: a folder with images/ and masks/, or a dataset "
        "of corrections (org/name, or their folder)",
    )
    parser.add_argument("--model", required=True, help="checkpoint folder, org/name or hub:...")
    parser.add_argument("--out", required=True, help="new folder of the checkpoint")
    parser.add_argument(
        "--parent", default="", help="class that it was a part of so far, or its family"
    )
    parser.add_argument(
        "--mirror-pair",
        default="",
        metavar="OTHER",
        help="class that it becomes in a flipped photo (default: itself)",
    )
    parser.add_argument(
        "--color", type=_color, metavar="#RRGGBB", help="for display (default: a free one)"
    )
    parser.add_argument(
        "--method",
        choices=("logistic", "prototype", "calibrated"),
        default="logistic",
        help="how its row is found (default: %(default)s)",
    )
    parser.add_argument(
        "--aligned", action="store_true", help="take every picture as a crop of one upright face"
    )


def _color(text: str) -> RGB:
    """An argument type: a color."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise argparse.ArgumentTypeError(f"expected a color such as #8b5a2b, got {text}")
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


def run(args: argparse.Namespace) -> int:
    """Adds the class and saves the checkpoint; returns 0."""
    from segface_hf.added_classes.add import add_class
    from segface_hf.added_classes.card import added_class_card
    from segface_hf.added_classes.examples import read_examples
    from segface_hf.added_classes.labels import NewClass
    from segface_hf.evaluation.predictor import check_frames
    from segface_hf.modeling.segface import SegFace
    from segface_hf.training.card import check_free, write_checkpoint
    from segface_hf.training.provenance import Origin, with_origins

    out = Path(args.out)
    check_free(out)
    model = SegFace.from_pretrained(args.model)
    check_frames(model.config)
    new = NewClass(args.name, args.parent, args.mirror_pair, args.color)
    labels, side = new.extend(model.config.labels), model.config.resolution
    photos = read_examples(args.source, labels, side=side, aligned=args.aligned)
    added = add_class(model, photos, new, method=args.method)
    origin = Origin("part", args.model, model.config)
    added.model.config = with_origins(added.model.config, [origin], photos=False)
    write_checkpoint(added.model, out, added_class_card(added, base=args.model))
    scores = added.scores
    print(f"{args.name}, id {labels.num_classes - 1}, added: {out}")
    print(
        f"{counted(len(scores.stems), 'photo')}, each left out once: "
        f"{100 * sum(scores.found) / len(scores.found):.0f} % of {args.name} found, "
        f"IoU {scores.mean_iou:.2f}, {100 * scores.taken:.2f} % of other pixels taken"
    )
    return 0
