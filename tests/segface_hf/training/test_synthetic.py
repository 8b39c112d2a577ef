"""The synthetic checkpoint is free to use, ships with the package and scores as its card says."""

from pathlib import Path

import pytest
import torch

from segface_hf.checkpoints import files
from segface_hf.checkpoints.files import EMBEDDED, SHIPPED, SYNTHETIC
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser
from tests.segface_hf.training.test_embedded import card_score, score_on_val

FOLDER = SHIPPED[SYNTHETIC]
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_every_shipped_checkpoint_is_small_and_has_a_card():
    for folder in SHIPPED.values():
        assert (folder / files.WEIGHTS_FILE).stat().st_size <= 12_000_000
        assert (folder / files.CARD_FILE).is_file()


def test_its_card_states_its_license_and_training_data():
    card = (FOLDER / files.CARD_FILE).read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    assert "trained on rendered faces and nothing else" in card
    config = SegFace.from_pretrained(SYNTHETIC).config
    assert config.license == "apache-2.0"
    assert "rendered" in config.source


def test_a_name_loads_a_shipped_checkpoint_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / EMBEDDED).mkdir()
    monkeypatch.chdir(tmp_path)
    for name, folder in SHIPPED.items():
        ours = SegFace.from_pretrained(name).state_dict()
        theirs = SegFace.from_pretrained(folder).state_dict()
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
        assert FaceParser.from_pretrained(name).model_id == name


def test_it_finds_a_real_face():
    parse = FaceParser.from_pretrained(SYNTHETIC).parse(EXAMPLES / "astronaut.jpg")
    assert len(parse.faces) == 1
    assert {"skin", "hair", "nose", "l_eye", "r_eye"} <= set(parse.present())


@pytest.mark.slow
def test_it_scores_on_val_what_its_card_says(shared_data):
    mean = score_on_val(SYNTHETIC, shared_data)
    assert mean == pytest.approx(card_score(FOLDER), abs=0.001)
    assert mean >= 0.5
