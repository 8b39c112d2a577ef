"""The table of cold starts measures real processes."""

import subprocess

import pytest

from bench.cold_start import COMMANDS, ROOT, run_once


def test_a_command_is_measured_in_a_process_of_its_own():
    run = run_once(ROOT, COMMANDS["segface --help"])
    assert run.processor > 0
    assert run.wall > 0
    assert run.megabytes > 5


def test_a_failing_command_is_an_error_and_not_a_fast_time():
    with pytest.raises(subprocess.CalledProcessError):
        run_once(ROOT, ("segface_hf", "parse"))
