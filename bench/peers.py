"""SegFace's head against others: `python -m bench.peers --data A --val B --out DIR`.

BiSeNet's, SegFormer's and U-Net's heads and SegFace's own are trained on the same backbone, on the
same batches for the same number of views, with the same losses and rates, and scored on the same
photos. Training resumes after a stop, and finished networks are not trained again. One seed: a
difference of a point or less means little.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from bench.machine import describe
from bench.peer_heads import PEERS, Network
from bench.tables import table
from bench.timing import interleaved
from segface_hf._utils import atomic_write
from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import find_pairs, iterate_pairs
from segface_hf.evaluation.photos import score
from segface_hf.evaluation.scores import confusion_matrix
from segface_hf.training.average import averaged_copy, update_average
from segface_hf.training.losses import training_loss
from segface_hf.training.optim import build_optimizer, learning_rate
from segface_hf.training.prefetch import prefetcher
from segface_hf.training.prepare import TrainingData, prepare, step_batch
from segface_hf.training.recipe import SMALL_MODEL, Recipe
from segface_hf.training.run import check_same_run
from segface_hf.training.start import load_imagenet
from segface_hf.training.state import STATE_FILE, load_state, save_state

SCORES_FILE = "scores.json"
_SAVE_EVERY = 50
_BYTES = 2  # of a parameter in half precision, as checkpoints are shipped


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--data", required=True, help="data folder to train on")
    parser.add_argument("--val", required=True, help="data folder to score on")
    parser.add_argument("--out", required=True, type=Path, help="folder of states and scores")
    parser.add_argument("--views", type=int, default=10_000, help="photos seen by each network")
    parser.add_argument("--side", type=int, default=224, help="pixels (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=8, help="photos a step")
    parser.add_argument("--backbone", default=SMALL_MODEL["backbone"])
    parser.add_argument("--pretrained", choices=("imagenet", "none"), default="imagenet")
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--repeats", type=int, default=20, help="rounds of timing")
    parser.add_argument("--threads", type=int, default=1, help="(default: %(default)s)")
    return parser.parse_args(words)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """Returns the recipe that all networks share; `model` says only backbone, side and classes."""
    model = {**SMALL_MODEL, "backbone": args.backbone, "resolution": args.side}
    return Recipe.from_dict(
        {
            "model": model,
            "pretrained": args.pretrained,
            "steps": args.views // args.batch,
            "batch_size": args.batch,
            "storage": 2 * args.side,
            "precision": "fp32",
            "tail": {"sampling": "balanced", "sampling_power": 0.35},
        }
    )


def built(name: str, recipe: Recipe) -> Network:
    """Builds a network with the weights that it starts from."""
    torch.manual_seed(recipe.seed)
    model = PEERS[name](recipe.model_config())
    if recipe.pretrained == "imagenet":
        load_imagenet(model.backbone, recipe.model_config().backbone)
    return model.train().to(memory_format=torch.channels_last)


def normalized(images: Tensor, config: SegFaceConfig) -> Tensor:
    """(B, 3, H, W) in 0 to 1 -> normalized pixels, channels last."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (config.mean, config.std))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


