"""The command line: help, the module form, and errors as one sentence."""

import subprocess
import sys

import pytest

from segface_hf.cli.program import SEGFACE, main


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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("evaluate --data x --worst -1", "--worst: expected a whole number from 0 on, got -1"),
        ("parse x --out y --rows 0", "--rows: expected a whole number from 1 on, got 0"),
        ("parse x --out y --workers many", "--workers: expected a whole number from 1 on, got ma"),
        ("train --data x --out y --threads -1", "--threads: expected a whole number from 0 on"),
        ("export x --out y --agreement 99", "--agreement: expected a number from 0 to 1, got 99"),
    ],
)
def test_a_value_out_of_range_is_told_with_the_range(line, told, capsys):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("parse x.png --out out --device tpu9", "no model can run on 'tpu9' here"),
        ("parse x.png --out out --classes ,", "--classes names none: choose from background, "),
        ("parse x.png --out out --model nothing", "'nothing' is neither a folder nor a Hub repo"),
        ("evaluate --data x --json none/a.json", "can't write 'none/a.json' (No such file or dir"),
        ("export nothing --out out", "'nothing' is neither a folder nor a Hub repository"),
        ("publish nothing org/name", "publish a folder that `segface convert` or `train` wrote"),
        ("average nothing --out out", "'nothing' is neither a folder nor a Hub repository"),
        ("convert nothing.pt --out out", "no file nothing.pt: give a published .pt file"),
    ],
)
def test_what_cannot_work_is_told_before_any_work(line, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["parze"])
    assert stop.value.code == 2
    assert "parse" in capsys.readouterr().err
