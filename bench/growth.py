"""Does growth help, and in which order? `python -m bench.growth --data A --val B --out DIR`.

For each class a base is trained from ImageNet on the photos of `--data` that don't show it, as in
`bench.added_classes`. Then N photos of the class are added, in the order of the queue, in random
order, and with those first on which the base is worst. Each run trains on from the base with all
its photos replayed, and is measured on `--val`. The masks have the errors of hurried annotators.
Runs that are done are not repeated. The queue is that of the base and is not made again between
runs.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from annotate.growth.queue import Labeled, rank
from bench.added_classes import CLASSES, base_of, new_ids, photos_without, schema_without
from bench.suspects import without
from bench.tables import table
from segface_hf.cli.arguments import whole
from segface_hf.data.folder import Pair, find_pairs, read_mask
from segface_hf.evaluation.bootstrap import differences, intervals
from segface_hf.evaluation.photos import measure
from segface_hf.evaluation.predictor import Predictor
from segface_hf.jobs.photos import Photo
from segface_hf.labels import CELEBAMASK_HQ, IGNORED, LabelSchema
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser
from segface_hf.training.loop import start, train
from segface_hf.training.prepare import DataFolder, prepare
from segface_hf.training.recipe import Recipe
from segface_hf.training.run import LAST, Run

ALL = "all"
_MISSED, _MOVED = 0.05, 0.5  # share of masks without the part, and with a moved outline
_NEW_COLOR = (255, 0, 255)
_ARCHITECTURE = (
    "backbone", "width", "depth", "heads", "mlp_dim", "upscale_dims", "refine", "detail",
    "resolution", "mean", "std",
)  # fmt: skip


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="photos to train on and draw from")
    parser.add_argument("--val", required=True, type=Path, help="photos to measure on")
    parser.add_argument("--out", required=True, type=Path, help="folder of the runs and the table")
    parser.add_argument("--classes", nargs="+", default=CLASSES, choices=CLASSES)
    parser.add_argument("--counts", nargs="+", type=whole(1), default=[5, 10, 20, 50, 100])
    parser.add_argument("--orders", nargs="+", default=list(ORDERS), choices=list(ORDERS))
    parser.add_argument("--seeds", type=whole(1), default=1)
    parser.add_argument("--steps", type=whole(1), default=375, help="of each run, 8 photos each")
    parser.add_argument("--side", type=whole(32), default=192)
    parser.add_argument("--base", nargs="+", default=[], metavar="CLASS=FOLDER", help="as there")
    return parser.parse_args(arguments)


@dataclass(frozen=True)
class Candidates:
    """Photos of a class that a base has not seen.

    Attributes:
        name: The class.
        base: The model that lacks it.
        folder: Its checkpoint.
        pairs: The photos with their true masks.
    """

    name: str
    base: SegFace
    folder: Path
    pairs: tuple[Pair, ...]


def by_queue(found: Candidates, seed: int) -> list[Pair]:
    """Orders photos by the queue; those that it leaves out come last."""
    base = FaceParser.from_pretrained(found.folder)
    labeled = Labeled.count((), base.schema)
    ranked = rank([Photo(pair.image, pair.image.name) for pair in found.pairs], base, labeled)
    position = {entry.photo: place for place, entry in enumerate(ranked)}
    shuffled = at_random(found, seed)
    return sorted(shuffled, key=lambda pair: position.get(str(pair.image), len(position)))


def at_random(found: Candidates, seed: int) -> list[Pair]:
    """Orders photos at random."""
    return random.Random(seed).sample(found.pairs, len(found.pairs))


def hardest_first(found: Candidates, seed: int) -> list[Pair]:
    """Orders photos by the share of pixels that the base gets right, the lowest first."""
    ids = new_ids(found.name)
    ids[CELEBAMASK_HQ.id_of(found.name)] = IGNORED
    right = {}
    predictor = Predictor.of(found.base, aligned=True)
    for pair in found.pairs:
        true = ids[read_mask(pair.mask, CELEBAMASK_HQ, gaps=True)]
        with Image.open(pair.image) as image:
            seen = predictor.crop(image.convert("RGB"))
        known = true != IGNORED
        right[pair] = float((seen == true)[known].mean()) if known.any() else 1.0
    return sorted(at_random(found, seed), key=lambda pair: right[pair])


ORDERS: Mapping[str, Callable[[Candidates, int], list[Pair]]] = MappingProxyType(
    {"queue": by_queue, "random": at_random, "hardest": hardest_first}
)


def annotated(mask: np.ndarray, part: int, seed: int) -> np.ndarray:
    """Returns a mask as a hurried annotator leaves it: a part's outline moved, or the part missed.

    Args:
        mask: uint8 (H, W), true.
        part: The class that was corrected.
        seed: Of the errors.
    """
    chance = np.random.default_rng(seed)
    region, kind = mask == part, chance.random()
    if not region.any() or kind > _MISSED + _MOVED:
        return mask
    bare = without(mask, [part])
    if kind < _MISSED:
        return bare
    change = ndimage.binary_dilation if chance.random() < 0.5 else ndimage.binary_erosion
    times = max(1, round(len(mask) / 256))
    return np.where(change(region, iterations=times), part, bare).astype(np.uint8)


def write_corrections(pairs: Sequence[Pair], folder: Path, name: str, *, exact: bool) -> Path:
    """Writes photos with masks in the schema whose last class is the new one."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    ids = new_ids(name)
    for number, pair in enumerate(pairs):
        mask = ids[read_mask(pair.mask, CELEBAMASK_HQ, gaps=True)]
        if not exact:
            mask = annotated(mask, schema_without(name).num_classes, number)
        shutil.copy(pair.image, folder / "images" / pair.image.name)
        Image.fromarray(mask).save(folder / "masks" / pair.mask.name)
    return folder


