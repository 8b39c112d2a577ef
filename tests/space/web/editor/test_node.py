"""Runs the editor's pure modules under Node, so that one `pytest` covers both languages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.space.web.editor.reshape_reference import reshaped

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
SUITES = sorted(path.name for path in HERE.glob("*.test.mjs"))


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        message = "Node 20 or newer is not installed: get it from https://nodejs.org"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def test_there_are_suites_to_run():
    assert SUITES == [
        "labelmap.test.mjs",
        "loader.test.mjs",
        "pointer.test.mjs",
        "regions.test.mjs",
        "reshape.test.mjs",
        "saving.test.mjs",
        "simulate.test.mjs",
        "speed.test.mjs",
        "state.test.mjs",
        "typed.test.mjs",
        "wire.test.mjs",
    ]


@pytest.mark.parametrize("suite", SUITES)
def test_the_pure_modules_pass_their_own_tests(node, suite):
    done = subprocess.run(
        [node, "--test", str(HERE / suite)], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_timed_actions_of_the_benchmark_page_run(node):
    done = subprocess.run(
        [node, "bench/actions.mjs", "128"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "annotators.md").read_text(encoding="utf-8")
    actions = [line.split("|")[1] for line in done.stdout.splitlines()[2:]]
    assert len(actions) == 6
    assert all(f"|{action}|" in page for action in actions)


def _cut(rng: np.random.Generator) -> dict[str, object]:
    """A map of random discs and a random line over it."""
    height, width = (int(side) for side in rng.integers(8, 90, 2))
    mask = np.zeros((height, width), np.uint8)
    ys, xs = np.indices(mask.shape)
    for _ in range(rng.integers(1, 9)):
        y, x, radius = rng.integers(0, height), rng.integers(0, width), rng.integers(2, 30)
        mask[(ys - y) ** 2 + (xs - x) ** 2 <= radius**2] = rng.integers(0, 6)
    corners = rng.integers(2, 9)
    points = rng.integers(-3, [width + 3, height + 3], (corners, 2)).tolist()
    return {"mask": mask, "points": points, "reach": int(rng.integers(0, 9))}


def test_a_moved_border_is_the_same_in_the_browser_and_in_python(node):
    rng = np.random.default_rng(5)
    cuts = [_cut(rng) for _ in range(150)]
    asked = "".join(
        json.dumps(
            {
                "width": cut["mask"].shape[1],
                "height": cut["mask"].shape[0],
                "ids": cut["mask"].ravel().tolist(),
                "points": cut["points"],
                "reach": cut["reach"],
            }
        )
        + "\n"
        for cut in cuts
    )
    done = subprocess.run(
        [node, str(HERE / "twins.mjs")], input=asked, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    moved = 0
    for cut, line in zip(cuts, done.stdout.splitlines(), strict=True):
        expected = reshaped(cut["mask"], cut["points"], reach=cut["reach"])
        assert json.loads(line) == expected.ravel().tolist()
        moved += bool((expected != cut["mask"]).any())
    assert moved > 60
