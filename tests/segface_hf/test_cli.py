"""The command line: help, the module form, and errors as one sentence."""

import subprocess
import sys

import pytest

from segface_hf.cli import SEGFACE, main


@pytest.mark.parametrize("command", SEGFACE.commands)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"usage: segface {command}" in capsys.readouterr().out


def test_the_module_is_the_same_as_the_script():
    done = subprocess.run(
        [sys.executable, "-m", "segface_hf", "--version"], capture_output=True, text=True
    )
    assert done.stdout.startswith("segface-hf ")


def test_an_error_is_one_sentence_and_exit_code_two(tmp_path, capsys):
    code = main(["evaluate", "--model", str(tmp_path), "--data", str(tmp_path)])
    assert code == 2
    error = capsys.readouterr().err
    assert error.startswith("segface evaluate: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["parze"])
    assert stop.value.code == 2
    assert "parse" in capsys.readouterr().err