class Training:
    """The training of one network, which resumes from its last saved state.

    Args:
        name: A key of `PEERS`.
        data: Prepared photos, the same for all networks.
        recipe: The same for all networks.
        out: Folder of the state.
    """

    def __init__(self, name: str, data: TrainingData, recipe: Recipe, out: Path) -> None:
        self.data, self.recipe, self._path = data, recipe, out / STATE_FILE
        self.model = built(name, recipe)
        self.average: Network = averaged_copy(self.model)  # type: ignore[assignment]
        self.optimizer = build_optimizer(self.model, recipe)  # type: ignore[arg-type]
        self.step = 0
        if (state := load_state(self._path)) is not None:
            check_same_run(state["recipe"], recipe.to_dict(), out)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["random"])
            self.step = state["step"]

    def run(self, *, stop_at: int | None = None) -> Network:
        """Trains to the end, or to a step, and returns the averaged network."""
        batches = prefetcher(partial(step_batch, self.data, self.recipe))
        last = self.recipe.steps if stop_at is None else stop_at
        for step in tqdm(range(self.step, last), unit="step", initial=self.step, total=last):
            self._advance(*batches.take(step))
            if self.step % _SAVE_EVERY == 0 or self.step == last:
                self.save()
        return self.average.eval()

    def _advance(self, images: Tensor, masks: Tensor) -> None:
        factor = learning_rate(self.recipe, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model.logits(normalized(images, self.recipe.model_config()))
        loss = training_loss(
            logits,
            masks,
            self.recipe.loss,
            share=self.data.share,
            photos=self.data.counted,
            progress=self.step / self.recipe.steps,
        )
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.step += 1
        update_average(self.average, self.model, decay=self.recipe.ema, step=self.step)

    def save(self) -> None:
        """Saves the state to resume from."""
        save_state(
            self._path,
            {
                "recipe": self.recipe.to_dict(),
                "step": self.step,
                "best": -1.0,
                "seconds": 0.0,
                "precision": "fp32",
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "random": torch.get_rng_state(),
            },
        )


@torch.inference_mode()
def predicted(model: Network, image: Image.Image, side: int) -> np.ndarray:
    """Returns the mask of a crop, uint8 (H, W) at the crop's size."""
    resized = image.resize((side, side), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None].float() / 255
    logits = model.logits(normalized(pixels, model.config))
    size = (image.height, image.width)
    full = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
    return full.argmax(1)[0].to(torch.uint8).numpy()


def scored(model: Network, val: str, side: int) -> dict[str, Any]:
    """Scores a network on the crops of a data folder."""
    labels = model.config.labels
    confusions = [
        confusion_matrix(mask, predicted(model, image, side), labels.num_classes)
        for _, image, mask in iterate_pairs(find_pairs(val), labels)
    ]
    scores = score(confusions, labels)
    return {
        "mean_f1": scores.mean_f1(),
        "tail_f1": scores.tail_f1(),
        "f1": {name: values["f1"] for name, values in scores.by_class().items()},
        "mb": sum(value.numel() for value in model.parameters()) * _BYTES / 1e6,
    }


def milliseconds(args: argparse.Namespace) -> dict[str, float]:
    """Median time of one crop in the plain forward pass, all networks in turn."""
    recipe = recipe_of(args)
    pixels = torch.randn(1, 3, args.side, args.side).contiguous(memory_format=torch.channels_last)
    calls = {}
    for name in args.only:
        model = built(name, recipe).eval()
        calls[name] = partial(torch.inference_mode()(model.logits), pixels)
    times = interleaved(calls, repeats=args.repeats, clock="wall")
    return {name: timing.p50 * 1e3 for name, timing in times.items()}


def result_of(name: str, args: argparse.Namespace, data: TrainingData) -> dict[str, Any]:
    """Trains and scores a network, or reads the scores of a finished one."""
    out: Path = args.out / name
    path, recipe = out / SCORES_FILE, recipe_of(args)
    if path.exists():
        done: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        check_same_run(done["recipe"], recipe.to_dict(), out)
        return done
    result = scored(Training(name, data, recipe, out).run(), args.val, args.side)
    result["recipe"] = recipe.to_dict()
    atomic_write(path, lambda partial: partial.write_text(json.dumps(result), encoding="utf-8"))
    return result


def rows(results: Mapping[str, dict[str, Any]], times: Mapping[str, float]) -> list[dict[str, Any]]:
    """Returns a line of the table for each network."""
    return [
        {
            "head": name,
            "mean_f1": f"{result['mean_f1']:.3f}",
            "tail": f"{result['tail_f1']:.3f}",
            **{part: "-" if f1 is None else f"{f1:.3f}" for part, f1 in result["f1"].items()},
            "ms": f"{times[name]:.0f}",
            "MB": f"{result['mb']:.1f}",
        }
        for name, result in results.items()
    ]


def main(words: list[str] | None = None) -> int:
    """Trains, scores and times all networks, and prints the table."""
    args = arguments(words)
    torch.set_num_threads(args.threads)
    data = prepare(args.data, recipe_of(args), aligned=True, progress=True)
    results = {name: result_of(name, args, data) for name in args.only}
    text = table(rows(results, milliseconds(args)))
    (args.out / "peers.md").write_text(text + "\n", encoding="utf-8")
    views = f"{args.views} views of {data.sources()}, {args.side} px"
    print(f"{args.backbone}, {views}; {describe()}", text, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
