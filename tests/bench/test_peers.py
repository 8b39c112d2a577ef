"""The comparison of heads trains all of them alike, resumes, and scores them on the same photos."""

import json

import pytest
import torch

from bench.peer_heads import PEERS
from bench.peers import SCORES_FILE, Training, arguments, built, main, recipe_of
from segface_hf.errors import ConfigError
from segface_hf.training.prepare import prepare
from tests.segface_hf.training.drawn import draw_face, write_pair


@pytest.fixture
def words(tmp_path):
    for seed in range(4):
        write_pair(tmp_path / "data", f"face{seed}", *draw_face(seed, glasses=seed < 2))
    return [
        "--data", str(tmp_path / "data"), "--val", str(tmp_path / "data"), "--out",
        str(tmp_path / "out"), "--views", "8", "--batch", "2", "--side", "64", "--repeats", "1",
        "--backbone", "test_efficientnet", "--pretrained", "none",
    ]  # fmt: skip


@pytest.mark.parametrize("name", PEERS)
def test_every_head_gives_logits_of_every_class_and_a_gradient_to_the_backbone(words, name):
    model = built(name, recipe_of(arguments(words)))
    logits = model.logits(torch.randn(2, 3, 64, 64))
    assert logits.shape[:2] == (2, 19)
    assert 64 % logits.shape[-1] == 0
    logits.square().mean().backward()
    assert all(value.grad is not None for value in model.parameters())


def test_all_heads_start_from_the_same_backbone(words):
    recipe = recipe_of(arguments(words))
    states = [built(name, recipe).backbone.state_dict() for name in ("U-Net", "BiSeNet")]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_stopped_training_resumes_bit_for_bit(words, tmp_path):
    recipe = recipe_of(arguments(words))
    data = prepare(tmp_path / "data", recipe, aligned=True)
    whole = Training("SegFormer", data, recipe, tmp_path / "whole").run().state_dict()
    Training("SegFormer", data, recipe, tmp_path / "cut").run(stop_at=2)
    resumed = Training("SegFormer", data, recipe, tmp_path / "cut")
    assert resumed.step == 2
    after = resumed.run().state_dict()
    assert all(torch.equal(whole[key], after[key]) for key in whole)


def test_the_command_trains_all_heads_once_and_prints_a_table(words, tmp_path, capsys):
    assert main(words) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert lines[0].startswith("| head | mean f1 | tail | background | neck |")
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == list(PEERS)
    assert (tmp_path / "out" / "peers.md").read_text().splitlines() == lines
    path = tmp_path / "out" / "U-Net" / SCORES_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "mean_f1": 0.123}))
    assert main([*words, "--only", "U-Net"]) == 0
    assert "| U-Net | 0.123 |" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"other values of \['batch_size'\]"):
        main([*words, "--only", "U-Net", "--batch", "1"])
