"""The embedded checkpoint keeps what its card promises."""

import re

import pytest

from segface_hf.checkpoints import files
from segface_hf.data.folder import find_pairs
from segface_hf.evaluation.photos import evaluate_photos, score
from segface_hf.evaluation.predictor import Predictor
from segface_hf.modeling.segface import SegFace

FOLDER = files.embedded_folder()


def card_score(folder=FOLDER):
    text = (folder / "README.md").read_text(encoding="utf-8")
    return float(re.search(r"\*\*mean F1 ([0-9.]+)\*\*", text)[1])


def score_on_val(source, shared_data):
    """Mean F1 on the validation photos, as `segface evaluate` has it."""
    model = SegFace.from_pretrained(source)
    schema = model.config.labels
    results = evaluate_photos(Predictor.of(model), find_pairs(shared_data / "val"))
    return score([result.confusion for result in results], schema).mean_f1()


def test_its_card_says_that_it_is_for_research():
    assert "non-commercial research" in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_scores_on_val_what_its_card_says(shared_data):
    mean = score_on_val(FOLDER, shared_data)
    assert mean == pytest.approx(card_score(), abs=0.001)
    assert mean >= 0.75