def recipe_of(found: Candidates, args: argparse.Namespace, seed: int) -> Recipe:
    """Returns the recipe of a continuation: the base with one class more, at the end."""
    config = asdict(found.base.config)
    model = {key: config[key] for key in _ARCHITECTURE} | {
        "schema": "own",
        "label_names": [*config["label_names"], found.name],
        "label_colors": [*config["label_colors"], _NEW_COLOR],
        "label_mirror_pairs": config["label_mirror_pairs"],
    }
    values = {
        "model": model, "initial": str(found.folder), "seed": seed, "steps": args.steps,
        "learning_rate": 6e-4, "backbone_rate": 2e-4, "warmup_steps": 20, "ema": 0.98,
        "storage": 256, "evaluate_every": 0,
    }  # fmt: skip
    return Recipe.from_dict(values)


def grown(
    found: Candidates, pairs: Sequence[Pair], out: Path, args: argparse.Namespace, seed: int
) -> SegFace:
    """Trains on from the base with corrected photos, or goes on with a run that was stopped."""
    rows = out / "rows"
    if not (out / "state.pt").exists():
        write_corrections(pairs, rows, found.name, exact=False)
    old = DataFolder(args.out / f"without-{found.name}", 1.0)
    recipe = recipe_of(found, args, seed)
    run = Run(recipe, prepare([DataFolder(rows, 1.0), old], recipe, aligned=True), out)
    start(run)
    train(run, progress=range(run.step, recipe.steps))
    return SegFace.from_pretrained(out / LAST)


def counts_of(model: SegFace, val: Path) -> np.ndarray:
    """Returns the confusion matrices of the validation photos."""
    predictor = Predictor.of(model, aligned=True)
    return measure(predictor, find_pairs(val), boundary=False).confusions


def result_of(ours: np.ndarray, base: np.ndarray, schema: LabelSchema) -> dict[str, Any]:
    """Returns the F1 of the last class with its interval, and which other classes fell.

    Args:
        ours: int64 (N, K, K) of the grown model.
        base: int64 (N, K - 1, K - 1) of the base, which ignores the new class's pixels.
        schema: Of the grown model.
    """
    name, old = schema.names[-1], schema.num_classes - 1
    f1 = 2 * ours[:, old, old].sum() / max(1, ours[:, old].sum() + ours[:, :, old].sum())
    low, high = intervals(ours, schema)[name]
    before = np.zeros_like(ours)
    before[:, :old, :old] = base
    mine = ours.copy()
    mine[:, old] = 0  # the base did not see these pixels
    changes = differences(mine, before, schema)
    fell = {key: round(changes[key][0], 4) for key in schema.names[1:old] if changes[key][1][1] < 0}
    return {"f1": round(float(f1), 4), "low": round(low, 4), "high": round(high, 4), "fell": fell}


def experiment(name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs everything for one class; returns a row of the table for each run."""
    without_it, shown = photos_without(name, args)
    base = base_of(name, without_it, args)
    given = dict(entry.split("=", 1) for entry in args.base)
    folder = Path(given.get(name, args.out / f"base-{name}" / LAST))
    found = Candidates(name, base, folder, tuple(shown))
    val = write_corrections(find_pairs(args.val), args.out / f"val-{name}", name, exact=True)
    unseen = _ignoring(val, args.out / f"val-without-{name}", base.config.labels.num_classes)
    before, rows = counts_of(base, unseen), []
    for seed in range(args.seeds):
        orders = {order: ORDERS[order](found, seed) for order in args.orders}
        plan = [(order, n) for order in orders for n in args.counts if n < len(shown)]
        for order, count in [*plan, (ALL, len(shown))]:
            out = args.out / f"{name}-{order}-{count}-{seed}"
            file = out / "result.json"
            if not file.exists():
                pairs = orders[order][:count] if order != ALL else found.pairs
                model = grown(found, pairs, out, args, seed)
                values = result_of(counts_of(model, val), before, model.config.labels)
                file.write_text(json.dumps(values))
            rows.append(_line(name, order, count, seed, json.loads(file.read_text())))
            print(table(rows[-1:]), flush=True)
    return rows


def _ignoring(val: Path, folder: Path, part: int) -> Path:
    """Writes validation photos in which the pixels of a class are not labeled."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(val, folder)
    for path in (folder / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.where(mask == part, IGNORED, mask).astype(np.uint8)).save(path)
    return folder


def _line(
    name: str, order: str, count: int, seed: int, values: Mapping[str, Any]
) -> dict[str, object]:
    fell = ", ".join(f"{key} {change:+.3f}" for key, change in values["fell"].items())
    return {
        "class": name,
        "order": order,
        "photos": count,
        "seed": seed,
        "F1": f"{values['f1']:.3f} ({values['low']:.3f} to {values['high']:.3f})",
        "other classes that fell": fell or "none",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the experiment and writes its table."""
    args = options(arguments)
    torch.set_num_threads(1)
    rows = [row for name in args.classes for row in experiment(name, args)]
    text = table(rows)
    (args.out / "growth.md").write_text(text + "\n", encoding="utf-8")
    print(f"\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
