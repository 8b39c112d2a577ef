"""Runs the editor's pure modules under Node, so that one `pytest` covers both languages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
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
    assert SUITES == ["labelmap.test.mjs", "regions.test.mjs", "simulate.test.mjs", "wire.test.mjs"]


@pytest.mark.parametrize("suite", SUITES)
def test_the_pure_modules_pass_their_own_tests(node, suite):
    done = subprocess.run(
        [node, "--test", str(HERE / suite)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
