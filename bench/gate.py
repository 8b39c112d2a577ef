"""Does the gate reject bad retrainings and let harmless ones through? `python -m bench.gate`.

The model's own predictions stand for the current checkpoint. The same predictions with faults on
half of the photos stand for candidates that were trained on a bad batch. Checkpoints that were
really retrained can be named too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from segface_hf.cli.arguments import whole
from segface_hf.data.folder import find_pairs
from segface_hf.evaluation.gate import judge
from segface_hf.evaluation.photo_groups import photo_groups
from segface_hf.evaluation.photos import PhotoResult, evaluate_photos, measured_of
from segface_hf.evaluation.predictor import Predictor
from segface_hf.evaluation.report import Measured
from segface_hf.evaluation.scores import confusion_matrix
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace

Fault = Callable[[np.ndarray, LabelSchema, np.random.Generator], np.ndarray]
_SHIFT = 0.04  # of the side
_BLOBS, _BLOB_RADIUS = 3, 0.06


def swapped(labels: np.ndarray, schema: LabelSchema, _: np.random.Generator) -> np.ndarray:
    """Exchanges left and right classes."""
    return np.array(schema.mirror_ids, np.uint8)[labels]


def shifted(labels: np.ndarray, _: LabelSchema, __: np.random.Generator) -> np.ndarray:
    """Moves the largest part downwards; its old place gets the next largest class."""
    moved = 1 + int(np.bincount(labels[labels > 0], minlength=2)[1:].argmax())
    region = labels == moved
    others = np.bincount(labels[~region], minlength=1)
    rolled = np.roll(region, round(_SHIFT * len(labels)), axis=0)
    left = np.where(region, others.argmax(), labels)
    return np.where(rolled, moved, left).astype(np.uint8)


def blobs(labels: np.ndarray, schema: LabelSchema, random: np.random.Generator) -> np.ndarray:
    """Paints discs of random classes."""
    result = labels.copy()
    height, width = labels.shape
    rows, columns = np.ogrid[:height, :width]
    for _ in range(_BLOBS):
        y, x = random.uniform(0.2, 0.8, 2) * (height, width)
        inside = (rows - y) ** 2 + (columns - x) ** 2 <= (_BLOB_RADIUS * width) ** 2
        result[inside] = random.integers(1, schema.num_classes)
    return result


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {"swapped sides": swapped, "shifted class": shifted, "blobs": blobs}
)


def with_fault(
    results: Sequence[PhotoResult], schema: LabelSchema, fault: Fault, *, seed: int
) -> Measured:
    """Returns the counts of the predictions with a fault on half of the photos."""
    random = np.random.default_rng(seed)
    bad = set(random.choice(len(results), len(results) // 2, replace=False).tolist())
    counts = [
        confusion_matrix(r.mask, fault(r.prediction, schema, random), schema.num_classes)
        if index in bad
        else r.confusion
        for index, r in enumerate(results)
    ]
    return Measured(tuple(r.stem for r in results), np.stack(counts), schema)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints how many draws of each fault were rejected."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--model", default="embedded", help="(default: %(default)s)")
    parser.add_argument("--data", required=True, help="folder of aligned crops with masks")
    parser.add_argument("--photos", type=whole(1), default=60, help="(default: %(default)s)")
    parser.add_argument("--draws", type=whole(1), default=20, help="(default: %(default)s)")
    parser.add_argument("--retrained", nargs="*", default=[], help="checkpoints to judge as well")
    parser.add_argument("--json", type=Path, help="write the verdicts to this file")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = SegFace.from_pretrained(args.model)
    schema, pairs = model.config.labels, find_pairs(args.data)[: args.photos]
    groups = photo_groups(pairs, schema)
    results = list(evaluate_photos(Predictor.of(model, aligned=True), pairs))
    current = measured_of(results, schema, boundary=False)
    verdicts: dict[str, dict[str, int]] = {}
    for name, fault in FAULTS.items():
        gates = [
            judge(with_fault(results, schema, fault, seed=seed), current, groups, seed=seed)
            for seed in range(args.draws)
        ]
        verdicts[name] = dict(Counter(gate.verdict for gate in gates))
        print(f"{name}: {verdicts[name]}; the first: {gates[0].sentence[:300]}", flush=True)
    for name in args.retrained:
        predictor = Predictor.of(SegFace.from_pretrained(name), aligned=True)
        candidate = measured_of(evaluate_photos(predictor, pairs), schema, boundary=False)
        gate = judge(candidate, current, groups)
        verdicts[Path(name).name] = {gate.verdict: 1}
        print(f"{name}: {gate.sentence}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(verdicts, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
