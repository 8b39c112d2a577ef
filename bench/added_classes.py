"""How well a class is added from few masks: `python -m bench.added_classes`.

For each class a base is trained from ImageNet on the photos of `--data` that don't show it, with a
schema that lacks it; the shipped weights have seen every class, so they can't be the base. Then
each method adds the class from 1, 5 and 20 photos that show it, in several draws, and is measured
on `--val`. Bases resume and are trained once; `--base CLASS=FOLDER` takes one that exists.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from PIL import Image

from bench.tables import table
from segface_hf.added_classes.methods import METHODS, Row
from segface_hf.added_classes.pixels import Pixels, read_pixels
from segface_hf.data.folder import Pair, find_pairs, read_mask
from segface_hf.data.photo_set import load_photos
from segface_hf.labels import CELEBAMASK_HQ, IGNORED, LabelSchema
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe
from segface_hf.training.recipe_file import write_recipe

CLASSES = ("hat", "eyeglasses", "earring")
SHOTS = (1, 5, 20)
LEAST = 400  # pixels of the class in a photo that may teach it


def options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="photos to train on and draw from")
    parser.add_argument("--val", required=True, help="photos to measure on")
    parser.add_argument("--out", required=True, type=Path, help="folder of bases and their data")
    parser.add_argument("--classes", nargs="+", default=CLASSES, choices=CLASSES)
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--steps", type=int, default=375, help="of a base, 8 photos each")
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--photos", type=int, default=0, help="most photos to measure; 0 for all")
    parser.add_argument(
        "--base", nargs="+", default=[], metavar="CLASS=FOLDER", help="bases that exist"
    )
    return parser.parse_args()


def schema_without(name: str) -> LabelSchema:
    """Returns the schema of CelebAMask-HQ without one class; the ids above it move down."""
    gone = CELEBAMASK_HQ.id_of(name)
    kept = [index for index in range(CELEBAMASK_HQ.num_classes) if index != gone]
    moved = {old: new for new, old in enumerate(kept)}
    return LabelSchema(
        "own",
        names=tuple(CELEBAMASK_HQ.names[index] for index in kept),
        colors=tuple(CELEBAMASK_HQ.colors[index] for index in kept),
        mirror_pairs=tuple((moved[a], moved[b]) for a, b in CELEBAMASK_HQ.mirror_pairs),
        families=tuple(
            (family, tuple(moved[index] for index in ids if index != gone))
            for family, ids in CELEBAMASK_HQ.families
        ),
    )


def new_ids(name: str) -> np.ndarray:
    """uint8 (256,): the ids of the schema without a class, which itself becomes the last one."""
    schema, ids = schema_without(name), np.full(256, IGNORED, np.uint8)
    for index, label in enumerate(CELEBAMASK_HQ.names):
        ids[index] = schema.num_classes if label == name else schema.names.index(label)
    return ids


def photos_without(name: str, args: argparse.Namespace) -> tuple[Path, list[Pair]]:
    """Writes the data folder of a base; returns it, and the photos that show the class."""
    folder, shown = args.out / f"without-{name}", []
    ids, gone = new_ids(name), CELEBAMASK_HQ.id_of(name)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for pair in find_pairs(args.data):
        mask = read_mask(pair.mask, CELEBAMASK_HQ, gaps=True)
        area = int((mask == gone).sum())
        if area >= LEAST:
            shown.append(pair)
        elif area == 0 and not (folder / "masks" / pair.mask.name).exists():
            shutil.copy(pair.image, folder / "images" / pair.image.name)
            Image.fromarray(ids[mask]).save(folder / "masks" / pair.mask.name)
    return folder, shown


def base_of(name: str, folder: Path, args: argparse.Namespace) -> SegFace:
    """Trains the base of a class, goes on with a run that was stopped, or loads it."""
    given = dict(entry.split("=", 1) for entry in args.base)
    if name in given:
        return SegFace.from_pretrained(given[name])
    out, schema = args.out / f"base-{name}", schema_without(name)
    if not (out / "done").exists():
        out.mkdir(parents=True, exist_ok=True)
        model = {
            "schema": "own", "label_names": schema.names, "label_colors": schema.colors,
            "label_mirror_pairs": schema.mirror_pairs, "label_families": schema.families,
            "resolution": args.side,
        }  # fmt: skip
        recipe = Recipe.from_dict(
            {"model": model, "steps": args.steps, "evaluate_every": 0, "storage": 256, "ema": 0.98}
        )
        write_recipe(recipe, out / "recipe.yaml")
        command = [sys.executable, "-m", "segface_hf", "train", "--aligned", "--data", str(folder)]
        command += ["--out", str(out), "--config", str(out / "recipe.yaml")]
        subprocess.run(command, check=True)
        (out / "done").touch()
    return SegFace.from_pretrained(out / "last")


def read(model: SegFace, pairs: Sequence[Pair], name: str) -> tuple[Pixels, ...]:
    """Reads sampled pixels of photos; the class that the base lacks is the last one."""
    side, new = model.config.resolution, model.config.labels.num_classes
    photos = load_photos(pairs, CELEBAMASK_HQ, side=side, aligned=True)
    masks = torch.from_numpy(new_ids(name))[torch.as_tensor(photos.masks[:]).long()]
    return read_pixels(model, photos.images[:], masks, new=new)


@dataclass
class Counts:
    """Pixels of all measured photos, as shares of a photo.

    Attributes:
        hit: Of the new class, found.
        missed: Of the new class, not found.
        extra: Of other classes, taken for the new one.
        old: (K, 3) for each old class: right, predicted and true.
    """

    hit: float
    missed: float
    extra: float
    old: np.ndarray

    @classmethod
    def of(cls, row: Row | None, photos: Sequence[Pixels]) -> Counts:
        """Counts with a row, or without one."""
        classes = photos[0].logits.shape[1]
        counts = cls(0.0, 0.0, 0.0, np.zeros((classes, 3)))
        for part in photos:
            wins = torch.zeros_like(part.is_new) if row is None else row.wins(part)
            counts.hit += part.share(wins & part.is_new)
            counts.missed += part.share(~wins & part.is_new)
            counts.extra += part.share(wins & ~part.is_new)
            labels = part.logits.argmax(1).masked_fill(wins, classes)
            for index in range(classes):
                # What the base says about the new class's own pixels can't be right.
                found, true = (labels == index) & ~part.is_new, part.labels == index
                counts.old[index] += [part.share(x) for x in (found & true, found, true)]
        return counts

    @property
    def iou(self) -> float:
        """Of the new class."""
        return self.hit / max(1e-9, self.hit + self.missed + self.extra)

    @property
    def lost(self) -> float:
        """Share of the new class's pixels that stay with old classes."""
        return self.missed / max(1e-9, self.hit + self.missed)

    @property
    def f1(self) -> float:
        """Mean over old classes but the background, on pixels that are not of the new class."""
        right, found, true = self.old[1:].T
        held = true > 0
        return float((2 * right[held] / (found + true)[held]).mean())


