"""How scores hold up on changed photos: `python -m bench.robustness`.

It measures what `segface evaluate` measures, on photos that are damaged or drawn on first, with
adjusted logits, or turned. Results are printed, and written as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor
from tqdm import tqdm

from bench.pipeline_scores import ParserScores
from segface_hf.checkpoints import files
from segface_hf.cli.arguments import finite, whole
from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import Pair, find_pairs, iterate_pairs
from segface_hf.errors import LabelError, SegFaceError
from segface_hf.evaluation.photos import compare_photo, measured_of
from segface_hf.evaluation.predictor import Predictor
from segface_hf.evaluation.present import summary
from segface_hf.evaluation.report import report
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser
from segface_hf.training.drawing.drawing import DRAWABLE, OCCLUDER, Change, drawer
from segface_hf.training.losses import prior_shift
from segface_hf.training.prepare import prepare
from segface_hf.training.recipe_file import read_recipe

# A face takes about 0.45 of the width of an aligned frame, so this frame shows it 48 pixels wide.
_SMALL_SIDE = 107
_DARK = 0.35
_NOISE = 20.0


def _gray(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _dark(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(_DARK)


def _small(image: Image.Image) -> Image.Image:
    reduced = image.resize((_SMALL_SIDE, _SMALL_SIDE), Image.Resampling.BOX)
    return reduced.resize(image.size, Image.Resampling.BILINEAR)


def _noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, _NOISE, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


DAMAGES: Mapping[str, Callable[[Image.Image], Image.Image]] = MappingProxyType(
    {"gray": _gray, "dark": _dark, "small": _small, "noisy": _noisy}
)


@dataclass(frozen=True, eq=False)
class AdjustedModel:
    """A model whose logits are lowered class by class.

    Attributes:
        model: In evaluation mode.
        lowered: (K,) what to take from each class's logits.
    """

    model: SegFace
    lowered: Tensor

    @property
    def config(self) -> SegFaceConfig:
        """The model's."""
        return self.model.config

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """The model's."""
        return self.model.parameters()

    def logits(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, K, H, W)."""
        return self.model.logits(pixels) - self.lowered[:, None, None].to(pixels.device)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.robustness", description=__doc__)
    parser.add_argument("--model", help="checkpoint (default: the embedded one)")
    parser.add_argument("--data", required=True, help="folder with images/ and masks/")
    parser.add_argument("--json", type=Path, help="write every score to this file")
    parser.add_argument("--damage", choices=tuple(DAMAGES), help="damage photos first")
    parser.add_argument(
        "--drawn", choices=(*DRAWABLE, OCCLUDER), help="draw this on photos without it first"
    )
    parser.add_argument("--adjust", type=finite, help="logit adjustment, usually from 0 to 1")
    parser.add_argument("--recipe", help="run.yaml of the model, for --adjust")
    parser.add_argument("--trained-on", help="data folder the model was trained on, for --adjust")
    parser.add_argument("--landmarks", action="store_true", help="measure FaceParser's landmarks")
    parser.add_argument("--tilt", type=finite, default=0.0, help="compare photos turned by degrees")
    parser.add_argument("--side", type=whole(0), default=0, help="(default: the model's)")
    parser.add_argument("--mirrored", action="store_true", help="add a pass on the flipped photo")
    parser.add_argument("--bootstrap", type=whole(0), default=0, help="resamplings (default: 0)")
    parser.add_argument("--threads", type=whole(0), default=0, help="CPU threads (default: all)")
    args = parser.parse_args(arguments)
    if args.adjust is not None and not (args.recipe and args.trained_on):
        parser.error("--adjust needs --recipe RUN.yaml and --trained-on FOLDER of the model")
    return args


def change_of(args: argparse.Namespace, model: SegFace) -> Change:
    """Returns what is drawn on photos, and done to them after that.

    Raises:
        LabelError: The model lacks the class that is to be drawn.
    """
    draw = drawer(args.drawn, model.config.labels) if args.drawn else _unchanged
    damage = DAMAGES[args.damage] if args.damage else None

    def change(stem: str, image: Image.Image, mask: np.ndarray) -> tuple[Image.Image, np.ndarray]:
        image, mask = draw(stem, image, mask)
        return (damage(image) if damage else image), mask

    return change


def _unchanged(stem: str, image: Image.Image, mask: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    return image, mask


def adjusted(model: SegFace, args: argparse.Namespace) -> SegFace:
    """Takes back what the recipe's sampling, pasting and drawing made common.

    Raises:
        LabelError: The recipe's classes aren't the model's.
    """
    if not args.adjust:
        return model
    recipe = read_recipe(Path(args.recipe))
    if recipe.model_config().labels != model.config.labels:
        raise LabelError(f"{args.recipe} is of other classes: name the model's own run.yaml")
    lowered = args.adjust * prior_shift(prepare(args.trained_on, recipe), recipe)
    return cast(SegFace, AdjustedModel(model, lowered))


def robustness(args: argparse.Namespace) -> dict[str, Any]:
    """Measures a model on changed photos; returns the values of `report`, and the pipeline's."""
    model = SegFace.from_pretrained(args.model or files.embedded_folder())
    schema, change = model.config.labels, change_of(args, model)
    predictor = Predictor.of(adjusted(model, args), side=args.side, mirrored=args.mirrored)
    pairs = find_pairs(args.data)

    def photos() -> Iterator[tuple[Pair, Image.Image, np.ndarray]]:
        for pair, image, mask in tqdm(iterate_pairs(pairs, schema), total=len(pairs)):
            yield pair, *change(pair.stem, image, mask)

    results = (compare_photo(predictor, pair.stem, *changed) for pair, *changed in photos())
    measured = measured_of(results, schema, boundary=False)
    values = report(measured, rounds=args.bootstrap)
    if args.landmarks or args.tilt:
        scores = ParserScores(FaceParser(model), tilt=args.tilt)
        for pair, image, mask in photos():
            scores.add(pair.stem, image, mask)
        values |= scores.summary()
    return values


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    args = options(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        values = robustness(args)
    except SegFaceError as error:
        print(f"robustness: {error}", file=sys.stderr)
        return 2
    if args.json:
        args.json.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    print(*summary(values), sep="\n")
    for key in ("landmarks", "tilt"):
        print(*(f"{key}: {name} {value}" for name, value in values.get(key, {}).items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
