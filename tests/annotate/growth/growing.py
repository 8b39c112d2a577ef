"""A dataset of drawn faces, an untrained checkpoint, and the command that grows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from annotate.correction import Correction
from annotate.dataset.folder import FolderStore
from segface_hf import SegFace
from tests.annotate.conftest import draw
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair

RECIPE = {
    "steps": 40, "batch_size": 4, "storage": 48, "precision": "fp32", "warmup_steps": 1,
    "learning_rate": 0.02, "backbone_rate": 0.01, "ema": 0.5, "checkpoint_every": 15,
}  # fmt: skip
FIRST_VALIDATION = 100


def face_row(number: int, **fields: Any) -> Correction:
    """A correction of a drawn face; its photo looks like no other number's."""
    image, mask = draw_face(number, glasses=True)
    drawn = {"image": image, "mask": mask, "prediction": np.zeros_like(mask)}
    return draw(number, **{**drawn, **fields})


def write_base(folder: Path, *, seed: int = 0, **fields: Any) -> Path:
    """Writes an untrained checkpoint with a license."""
    import torch

    torch.manual_seed(seed)
    stated = {"license": "cc-by-4.0", "source": "drawn faces", **fields}
    return SegFace(replace(tiny_recipe().model_config(), **stated)).save_pretrained(folder)


def write_inputs(folder: Path) -> None:
    """Writes the validation photos, old photos and the recipe."""
    for number in range(FIRST_VALIDATION, FIRST_VALIDATION + 6):
        write_pair(folder / "val", f"face{number}", *draw_face(number, glasses=True))
        write_pair(folder / "old", f"old{number}", *draw_face(number + 50))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))


def saved(folder: Path, rows: Iterable[Correction]) -> FolderStore:
    """A dataset in a folder, of some rows."""
    held = FolderStore(folder)
    for row in rows:
        held.save(row)
    return held


def words(folder: Path, dataset: Any, *more: Any, out: str = "out") -> list[str]:
    """The command line; masks are kept, as an untrained model can't judge them."""
    given = (
        "grow", "--dataset", dataset, "--model", folder / "base", "--out", folder / out,
        "--val", folder / "val", "--data", f"{folder / 'old'}:1",
        "--config", folder / "recipe.yaml", "--classes", "skin", "hair", "--threads", 1,
        "--keep-suspects", *more,
    )  # fmt: skip
    return [str(word) for word in given]
