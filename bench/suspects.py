"""Are wrong masks found? `python -m bench.suspects`: errors of each kind, planted in good masks.

Each photo's mask is judged as it is and with one planted error of each kind. AUROC compares the
masks with an error with the masks without, by the suspects' score, by softmin of the probability
that the model gives to the mask's labels (as cleanlab scores masks), and by a random order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage, stats
from torch.nn import functional as F

from bench.tables import table
from segface_hf.cli.arguments import whole
from segface_hf.data.folder import Pair, find_pairs, read_pair
from segface_hf.evaluation import suspects
from segface_hf.evaluation.predictor import frame_pixels
from segface_hf.evaluation.suspects import suspicion_score, suspicions
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace

Plant = Callable[[np.ndarray, np.ndarray, LabelSchema, np.random.Generator], np.ndarray | None]
_LARGE = ("skin", "hair", "neck", "cloth", "background")
_LEAST = 60  # pixels of a part that is removed, moved or renamed
_TEMPERATURE = 0.1
_SHIFT = (0.03, 0.08)


def without(mask: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """Gives the pixels of some classes the nearest other class."""
    gone = np.isin(mask, ids)
    _, nearest = ndimage.distance_transform_edt(gone, return_indices=True)
    return mask[tuple(nearest)]


def _parts(mask: np.ndarray, schema: LabelSchema) -> list[int]:
    sizes = np.bincount(mask.ravel(), minlength=schema.num_classes)
    return [i for i, n in enumerate(schema.names) if n not in _LARGE and sizes[i] >= _LEAST]


def missing(
    mask: np.ndarray, _: np.ndarray, schema: LabelSchema, random: np.random.Generator
) -> np.ndarray | None:
    """Removes a part."""
    parts = _parts(mask, schema)
    return without(mask, [int(random.choice(parts))]) if parts else None


def additional(
    mask: np.ndarray, other: np.ndarray, schema: LabelSchema, random: np.random.Generator
) -> np.ndarray | None:
    """Adds a part of another photo's mask that this one lacks, or a disc of a random class."""
    own = set(np.unique(mask).tolist())
    parts = [part for part in _parts(other, schema) if part not in own]
    if parts:
        part = int(random.choice(parts))
        return np.where(other == part, part, mask).astype(np.uint8)
    size = len(mask)
    y, x = random.uniform(0.2, 0.8, 2) * size
    rows, columns = np.ogrid[:size, :size]
    disc = (rows - y) ** 2 + (columns - x) ** 2 <= (random.uniform(0.03, 0.07) * size) ** 2
    absent = [i for i in range(1, schema.num_classes) if i not in mask[disc]]
    return np.where(disc, int(random.choice(absent)), mask).astype(np.uint8)


def exchanged(
    mask: np.ndarray, _: np.ndarray, schema: LabelSchema, random: np.random.Generator
) -> np.ndarray | None:
    """Exchanges the sides of all pairs, or of one."""
    parts = set(_parts(mask, schema))
    pairs = [pair for pair in schema.mirror_pairs if parts & set(pair)]
    if not pairs:
        return None
    table_of = np.arange(256, dtype=np.uint8)
    for a, b in pairs if random.random() < 0.5 else [pairs[random.integers(len(pairs))]]:
        table_of[[a, b]] = [b, a]
    return table_of[mask]


def shifted(
    mask: np.ndarray, _: np.ndarray, schema: LabelSchema, random: np.random.Generator
) -> np.ndarray | None:
    """Moves a part by 3 to 8 % of the side."""
    parts = _parts(mask, schema)
    if not parts:
        return None
    part = int(random.choice(parts))
    angle, far = random.uniform(0, 2 * np.pi), random.uniform(*_SHIFT) * len(mask)
    moved = np.roll(mask == part, (round(far * np.sin(angle)), round(far * np.cos(angle))), (0, 1))
    return np.where(moved, part, without(mask, [part])).astype(np.uint8)


