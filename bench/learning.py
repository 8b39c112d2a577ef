"""How fast a training step is, by precision and memory: `python -m bench.learning`.

Steps of the embedded model run in turn in one process; ratios are taken round by round. The
allocator is configured when a process starts: run the command twice, the second time with the
variables that docs/training.md names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType

import torch

from bench.machine import describe
from bench.tables import table
from bench.timing import interleaved, ratio
from segface_hf import SegFace
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.training.losses import training_loss
from segface_hf.training.optim import autocast
from segface_hf.training.recipe import SMALL_MODEL, Loss, Recipe

WAYS: Mapping[str, Callable[[], AbstractContextManager[object]]] = MappingProxyType(
    {
        "float32": nullcontext,
        "bfloat16 autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        "bfloat16 with faster operations": lambda: autocast("bf16"),
    }
)


def options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.learning", description=__doc__)
    parser.add_argument("--side", type=int, default=320, help="pixels (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=8, help="photos (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(default: %(default)s)")
    return parser.parse_args()


def learning(batch: int, side: int) -> Mapping[str, Callable[[], None]]:
    """One forward and backward pass over noise, by way."""
    model = SegFace(Recipe(pretrained="none").model_config()).train()
    model = model.to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    masks = torch.randint(CELEBAMASK_HQ.num_classes, (batch, side, side))
    share = torch.full((CELEBAMASK_HQ.num_classes,), 1 / CELEBAMASK_HQ.num_classes)

    def step(context: Callable[[], AbstractContextManager[object]]) -> None:
        model.zero_grad(set_to_none=True)
        with context():
            logits = model.logits(images)
        loss = training_loss(logits.float(), masks, Loss(), share=share, photos=1, progress=0.0)
        loss.backward()

    return {name: lambda context=context: step(context) for name, context in WAYS.items()}


def main() -> int:
    """Runs the benchmark."""
    args = options()
    torch.set_num_threads(args.threads)
    times = interleaved(learning(args.batch, args.side), repeats=args.repeats, clock="wall")
    plain = times["float32"]
    rows = [
        {
            "way": name,
            "photos a second": f"{args.batch / timing.p50:.2f}",
            "times as fast as float32": f"{ratio(plain, timing):.2f}",
        }
        for name, timing in times.items()
    ]
    print(f"{SMALL_MODEL['backbone']}, {args.side} px, batch {args.batch}, {describe()}")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
