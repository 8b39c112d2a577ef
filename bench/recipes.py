"""What each training recipe gives, alone: `python -m bench.recipes --data A --val B --out DIR`.

Every recipe starts from the same checkpoint and sees equally many photos; only what its name says
differs from the plain one. Runs resume, and finished ones are not repeated. The table shows the
difference to the plain recipe on the same photos, with a 95 % paired bootstrap interval: it covers
other photos, not another seed, unless `--seeds` asks for more.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from bench.tables import table
from segface_hf.checkpoints import files
from segface_hf.data.folder import find_pairs
from segface_hf.evaluation.bootstrap import differences
from segface_hf.evaluation.photos import measure
from segface_hf.evaluation.predictor import Predictor
from segface_hf.evaluation.report import Measured
from segface_hf.modeling.segface import SegFace
from segface_hf.training.recipe import Recipe
from segface_hf.training.recipe_file import write_recipe

PLAIN = "plain"
RARE = ("eyeglasses", "hat", "earring", "necklace")
RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        PLAIN: {},
        "balanced sampling": {"tail": {"sampling": "balanced"}},
        "copy-paste": {"tail": {"paste": dict.fromkeys(RARE, 0.1)}},
        "drawn jewellery": {"tail": {"drawn": {"earring": 0.1, "necklace": 0.1}}},
        "drawn headwear": {"tail": {"drawn": {"hat": 0.15}}},
        "drawn eyewear": {"tail": {"drawn": {"eyeglasses": 0.15}}},
        "occluders": {"augment": {"occluded": 0.2}},
        "class weights": {"loss": {"class_weights": "inverse_sqrt"}},
        "deferred class weights": {
            "loss": {"class_weights": "inverse_sqrt", "reweight_from": 0.75}
        },
        "effective number": {"loss": {"class_weights": "effective_number"}},
        "logit adjustment in the loss": {"loss": {"logit_adjustment": 0.5}},
        "no Dice": {"loss": {"dice": 0.0}},
        "swapped masks kept": {"tail": {"swapped": "keep"}},
        "swapped masks set aside": {"tail": {"swapped": "set_aside"}},
        "missing parts don't count": {"tail": {"missing": "ignore"}, "pseudo": {"confidence": 0.8}},
        "fragments completed": {"tail": {"missing": "complete"}, "pseudo": {"confidence": 0.8}},
        "no low resolution": {"augment": {"low_resolution": 0.0}},
        "zoom-out": {"augment": {"zoom_out": 0.3}},
        "distillation": {"distill": {"temperature": 2.0}},
        "pseudo-labels": {},
    }
)
_UNLABELED, _DISTILLED = "pseudo-labels", "distillation"


def options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="data folder to train on")
    parser.add_argument("--val", required=True, help="data folder to evaluate on")
    parser.add_argument("--unlabeled", help="photos without masks, for pseudo-labels")
    parser.add_argument("--out", required=True, type=Path, help="folder of the runs")
    parser.add_argument(
        "--initial", default=str(files.embedded_folder()), help="start of every run"
    )
    parser.add_argument("--teacher", help="checkpoint for distillation (default: --initial)")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of recipes; all by default")
    return parser.parse_args()


def recipe_of(name: str, args: argparse.Namespace, seed: int) -> Recipe:
    """Returns a recipe: the plain one with what its name says."""
    plain = {
        "initial": args.initial,
        "seed": seed,
        "steps": args.steps,
        "batch_size": args.batch,
        "workers": args.workers,
        "resolutions": [[0.0, args.side]],
        "learning_rate": 5e-4,
        "backbone_rate": 2e-4,
        "warmup_steps": 10,
        "ema": 0.99,
        "evaluate_every": 0,
        "tail": {"sampling": "uniform"},
    }
    for key, value in RECIPES[name].items():
        plain[key] = {**plain.get(key, {}), **value}  # type: ignore[dict-item]
    if name == _DISTILLED:
        plain["distill"] = {**plain["distill"], "teacher": args.teacher or args.initial}  # type: ignore[dict-item]
    return Recipe.from_dict(plain)


def trained(name: str, args: argparse.Namespace, seed: int) -> Path:
    """Runs `segface train` with a recipe, or resumes it; returns the last checkpoint."""
    out: Path = args.out / f"{name.replace(' ', '-')}-{seed}"
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "done").exists():
        write_recipe(recipe_of(name, args, seed), out / "recipe.yaml")
        command = [
            sys.executable,
            "-m",
            "segface_hf",
            "train",
            "--data",
            args.data,
            "--val",
            args.val,
            "--out",
            str(out),
            "--config",
            str(out / "recipe.yaml"),
        ]
        if name == _UNLABELED:
            command += ["--unlabeled", args.unlabeled]
        subprocess.run(command, check=True)
        (out / "done").touch()
    return out / "last"


def measured(folder: Path, args: argparse.Namespace) -> Measured:
    """Evaluates a checkpoint at the side it was trained at."""
    model = SegFace.from_pretrained(str(folder)).eval()
    predictor = Predictor.of(model, side=args.side)
    return measure(predictor, find_pairs(args.val), boundary=False)


def row(name: str, ours: list[Measured], plain: list[Measured]) -> dict[str, object]:
    """Returns a line of the table; several seeds are stacked as if they were more photos."""
    schema = ours[0].schema
    first, second = (np.concatenate([m.confusions for m in runs]) for runs in (ours, plain))
    found = differences(first, second, schema)

    def shown(key: str) -> str:
        value, (low, high) = found[key]
        return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"

    means = [m.scores.mean_f1() for m in ours]
    same = name == PLAIN
    return {
        "recipe": name,
        "mean_f1": " / ".join(f"{mean:.3f}" for mean in means),
        "difference": "" if same else shown("mean_f1"),
        "eyeglasses, hat, earring, necklace": "" if same else shown("tail_f1"),
    }


def rows(args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Trains and measures recipe by recipe."""
    names = args.only or [n for n in RECIPES if n != _UNLABELED or args.unlabeled]
    plain: list[Measured] = []
    for name in dict.fromkeys([PLAIN, *names]):
        ours = [measured(trained(name, args, seed), args) for seed in range(args.seeds)]
        plain = plain or ours
        yield row(name, ours, plain)
        print(table([row(name, ours, plain)]), flush=True)


def main() -> None:
    """Prints the table."""
    args = options()
    print(table(list(rows(args))))


if __name__ == "__main__":
    main()
