"""Training in several processes, really started by `accelerate launch`, gives the same curve."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from segface_hf.data.folder import find_pairs
from segface_hf.errors import ConfigError
from segface_hf.modeling.segface import SegFace
from segface_hf.training.loop import start, train
from segface_hf.training.parallel import ProcessGroup, ThreadReplicas
from segface_hf.training.prepare import prepare
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.run import LAST, Run
from tests.segface_hf.training.drawn import tiny_recipe

ROOT = Path(__file__).resolve().parents[3]
# Sums of two shares have one order; averages of running statistics may round differently.
TOLERANCE = 1e-6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(folder: Path, out: Path, recipe: Path, *, processes: int) -> str:
    """`accelerate launch` of `segface train`; returns what it printed."""
    command = [
        sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu",
        "--num_processes", processes, "--num_machines", 1, "--mixed_precision", "no",
        "--dynamo_backend", "no", "--main_process_port", free_port(), "-m", "segface_hf", "train",
        "--data", folder, "--val", folder, "--out", out, "--config", recipe, "--threads", 1,
    ]  # fmt: skip
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alone(folder: Path, out: Path, recipe) -> Run:
    """The same run in this process."""
    run = Run(recipe, prepare(folder, recipe), out, find_pairs(folder))
    start(run)
    train(run)
    return run


def curve(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one_and_one_resumes_their_run(
    folder: Path, tmp_path: Path
) -> None:
    options = {"workers": 2, "batch_size": 5, "evaluate_every": 1, "checkpoint_every": 2}
    recipe = tiny_recipe(steps=3, **options)
    write_recipe(recipe, tmp_path / "recipe.yaml")
    said = launch(folder, tmp_path / "two", tmp_path / "recipe.yaml", processes=2)
    assert "2 processes" in said
    assert said.count("to evaluate") == 1  # only the main process prints

    one = alone(folder, tmp_path / "one", recipe)
    ours, theirs = curve(tmp_path / "two"), curve(tmp_path / "one")
    assert [row["step"] for row in ours] == [1, 2, 3]
    for row, other in zip(ours, theirs, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], abs=2e-5)  # written with five digits
        assert row["mean_f1"] == pytest.approx(other["mean_f1"], abs=1e-3)
    together = SegFace.from_pretrained(tmp_path / "two" / LAST).state_dict()
    for name, value in one.average.state_dict().items():
        torch.testing.assert_close(together[name], value, atol=TOLERANCE, rtol=1e-5, msg=name)

    longer = tiny_recipe(steps=5, **options)
    resumed, unbroken = (
        alone(folder, tmp_path / name, longer) for name in ("two", "one")
    )  # the first was saved by two processes, the second by one
    assert resumed.step == unbroken.step == 5
    for name, value in unbroken.model.state_dict().items():
        torch.testing.assert_close(
            resumed.model.state_dict()[name], value, atol=1e-5, rtol=1e-4, msg=name
        )


def test_workers_must_be_a_multiple_of_the_processes() -> None:
    with pytest.raises(ConfigError, match="2 processes share 1 workers: set `workers`"):
        ThreadReplicas(torch.nn.Linear(1, 1), 1, processes=ProcessGroup(size=2, rank=0))


def test_a_single_process_is_a_group_of_one() -> None:
    processes = ProcessGroup.here()
    assert (processes.size, processes.rank, processes.is_main) == (1, 0, True)
    assert processes.part([1, 2, 3]) == [1, 2, 3]
    assert processes.broadcast("x") == "x"
    assert processes.any(True)
    assert not processes.any(False)
    with processes.main_first():
        processes.close()


def test_processes_share_items_without_overlap() -> None:
    parts = [ProcessGroup(3, rank).part(list(range(8))) for rank in range(3)]
    assert sorted(item for part in parts for item in part) == list(range(8))
