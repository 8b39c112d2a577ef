"""`segface evaluate`: scores a model on a data folder, as JSON, a page and a contact sheet."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segface_hf.cli.arguments import check_files, check_picture, finite, whole

if TYPE_CHECKING:
    from torch import Tensor

    from segface_hf.data.folder import Pair
    from segface_hf.evaluation.photos import Change, Predict
    from segface_hf.evaluation.report import Measured
    from segface_hf.modeling.segface import SegFace

DAMAGE_NAMES = ("gray", "dark", "small", "noisy")
DRAWN_NAMES = ("eyeglasses", "hat", "earring", "necklace", "occluder")
HELP = "score a model on a folder of photos and masks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "--model", help="checkpoint folder, org/name or hub:... (default: the embedded one)"
    )
    parser.add_argument("--data", required=True, help="folder with images/ and masks/")
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
    parser.add_argument("--adjust", type=finite, help="logit adjustment, from 0 to 1 as a rule")
    parser.add_argument("--recipe", help="run.yaml of the model, for --adjust")
    parser.add_argument("--trained-on", help="data folder the model was trained on, for --adjust")
    parser.add_argument("--damage", choices=DAMAGE_NAMES, help="damage photos first, see the docs")
    parser.add_argument("--drawn", choices=DRAWN_NAMES, help="draw this where photos lack it")
    parser.add_argument("--landmarks", action="store_true", help="measure the photo pipeline too")
    parser.add_argument("--tilt", type=finite, default=0.0, help="compare photos turned by degrees")
    parser.add_argument("--threads", type=whole(0), default=0, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Evaluates; returns 0."""
    import torch

    from segface_hf.checkpoints import files
    from segface_hf.data.folder import check_pairs, find_pairs
    from segface_hf.evaluation.groups import check_groups, read_groups
    from segface_hf.evaluation.present import summary
    from segface_hf.evaluation.report import report
    from segface_hf.modeling.segface import SegFace

    if args.threads:
        torch.set_num_threads(args.threads)
    check_adjust(args)
    check_files(args.json, args.html, args.sheet)
    check_picture(args.sheet)
    pairs = find_pairs(args.data)
    groups = read_groups(args.groups) if args.groups else None
    check_groups(groups or {}, [pair.stem for pair in pairs])
    model = SegFace.from_pretrained(args.model or files.embedded_folder())
    other = rival(args.against, model) if args.against else None
    predict, change = predictor(model, args), changed(model, args)
    check_pairs(pairs, model.config.labels)
    measured = measure(predict, pairs, model, boundary=not args.no_boundary, change=change)
    values = report(measured, rounds=args.bootstrap, groups=groups, worst=args.worst)
    named = {"model": args.model or "embedded", "data": str(args.data), "options": asked(args)}
    values = {**named, **values}
    if other:
        values["against"] = against(other, args, measured, pairs)
    if args.landmarks or args.tilt:
        values |= pipeline_scores(model, pairs, tilt=args.tilt, change=change)
    write_outputs(
        args,
        values,
        lambda: sheet_of_worst(predict, pairs, measured, count=args.worst, change=change),
    )
    print(*summary(values), sep="\n")
    return 0