def draws(examples: Sequence[Pixels], shots: int, count: int) -> Iterator[list[Pixels]]:
    """Draws examples, the same ones for each method."""
    for seed in range(count):
        yield random.Random(seed).sample(list(examples), min(shots, len(examples)))


def measure(name: str, args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yields a line for each number of shots and each method."""
    folder, shown = photos_without(name, args)
    model = base_of(name, folder, args)
    random.Random(0).shuffle(shown)
    examples = read(model, shown[: 2 * max(args.shots)], name)
    pairs = list(find_pairs(args.val))
    random.Random(0).shuffle(pairs)
    photos = read(model, pairs[: args.photos or None], name)
    before = Counts.of(None, photos).f1
    for shots in args.shots:
        for method, fit in METHODS.items():
            found = [Counts.of(fit(drawn), photos) for drawn in draws(examples, shots, args.draws)]
            yield line(found, before, {"class": name, "photos": shots, "method": method})


def line(found: Sequence[Counts], before: float, begin: Mapping[str, object]) -> dict[str, object]:
    """Returns a line of the table: means over draws, and how far the IoU scatters."""
    iou = [counts.iou for counts in found]
    f1 = fmean(counts.f1 for counts in found)
    new = fmean(2 * value / (1 + value) for value in iou)
    scatter = stdev(iou) if len(iou) > 1 else 0.0
    return {
        **begin,
        "IoU": f"{fmean(iou):.3f} +- {scatter:.3f}",
        "lost": f"{fmean(counts.lost for counts in found):.3f}",
        "F1 of old classes": f"{f1 - before:+.4f}",
        "harmonic mean": f"{2 * new * f1 / max(1e-9, new + f1):.3f}",
    }


def main() -> None:
    """Prints the table, class by class."""
    args = options()
    for name in args.classes:
        print(table(list(measure(name, args))), flush=True)


if __name__ == "__main__":
    main()
