"""The whole loop: a photo, its correction, a dataset row, training on it, and evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset
from PIL import Image

from annotate.correction import Correction, ModelUsed
from annotate.dataset.folder import FolderStore
from segface_hf import FaceParser
from segface_hf.cli.program import main
from segface_hf.training.recipe_file import write_recipe
from tests.annotate.conftest import AGREED
from tests.segface_hf.training.drawn import tiny_recipe

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PHOTOS = ("grace_hopper.jpg", "three_faces.jpg")


@pytest.fixture(scope="module")
def corrections():
    """The model's own masks of the example photos, one pixel of each corrected."""
    parser = FaceParser.from_pretrained()
    made = []
    for name in PHOTOS:
        image = np.asarray(Image.open(EXAMPLES / name).convert("RGB"))
        prediction = parser.parse(image).mask
        mask = prediction.copy()
        mask[-1, -1] = parser.schema.id_of("cloth")
        made.append(
            Correction(
                image=image,
                mask=mask,
                prediction=prediction,
                schema=parser.schema,
                model=ModelUsed("embedded"),
                consent=AGREED,
            )
        )
    return made


def test_a_corrected_photo_trains_face_by_face_and_scores_in_its_own_pixels(
    corrections, tmp_path, capsys
):
    store, out = FolderStore(tmp_path / "set"), tmp_path / "run"
    for correction in corrections:
        store.save(correction)
    rows = load_dataset(str(store.root), split="train")
    assert sorted(row["image"].size for row in rows) == sorted(
        correction.image.shape[1::-1] for correction in corrections
    )

    write_recipe(tiny_recipe(steps=3, tail={}), tmp_path / "recipe.yaml")
    train = ("train", "--dataset", store.root, "--out", out, "--config", tmp_path / "recipe.yaml")
    assert main([*map(str, train), "--threads", "1"]) == 0
    assert "4 faces from 2 photos" in capsys.readouterr().out

    scores = tmp_path / "scores.json"
    evaluate = ("evaluate", "--json", scores, "--bootstrap", 0, "--no-boundary")
    assert main([*map(str, evaluate), "--dataset", str(store.root)]) == 0
    values = json.loads(scores.read_text())
    assert values["mean_f1"] >= 0.95
    assert (values["photos"], values["aligned_crops"]) == (2, 0)
    rows = ("--data", out / "rows", "--model", out / "last")
    assert main([*map(str, (*evaluate, *rows))]) == 0
    assert json.loads(scores.read_text())["mean_f1"] < 0.5
