"""The commands of docs/deploy.md do what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from PIL import Image

from space.ops.screenshots import SHOTS
from tests.space.e2e.conftest import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "space", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, **environment},
    )


def test_the_page_names_the_commands_that_are_run_here():
    named = re.findall(r"^python -m space (.*)$", PAGE, re.MULTILINE)
    assert named == [
        "deploy org/name --dry-run",
        "deploy org/name --dataset org/faces",
        "browser --out page",
        "load --visitors 50",
        "pictures",
    ]


def test_the_list_of_commands_loads_none_of_them():
    code = (
        "import sys; from space.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "send many visitors to the app at once" in done.stdout
    assert not {"numpy", "httpx", "huggingface_hub", "gradio_client"} & set(done.stdout.split())


def test_a_deployment_from_the_command_line_fills_the_space(hub):
    done = run("deploy", "owner/app", "--dataset", "owner/faces", HF_TOKEN=hub.token("owner"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{hub.url}/spaces/owner/app"
    space = hub.repos["space", "owner/app"]
    assert space.variables["SEGFACE_DATASET"]["value"] == "owner/faces"
    assert "README.md (changed for owner/app)" in done.stdout


def test_without_an_account_the_deployment_says_so_in_one_line(hub):
    done = run("deploy", "owner/app", HF_TOKEN="")
    assert done.returncode == 2
    assert "the Hub refused owner/app" in done.stderr.replace("The Hub", "the Hub")
    assert "Traceback" not in done.stderr


def test_the_load_command_prints_a_report(server):
    done = run("load", "--visitors", "3", "--url", server.url, "--pid", str(server.process.pid))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "answered 3, failed 0"
    assert "answers to another's photo: 0" in done.stdout


def test_the_screenshot_command_writes_pictures(server, chromium, tmp_path):
    done = run("pictures", "--url", server.url, "--out", str(tmp_path), "--chromium", chromium)
    assert done.returncode == 0, done.stderr
    for shot in SHOTS:
        with Image.open(tmp_path / f"{shot.name}.png") as image:
            assert image.width == shot.width


def test_without_a_url_a_command_starts_an_app_of_its_own():
    done = run("load", "--visitors", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "answered 1, failed 0"
