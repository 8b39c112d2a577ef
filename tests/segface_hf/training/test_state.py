"""A damaged or foreign state is refused, and a metrics file that a crash cut off is repaired."""

import json
import logging

import numpy as np
import pytest
import torch

from segface_hf.errors import CheckpointError
from segface_hf.training.loop import start, train
from segface_hf.training.prepare import prepare
from segface_hf.training.report import METRICS_FILE, write_curves
from segface_hf.training.run import Run
from segface_hf.training.state import STATE_FILE, load_state, save_state
from tests.segface_hf.training.test_loop import new_run


@pytest.fixture
def path(tmp_path):
    """A state with a tensor."""
    path = tmp_path / STATE_FILE
    torch.manual_seed(0)
    weights = {"weight": torch.randn(200, 10)}
    save_state(
        path,
        {
            "recipe": {"seed": 1},
            "step": 7,
            "best": 0.5,
            "seconds": 1.5,
            "precision": "fp32",
            "model": weights,
            "average": weights,
            "optimizer": {},
            "random": torch.get_rng_state(),
        },
    )
    return path


def test_a_state_is_loaded_as_it_was_saved(path, tmp_path):
    assert load_state(tmp_path / "none.pt") is None
    state = load_state(path)
    assert (state["step"], state["best"], state["recipe"]) == (7, 0.5, {"seed": 1})
    torch.manual_seed(0)
    assert torch.equal(state["model"]["weight"], torch.randn(200, 10))


def test_a_flipped_bit_is_refused_or_changes_nothing(path):
    whole, sound = path.read_bytes(), load_state(path)
    random = np.random.default_rng(0)
    refused = 0
    for position in random.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            state = load_state(path)
        except CheckpointError:
            refused += 1
            continue
        assert state.keys() == sound.keys()
        assert torch.equal(state["model"]["weight"], sound["model"]["weight"])
        assert torch.equal(state["random"], sound["random"])
        assert state["step"] == sound["step"]
    assert refused > 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": -5}, "'step' in .* must be a number of steps, 0 or more, got -5"),
        ({"step": True}, "'step'"),
        ({"step": 2.0}, "'step'"),
        ({"best": float("nan")}, "'best' in .* must be a finite number"),
        ({"precision": "fp8"}, "'precision'"),
        ({"model": [1]}, "'model' in .* must be a mapping"),
        ({"random": torch.zeros(3)}, "'random'"),
        ({"extra": 1}, r"unknown keys \['extra'\]"),
    ],
)
def test_a_state_with_impossible_values_is_refused(path, change, message):
    save_state(path, {**load_state(path), **change})
    with pytest.raises(CheckpointError, match=message):
        load_state(path)


def test_a_file_that_is_not_a_state_is_refused(path):
    torch.save({"state_dict": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"it lacks .*'step'.* unknown keys .*state_dict"):
        load_state(path)
    torch.save(torch.zeros(2), path)
    with pytest.raises(CheckpointError, match="is not the state of a run"):
        load_state(path)


def test_weights_of_another_model_are_refused(folder, tmp_path, recipe):
    new_run(folder, tmp_path / "run", recipe, evaluate=False).save()
    file = tmp_path / "run" / STATE_FILE
    state = load_state(file)
    save_state(file, {**state, "model": {"weight": torch.zeros(2)}})
    with pytest.raises(CheckpointError, match="don't fit the recipe's model"):
        new_run(folder, tmp_path / "run", recipe, evaluate=False)
    save_state(file, {**state, "sources": {"photos": 6, "color": "red"}})
    with pytest.raises(CheckpointError, match="doesn't say which photos"):
        new_run(folder, tmp_path / "run", recipe, evaluate=False)


@pytest.mark.parametrize("tail", [b'{"step": 4, "mean', b"\x00\xff\x80", b"[" * 100_000, b"7"])
def test_half_a_line_of_metrics_is_dropped_with_a_warning_and_the_run_resumes(
    folder, tmp_path, recipe, tail, caplog
):
    run = new_run(folder, tmp_path / "run", recipe)
    for _ in range(2):
        run.advance()
    run.record(run.evaluate(), loss=1.0)
    run.save()
    metrics = tmp_path / "run" / METRICS_FILE
    metrics.write_bytes(metrics.read_bytes() + tail)
    with caplog.at_level(logging.WARNING):
        resumed = Run(recipe, prepare(folder, recipe), tmp_path / "run", run.validation)
        assert start(resumed)
    assert "skipped 1 incomplete line" in caplog.text
    assert train(resumed)
    assert [json.loads(line)["step"] for line in metrics.read_text().splitlines()] == [2, 4]
    assert write_curves(tmp_path / "run").read_text().startswith("<svg")
