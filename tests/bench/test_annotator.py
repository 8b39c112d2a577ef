"""The simulation command: pairs, hand-over to Node, and the table it prints."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from bench.annotator.run import (
    CostModel,
    Outcome,
    SimulatedFace,
    SimulateError,
    simulate,
    table,
)
from segface_hf.labels import CELEBAMASK_HQ


def _face() -> SimulatedFace:
    truth = np.zeros((128, 128), np.uint8)
    truth[20:110, 20:110] = CELEBAMASK_HQ.id_of("skin")
    truth[40:60, 40:60] = CELEBAMASK_HQ.id_of("nose")
    truth[90:100, 60:70] = CELEBAMASK_HQ.id_of("earring")
    prediction = np.where(truth == CELEBAMASK_HQ.id_of("earring"), 2, truth).astype(np.uint8)
    wrong = truth != prediction
    confidence = np.where(wrong, 120, 250).astype(np.uint8)
    runner_up = np.where(wrong, truth, 1).astype(np.uint8)
    return SimulatedFace("made-up", (prediction, confidence, runner_up, truth))


def _needs_node() -> None:
    if shutil.which("node") is None:
        if os.environ.get("CI"):
            pytest.fail("Node 20 or newer is not installed")
        pytest.skip("Node 20 or newer is not installed")


def test_a_missed_earring_costs_a_jump_and_a_key_when_guided():
    _needs_node()
    found = simulate(
        iter([_face()]), schema=CELEBAMASK_HQ, arms=("brush", "walk"), cost=CostModel()
    )
    brush, walk = found
    assert walk.seconds == pytest.approx(1.5)
    assert walk.by_tool == {"jumps to doubt": 1, "answers to doubt": 0.5}
    assert brush.seconds > 2
    assert brush.reached
    assert walk.reached


def test_a_photo_and_a_mask_of_different_sizes_are_refused():
    _needs_node()
    maps = (*_face().maps[:3], np.zeros((4, 4), np.uint8))
    faces = iter([SimulatedFace("odd", maps)])
    with pytest.raises(SimulateError, match="odd"):
        list(simulate(faces, schema=CELEBAMASK_HQ, arms=("brush",), cost=CostModel()))


def test_a_cost_of_zero_is_refused():
    with pytest.raises(SimulateError, match="above 0"):
        CostModel(speed=0)


def test_the_table_gives_the_ratio_of_all_seconds_and_its_spread():
    rows = [
        Outcome("a", "brush", 100.0, {"brush": 100.0}, 5, True),
        Outcome("b", "brush", 60.0, {"brush": 60.0}, 5, True),
        Outcome("a", "guided", 40.0, {"redraw": 40.0}, 3, True),
        Outcome("b", "guided", 24.0, {"redraw": 24.0}, 3, False),
    ]
    text = table(rows)
    assert "| brush only | 2 | 80 | 70 to 90 | 80 | 1.00 (1.00 to 1.00) | 2 of 2 |" in text
    guided = "| guided: uncertain regions, all tools | 2 | 32 | 28 to 36 | 32 |"
    assert f"{guided} 0.40 (0.40 to 0.40) | 1 of 2 |" in text
    assert "| guided: uncertain regions, all tools | 0.0 | 32.0 |" in text