def asked(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the options that change scores, where they are given."""
    names = ("side", "mirrored", "adjust", "damage", "drawn")
    return {name: value for name in names if (value := getattr(args, name))}


def predictor(model: SegFace, args: argparse.Namespace) -> Predict:
    """Returns how a model is run: its resolution, a flipped pass, lowered logits."""
    from segface_hf.evaluation.photos import frame_predictor

    return frame_predictor(
        model, side=args.side, mirrored=args.mirrored, lowered=lowered_logits(model, args)
    )


def changed(model: SegFace, args: argparse.Namespace) -> Change:
    """Returns what is drawn on photos and done to them first: nothing unless it is asked for.

    Raises:
        LabelError: The model lacks the class that is to be drawn.
    """
    from segface_hf.evaluation.photos import DAMAGES, after, unchanged
    from segface_hf.training.drawing.drawing import drawer

    change = drawer(args.drawn, model.config.labels) if args.drawn else unchanged
    return after(change, DAMAGES[args.damage]) if args.damage else change


def check_adjust(args: argparse.Namespace) -> None:
    """Makes sure that `--adjust` has what it reads, and that nothing is named in vain.

    Raises:
        ConfigError: The recipe or the training data is missing, or named without `--adjust`.
    """
    from segface_hf.errors import ConfigError

    if args.adjust is None and (args.recipe or args.trained_on):
        raise ConfigError(
            "--recipe and --trained-on are read for --adjust: add it, or leave them out"
        )
    if args.adjust and not (args.recipe and args.trained_on):
        raise ConfigError("--adjust needs --recipe RUN.yaml and --trained-on FOLDER of the model")


def lowered_logits(model: SegFace, args: argparse.Namespace) -> Tensor | None:
    """Returns what `--adjust` takes from each class's logits, None without it.

    Raises:
        LabelError: The recipe's classes aren't the model's.
    """
    if not args.adjust:
        return None
    from segface_hf.errors import LabelError
    from segface_hf.training.losses import prior_shift
    from segface_hf.training.prepare import prepare
    from segface_hf.training.recipe_file import read_recipe

    recipe = read_recipe(Path(args.recipe))
    if recipe.model_config().labels != model.config.labels:
        raise LabelError(f"{args.recipe} is of other classes: name the model's own run.yaml")
    return args.adjust * prior_shift(prepare(args.trained_on, recipe), recipe)


def rival(name: str, model: SegFace) -> SegFace:
    """Loads the checkpoint to compare with, before anything is measured.

    Raises:
        LabelError: It has other classes.
        LandmarksRequiredError: It needs landmarks, which a folder doesn't hold.
    """
    from segface_hf.errors import LabelError
    from segface_hf.evaluation.photos import check_frames
    from segface_hf.modeling.segface import SegFace

    other = SegFace.from_pretrained(name)
    check_frames(other.config)
    if other.config.labels != model.config.labels:
        theirs, ours = other.config.labels.names, model.config.labels.names
        differing = sorted(set(theirs) ^ set(ours)) or "other ids or colours"
        raise LabelError(
            f"{name} has {len(theirs)} classes, the model {len(ours)}, and they differ in "
            f"{differing}: compare models of the same classes"
        )
    return other


def against(
    model: SegFace, args: argparse.Namespace, measured: Measured, pairs: Sequence[Pair]
) -> dict[str, Any]:
    """Runs the other checkpoint in the same way and compares."""
    from segface_hf.evaluation.report import compare

    change = changed(model, args)
    other = measure(predictor(model, args), pairs, model, boundary=False, change=change)
    rounds = args.bootstrap or 1000
    return {"model": args.against, "f1": compare(measured, other, rounds=rounds)}


def measure(
    predict: Predict,
    pairs: Sequence[Pair],
    model: SegFace,
    *,
    boundary: bool,
    change: Change | None = None,
) -> Measured:
    """Predicts every photo and counts; `change` is applied to photos and masks first."""
    import numpy as np

    from segface_hf.data.swapped import sides_are_swapped
    from segface_hf.evaluation.boundary import boundary_counts
    from segface_hf.evaluation.photos import evaluate_photos, unchanged
    from segface_hf.evaluation.report import Measured

    schema = model.config.labels
    confusions, outlines, swapped = [], [], []
    results = evaluate_photos(predict, pairs, schema, change=change or unchanged)
    for result in _progress(results, len(pairs), "evaluate"):
        confusions.append(result.confusion)
        swapped.append(sides_are_swapped(result.mask, schema))
        if boundary:
            outlines.append(boundary_counts(result.mask, result.prediction, schema.num_classes))
    return Measured(
        tuple(pair.stem for pair in pairs),
        np.stack(confusions),
        schema,
        np.stack(outlines) if outlines else None,
        tuple(swapped),
    )


def pipeline_scores(
    model: SegFace, pairs: Sequence[Pair], *, tilt: float, change: Change
) -> dict[str, Any]:
    """Measures FaceParser on the same photos, changed in the same way."""
    from segface_hf.data.folder import iterate_pairs
    from segface_hf.evaluation.pipeline import ParserScores
    from segface_hf.parser import FaceParser

    scores = ParserScores(FaceParser(model), tilt=tilt)
    photos = iterate_pairs(pairs, model.config.labels)
    for pair, image, mask in _progress(photos, len(pairs), "photo pipeline"):
        scores.add(pair.stem, *change(pair.stem, image, mask))
    return scores.summary()


def sheet_of_worst(
    predict: Predict, pairs: Sequence[Pair], measured: Measured, *, count: int, change: Change
) -> Any:
    """Draws the worst photos with their masks and predictions."""
    from segface_hf.data.folder import read_pair
    from segface_hf.evaluation.present import caption, contact_sheet

    f1, rows = measured.photo_f1(), []
    for index in measured.worst(count):
        image, mask = change(pairs[index].stem, *read_pair(pairs[index], measured.schema))
        rows.append((caption(pairs[index].stem, f1[index]), image, mask, predict(image)))
    return contact_sheet(rows, measured.schema)


def sheet_from_page(args: argparse.Namespace) -> str:
    """Returns where `--sheet` lies as a page at `--html` links to it; empty without."""
    if not args.sheet:
        return ""
    return Path(os.path.relpath(args.sheet, Path(args.html).parent)).as_posix()


def write_outputs(
    args: argparse.Namespace, values: dict[str, Any], draw_sheet: Callable[[], Any]
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
            told = "".join(f", {name}: {value}" for name, value in values["options"].items())
            title = f"{values['model']} on {Path(args.data).name}{told}"
            page = html_report(values, title=title, sheet=sheet_from_page(args))
            Path(args.html).write_text(page, encoding="utf-8")
        if args.sheet:
            draw_sheet().save(args.sheet)
    except (OSError, ValueError) as error:
        raise OutputError(f"can't write the results: {error}") from error


def _progress(items: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    from tqdm import tqdm

    bar: Iterable[Any] = tqdm(items, total=total, desc=what, unit="photo")
    return bar
