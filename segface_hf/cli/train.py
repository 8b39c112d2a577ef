"""`segface train`: trains a model on data folders, shows progress, and resumes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segface_hf._utils import check_device, counted
from segface_hf.cli.arguments import check_picture, finite, whole
from segface_hf.errors import ConfigError

if TYPE_CHECKING:
    from segface_hf.training.prepare import DataFolder
    from segface_hf.training.recipe import Recipe
    from segface_hf.training.run import Run

HELP = "train a model on folders of photos and masks; run again to resume"
ROWS = "rows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--data",
        nargs="+",
        metavar="DIR[:WEIGHT]",
        help="folders with images/ and masks/; with weights, a folder's share of what is drawn",
    )
    data.add_argument("--dataset", help="corrections: org/name on the Hub, or their folder")
    parser.add_argument(
        "--aligned", action="store_true", help="take every picture as a crop of one upright face"
    )
    parser.add_argument("--out", required=True, help="folder of the run: state, metrics, models")
    parser.add_argument("--config", help="YAML recipe; a run is reproducible from it")
    parser.add_argument("--val", help="data folder to evaluate on; default: DIR/../val if there")
    parser.add_argument("--unlabeled", help="photos without masks, labeled by pseudo.teacher")
    parser.add_argument(
        "--synthetic", help="rendered pictures with masks; batches hold the share tail.synthetic"
    )
    parser.add_argument(
        "--preview", metavar="PNG", help="only draw the first batches, and don't train"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument(
        "--memory",
        type=finite,
        metavar="GB",
        help="memory for photos; more are decoded when needed (default: half of the machine's)",
    )
    parser.add_argument(
        "--loaders",
        type=whole(0),
        default=0,
        help="processes that prepare batches, for a GPU (default: a thread)",
    )
    parser.add_argument("--threads", type=whole(0), default=0, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Trains; returns 0 when every step is done, 1 when stopped on request."""
    import torch

    from segface_hf.data.folder import check_pairs, find_pairs
    from segface_hf.training.loop import check_start, start, train
    from segface_hf.training.parallel import ProcessGroup
    from segface_hf.training.prepare import prepare
    from segface_hf.training.preview import write_preview
    from segface_hf.training.recipe import Recipe
    from segface_hf.training.recipe_file import read_recipe
    from segface_hf.training.run import Run

    processes = ProcessGroup.here()
    check_picture(args.preview)
    check_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = read_recipe(args.config) if args.config else Recipe()
    with processes.main_first():
        folders = _data_folders(args, recipe)
    validation = validation_folder(folders[0].path, args.val)
    pairs = find_pairs(validation) if validation else ()
    check_pairs(pairs, recipe.model_config().labels, progress=processes.is_main)
    if processes.is_main and not args.preview:
        check_start(recipe, Path(args.out))
    data = prepare(
        folders,
        recipe,
        unlabeled=args.unlabeled,
        synthetic=args.synthetic,
        aligned=args.aligned,
        memory=None if args.memory is None else args.memory * 1e9,
        progress=processes.is_main,
    )
    if args.preview:
        write_preview(data, recipe, args.preview)
        note = "the first batches; nothing was trained"
        print(f"{args.preview}: {note}", *data.unused_options(recipe), sep="\n")
        return 0
    device = torch.device(args.device)
    current = Run(
        recipe,
        data,
        Path(args.out),
        pairs,
        processes=processes,
        loaders=args.loaders,
        device=device,
    )
    resumed = start(current)
    if processes.is_main:
        _print_summary(current, resumed=resumed)
    done = _train_with_progress(current) if processes.is_main else train(current)
    processes.close()
    return 0 if done else 1


def _data_folders(args: argparse.Namespace, recipe: Recipe) -> list[DataFolder]:
    """Returns the folders of `--data`, or the one that the rows of `--dataset` are unpacked to."""
    from segface_hf.data.rows import unpack_dataset
    from segface_hf.training.prepare import DataFolder, check_weights

    if args.data:
        folders = [DataFolder(*path_and_weight(text)) for text in args.data]
        check_weights(folders)
        return folders
    labels = recipe.model_config().labels
    return [DataFolder(unpack_dataset(args.dataset, Path(args.out) / ROWS, schema=labels))]


def path_and_weight(text: str) -> tuple[str, float | None]:
    """Splits `DIR:WEIGHT`; a folder whose own name ends so is taken as it is.

    Raises:
        ConfigError: The weight is not a finite number above 0.
    """
    path, _, number = text.rpartition(":")
    if not path or Path(text).exists():
        return text, None
    try:
        weight = float(number)
    except ValueError:
        return text, None
    if not (math.isfinite(weight) and weight > 0):
        raise ConfigError(f"expected a finite weight above 0, as in {path}:2, got '{text}'")
    return path, weight


def _print_summary(current: Run, *, resumed: bool) -> None:
    """Prints a summary of data and settings, and notes on options without effect."""
    data, tail, processes = current.data, current.recipe.tail, current.processes
    facts = [
        f"{data.sources()}{'' if data.in_memory else ' decoded when needed'}",
        f"{len(current.validation)} to evaluate",
        f"{len(data.swapped)} masks with swapped sides ({tail.swapped})",
        f"{len(data.missing)} lacking parts ({tail.missing})" if data.missing else "",
        f"{counted(len(data.suspects), 'suspect')} ({tail.suspects})" if data.suspects else "",
        f"{current.precision} on {current.device}",
        f"{processes.size} processes" if processes.size > 1 else "",
        f"resumed at step {current.step}" if resumed else "",
    ]
    print(", ".join(filter(None, facts)), flush=True)
    for note in filter(
        None, (*data.unused_options(current.recipe), resolution_note(current.recipe))
    ):
        print(note, flush=True)


def resolution_note(recipe: Recipe) -> str:
    """Returns a note if the last stage trains at another side than the checkpoint runs at."""
    last, own = recipe.resolution_at(1.0), recipe.model_config().resolution
    if last == own:
        return ""
    return (
        f"the last stage trains at {last} pixels and the checkpoint runs at {own}, where it is "
        f"scored: set model.resolution to {last}, or end resolutions with {own}"
    )


def _train_with_progress(current: Run) -> bool:
    """Trains with a progress bar, and prints the path of the best model."""
    from segface_hf.training.loop import train
    from segface_hf.training.report import Progress, report_evaluation, write_curves
    from segface_hf.training.run import BEST, LAST

    def report(row: Mapping[str, Any]) -> None:
        report_evaluation(row)
        write_curves(current.out)

    recipe = current.recipe
    with Progress(current.step, recipe.steps, recipe.batch_size) as progress:
        done = train(current, progress=progress, log=report, stop=progress.stopped)
    kept = BEST if current.best >= 0 else LAST
    print(f"{'done' if done else 'stopped, run again to resume'}: {current.out / kept}")
    return done


def validation_folder(data: str | Path, given: str | None) -> str | None:
    """Returns the folder to evaluate on: the given one, or a sibling named `val`."""
    if given:
        return given
    folder = Path(data).resolve()
    sibling = folder.parent / "val"
    return str(sibling) if sibling != folder and (sibling / "masks").is_dir() else None
