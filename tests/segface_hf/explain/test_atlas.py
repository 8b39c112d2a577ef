"""The atlas of heads: what they look at, what is lost without them, and what chance gives."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from segface_hf.cli.program import main
from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import find_pairs
from segface_hf.errors import DataError
from segface_hf.explain.atlas import make_atlas, match
from segface_hf.modeling.calibration import with_head_scales
from segface_hf.modeling.segface import SegFace

HEADS = 2


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    config = SegFaceConfig(width=16, heads=HEADS, mlp_dim=16, resolution=64)
    # A head that is off already: nothing can be lost without it.
    return with_head_scales(SegFace(config), {"L0.cross.1": 0})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for index in range(3):
        pixels = random.integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
        mask = np.full((64, 64), 2, np.uint8)
        mask[:, 32:] = 14
        Image.fromarray(mask).save(folder / "masks" / f"{index}.png")
    return folder


def test_the_atlas_says_where_heads_look_and_what_is_lost_without_them(model, data):
    atlas = make_atlas(model, find_pairs(data), progress=False)
    rows = {name: atlas.retrieval[i] for i, name in enumerate(atlas.heads)}
    assert np.isnan(rows["L0.self.0"]).all()
    assert np.isnan(rows["final.0"][1])
    # Two classes share the picture, so what is not on one is on the other: -1/2 to 1/2 for both.
    assert (np.abs(rows["final.0"][[2, 14]]) <= 0.5).all()
    assert np.nanmax(np.abs(atlas.lost[atlas.heads.index("L0.cross.1")])) == 0
    assert len(atlas.best) == 5
    assert len(atlas.random_lost) == 20
    assert set(atlas.mirror) == {f"L{i}.self.{j}" for i in range(2) for j in range(HEADS)}
    with pytest.raises(DataError, match="no photos"):
        make_atlas(model, [])


def test_a_head_that_leads_to_every_partner_is_beyond_chance():
    pairing = {i: i ^ 1 for i in range(10)}
    leading = np.eye(10)[[i ^ 1 for i in range(10)]] + 2 * np.eye(10)  # itself doesn't count
    assert match(leading, pairing).share == 1
    assert match(leading, pairing).p_value < 0.01
    elsewhere = np.tile(np.arange(10.0), (10, 1))  # always to the last token
    assert match(elsewhere, pairing).p_value > 0.05
    assert match(elsewhere, {}).p_value == 1


def test_the_command_writes_a_page_and_every_number(model, data, tmp_path, capsys):
    model.save_pretrained(tmp_path / "model")
    out = tmp_path / "out"
    command = ["atlas", "--data", str(data), "--model", str(tmp_path / "model"), "--photos", "1"]
    assert main([*command, "--out", str(out)]) == 0
    assert "together, mean F1 falls by" in capsys.readouterr().out
    values = json.loads((out / "atlas.json").read_text())
    assert values["photos"] == 1
    assert values["lost_f1"]["L0.cross.1"]["skin"] == 0
    assert "What each class looks with" in (out / "atlas.html").read_text()