def renamed(
    mask: np.ndarray, _: np.ndarray, schema: LabelSchema, random: np.random.Generator
) -> np.ndarray | None:
    """Gives a part another class, not its mirror's."""
    parts = _parts(mask, schema)
    if not parts:
        return None
    part = int(random.choice(parts))
    not_these = (0, part, schema.mirror_ids[part])
    others = [i for i in range(schema.num_classes) if i not in not_these]
    return np.where(mask == part, int(random.choice(others)), mask).astype(np.uint8)


PLANTS: Mapping[str, Plant] = MappingProxyType(
    dict(
        zip(suspects.KINDS, (missing, additional, exchanged, shifted, renamed), strict=True),
    )
)


@torch.inference_mode()
def seen(model: SegFace, pair: Pair, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns a crop's true mask, uint8 (side, side), and probabilities, (K, side, side)."""
    image, mask = read_pair(pair, model.config.labels)
    logits = model.logits(frame_pixels(image, model.config, side=side)).float()
    probability = F.interpolate(logits.softmax(1), size=(side, side), mode="bilinear")[0]
    small = Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST)
    return np.array(small), probability.numpy()


def softmin_score(mask: np.ndarray, probability: np.ndarray) -> float:
    """Returns 1 - softmin of the probabilities of the mask's labels."""
    given = np.take_along_axis(probability, mask[None].astype(np.int64), 0)[0]
    weight = np.exp((1 - given) / _TEMPERATURE)
    return float(1 - (weight * given).sum() / weight.sum())


def auroc(bad: Sequence[float], good: Sequence[float]) -> float:
    """Returns how often a bad mask has a higher score than a good one; ties count half."""
    return float(stats.mannwhitneyu(bad, good).statistic / (len(bad) * len(good)))


def measure(model: SegFace, pairs: Sequence[Pair], *, side: int, seed: int) -> list[dict[str, Any]]:
    """Returns a row for each kind of error."""
    random, schema = np.random.default_rng(seed), model.config.labels
    names = ("none", *PLANTS)
    scores: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    kinds: dict[str, list[str]] = {name: [] for name in names}
    previous: np.ndarray | None = None
    for pair in pairs:
        mask, probability = seen(model, pair, side)
        best = probability.argmax(0).astype(np.uint8)
        sure = (probability.max(0) * 255).astype(np.uint8)
        other, previous = (mask if previous is None else previous), mask
        masks = {name: plant(mask, other, schema, random) for name, plant in PLANTS.items()}
        for name, judged in {"none": mask, **masks}.items():
            if judged is not None:
                found = suspicions(judged, best, sure, schema)
                softmin = softmin_score(judged, probability)
                scores[name].append((suspicion_score(found), softmin, random.random()))
                kinds[name].append(found[0].kind if found else "")
    good = list(zip(*scores["none"], strict=True))
    rows = []
    for name in PLANTS:
        bad = list(zip(*scores[name], strict=True))
        ours, softmin, chance = (auroc(b, g) for b, g in zip(bad, good, strict=True))
        named = sum(kind == name for kind in kinds[name]) / len(kinds[name])
        row = {"error": name, "masks": len(kinds[name]), "suspects": round(ours, 3)}
        row |= {"softmin": round(softmin, 3), "random": round(chance, 3), "named": round(named, 2)}
        rows.append(row)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints AUROC by kind of error."""
    parser = argparse.ArgumentParser(prog="python -m bench.suspects", description=__doc__)
    parser.add_argument("--model", default="embedded", help="(default: %(default)s)")
    parser.add_argument("--data", nargs="+", required=True, help="folders of aligned crops")
    parser.add_argument("--photos", type=whole(2), default=200, help="(default: %(default)s)")
    parser.add_argument("--side", type=whole(64), default=256, help="(default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0, help="of the errors")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    pairs = [pair for folder in args.data for pair in find_pairs(folder)][: args.photos]
    model = SegFace.from_pretrained(args.model)
    rows = measure(model, pairs, side=args.side, seed=args.seed)
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
