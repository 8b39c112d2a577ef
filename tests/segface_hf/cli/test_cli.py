"""The command line: help, the module form, and errors as one sentence."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from segface_hf._progress import MedianBar
from segface_hf.cli.arguments import check_files
from segface_hf.cli.program import SEGFACE, main
from segface_hf.data.folder import find_pairs
from segface_hf.errors import DataError, OutputError
from segface_hf.evaluation.groups import read_groups
from segface_hf.jobs.photos import check_output, find_photos
from segface_hf.jobs.storage import StoragePath


@pytest.mark.parametrize("command", SEGFACE.commands)
def test_every_command_has_a_help_text(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"usage: segface {command}" in capsys.readouterr().out


def test_no_help_text_loads_what_the_commands_need():
    code = (
        "import sys; from segface_hf.cli.program import SEGFACE, main\n"
        "for words in ([], *([name] for name in SEGFACE.commands)):\n"
        "    try: main([*words, '--help'])\n"
        "    except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "timm", "onnxruntime", "scipy", "huggingface_hub", "datasets", "pyarrow"}
    assert not heavy & set(done.stdout.splitlines()[-1].split())


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
    ("line", "shown"),
    [
        ("evaluate --data x --worst -1", "--worst: expected a whole number from 0 on, got -1"),
        ("parse x --out y --rows 0", "--rows: expected a whole number from 1 on, got 0"),
        ("parse x --out y --workers many", "--workers: expected a whole number from 1 on, got ma"),
        ("train --data x --out y --threads -1", "--threads: expected a whole number from 0 on"),
        ("export x --out y --agreement 99", "--agreement: expected a number from 0 to 1, got 99"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(line, shown, capsys):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
    assert shown in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("parse x.png --out out --device tpu9", "no model can run on 'tpu9' here"),
        ("parse https://a.org/x.png --out out", "addresses are not fetched: download the photo"),
        ("parse x.png --out out --classes ,", "--classes names none: choose from background, "),
        ("parse x.png --out out --model nothing", "'nothing' is neither a folder nor a Hub repo"),
        ("evaluate --data x --json none/a.json", "can't write 'none/a.json' (No such file or dir"),
        ("export nothing --out out", "'nothing' is neither a folder nor a Hub repository"),
        ("publish nothing org/name", "publish a folder that `segface convert` or `train` wrote"),
        ("average nothing --out out", "'nothing' is neither a folder nor a Hub repository"),
        ("convert nothing.pt --out out", "no file nothing.pt: give a published .pt file"),
    ],
)
def test_a_refused_run_says_why_and_leaves_no_folder(line, shown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    assert shown in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["parze"])
    assert stop.value.code == 2
    assert "parse" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000], ids=["NUL", "surrogate", "long"])
@pytest.mark.parametrize(
    ("check", "error"),
    [
        (find_pairs, DataError),
        (lambda name: find_photos([name]), DataError),
        (lambda name: check_output(Path(name)), OutputError),
        (lambda name: StoragePath.of(name).check(), OutputError),
        (check_files, OutputError),
        (read_groups, DataError),
    ],
    ids=["data", "photos", "output", "storage", "files", "groups"],
)
def test_an_invalid_path_is_refused_with_a_short_message(check, error, name):
    with pytest.raises(error) as refused:
        check(name)
    assert len(str(refused.value).encode()) < 600


def test_a_refused_run_leaves_no_parent_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["parse", "photo.png", "--model", "nothing", "--out", "new/results"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_remaining_time_follows_the_median_and_not_a_slow_start():
    now = [0.0]
    with MedianBar(total=10, file=io.StringIO(), clock=lambda: now[0]) as bar:
        for seconds in (100.0, 2.0, 2.0, 2.0, 50.0):
            now[0] += seconds
            bar.update()
        assert bar.format_dict["rate"] == 0.5
