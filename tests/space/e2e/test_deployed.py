"""The app starts from exactly the files that a Space gets, and parses there."""

from __future__ import annotations

import shutil

from gradio_client import Client, handle_file

from space.deploy import ROOT, space_files
from space.examples import list_examples
from tests.space.e2e.conftest import start, stop


def test_the_app_runs_from_what_is_uploaded_and_nothing_else(tmp_path):
    for path in space_files():
        (tmp_path / "app" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / "app" / path)
    running = start(tmp_path, root=tmp_path / "app", SEGFACE_MCP="0")
    try:
        client = Client(running.url, verbose=False, download_files=False)
        summary, _ = client.predict(handle_file(list_examples()[0].path), api_name="/parse")
        client.close()
        assert len(summary["faces"]) == 1
    finally:
        stop(running)
