"""Masks with unlabeled pixels, from training to the scores."""

import json

import numpy as np
from PIL import Image

from segface_hf.cli.program import main
from segface_hf.labels import IGNORED
from segface_hf.training.recipe_file import write_recipe
from tests.segface_hf.training.drawn import tiny_recipe


def test_masks_with_gaps_are_trained_on_and_scored_at_labeled_pixels(folder, tmp_path, capsys):
    every = {
        "sampling": "balanced",
        "swapped": "repair",
        "missing": "complete",
        "paste": {"eyeglasses": 1.0},
        "drawn": {"necklace": 1.0},
    }
    for path in (folder / "masks").iterdir():
        ids = np.array(Image.open(path))
        ids[:, :20] = IGNORED
        Image.fromarray(ids).save(path)
    recipe = tiny_recipe(steps=2, tail=every, pseudo={"teacher": "embedded"})
    write_recipe(recipe, tmp_path / "gaps.yaml")
    out, data = str(tmp_path / "run"), ["--data", str(folder)]
    assert main(["train", *data, "--out", out, "--config", str(tmp_path / "gaps.yaml")]) == 0
    named = ["--json", str(tmp_path / "e.json"), "--sheet", str(tmp_path / "e.png")]
    assert main(["evaluate", *data, "--model", f"{out}/last", *named, "--bootstrap", "0"]) == 0
    values = json.loads((tmp_path / "e.json").read_text())
    assert sum(row.get("pixels", 0) for row in values["classes"].values()) == 6 * 44 * 64
    assert tuple(np.asarray(Image.open(tmp_path / "e.png"))[100, 224 + 10]) == (128, 128, 128)
