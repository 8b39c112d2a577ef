"""The named endpoints over HTTP, through each documented snippet and with bad input."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageOps

from annotate.rows.record import from_row, one_row
from space.state.examples import list_examples
from tests.space.conftest import noise
from tests.space.e2e.test_uploads import called

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
SNIPPET = re.compile(r"```(\w+) needs the app\n(.*?)```\n```text\n(.*?)```", re.DOTALL)
ADDRESS = "http://127.0.0.1:7860"


def snippets(language):
    return [(code, out) for kind, code, out in SNIPPET.findall(PAGE) if kind == language]


@pytest.fixture
def folder(tmp_path):
    """A folder as a reader would have it: photo.jpg beside the script."""
    shutil.copy(list_examples()[0].path, tmp_path / "photo.jpg")
    return tmp_path


@pytest.fixture
def client(server):
    """The Python client of the running app."""
    app = Client(server.url, verbose=False)
    yield app
    app.close()


def fetched(request):
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("code", "output"), snippets("python"))
def test_the_python_snippets_print_what_the_page_shows(code, output, folder, server):
    code = code.replace(ADDRESS, server.url)
    assert run([sys.executable, "-c", code], folder) == output.strip()


@pytest.mark.parametrize(("code", "output"), snippets("sh"))
def test_the_curl_snippet_prints_what_the_page_shows(code, output, folder, server):
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: get it with 'apt-get install curl'")
    assert (
        run(["sh", "-c", code.replace(ADDRESS, server.url.rstrip("/"))], folder) == output.strip()
    )


@pytest.mark.parametrize(("code", "output"), snippets("js"))
def test_the_javascript_snippet_prints_what_the_page_shows(code, output, folder, server):
    if shutil.which("npm") is None:
        pytest.skip("npm is missing: get it with 'apt-get install npm'")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "@gradio/client@2"]
    if subprocess.run(install, cwd=folder, capture_output=True, timeout=120).returncode:
        pytest.skip("@gradio/client can't be installed: connect to the npm registry once")
    (folder / "snippet.mjs").write_text(code.replace(ADDRESS, server.url))
    assert run(["node", "snippet.mjs"], folder) == output.strip()


def test_four_endpoints_are_named_and_the_rest_is_private(client):
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/parse", "/parse_many", "/list_classes", "/save_correction"}


def test_the_tools_of_mcp_are_the_named_endpoints(server):
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    request = urllib.request.Request(
        f"{server.url}gradio_api/mcp/",
        json.dumps(message).encode(),
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
    )
    text = fetched(request)
    tools = json.loads(text[text.index("{") :])["result"]["tools"]
    assert {tool["name"].removeprefix("segface_") for tool in tools} == {
        "parse",
        "parse_many",
        "list_classes",
        "save_correction",
    }
    assert all(tool["description"] for tool in tools)


def test_a_file_that_is_not_a_photo_is_an_error_with_one_sentence(client, tmp_path):
    (tmp_path / "notes.png").write_text("notes")
    with pytest.raises(AppError, match=r"not a picture .*\.$"):
        client.predict(handle_file(tmp_path / "notes.png"), api_name="/parse")


@pytest.mark.parametrize("claim", ["true", "false", "no", [0], {"a": 1}, 1], ids=repr)
def test_a_script_must_send_booleans_as_json_true_or_false(server, claim):
    values = ["0" * 32, None, "own", "agreed", "", "", claim]
    answer = called(server, "save_correction", values)
    assert "ConsentError" in answer
    assert "'agrees' must be true or false" in answer
    assert "'whole_image' must be true or false" in called(server, "parse", [None, None, claim])


def test_one_bad_photo_of_several_has_an_error_in_its_place(client, tmp_path):
    noise().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("notes")
    files = [handle_file(tmp_path / name) for name in ("a.png", "b.png")]
    summaries, masks = client.predict(files, api_name="/parse_many")
    assert [sorted(s)[0] == "error" for s in summaries] == [False, True]
    assert len(masks) == 1


def test_without_consent_a_script_saves_a_row_that_is_never_shared(client, folder, server):
    with Image.open(folder / "photo.jpg") as photo:  # a photo that no other test saves
        ImageOps.mirror(photo).save(folder / "mirrored.png")
    summary, mask = client.predict(handle_file(folder / "mirrored.png"), api_name="/parse")
    saved = client.predict(
        summary["photo"],
        handle_file(mask),
        right="own",
        people="agreed",
        agrees=False,
        api_name="/save_correction",
    )
    assert saved["created"]
    (added,) = server.contributions.rglob(f"{saved['id']}.parquet")
    row = one_row(added.read_bytes(), added.stem, source=added.name)
    assert from_row(row).consent is None


@pytest.mark.parametrize("model", ["/etc", "../../etc", "segface_hf/../../x", "C:\\x", "a b/c"])
def test_a_folder_of_the_machine_is_refused_as_a_model(client, folder, model):
    with pytest.raises(AppError, match="is not a model"):
        client.predict(handle_file(folder / "photo.jpg"), model=model, api_name="/parse")


def test_a_null_model_is_a_typed_error_without_a_traceback(client, folder, server):
    before = len(server.log.read_text())
    photo = handle_file(folder / "photo.jpg")
    for endpoint, photos in (("/parse", photo), ("/parse_many", [photo])):
        with pytest.raises(AppError, match="'' is not a model: choose one of the list") as sentence:
            client.predict(photos, None, api_name=endpoint)
        assert sentence.value.title == "VisitError"
    assert "Traceback" not in server.log.read_text()[before:]


@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "segface_hf/labels.py"])
def test_files_of_the_machine_can_be_neither_parsed_nor_fetched(server, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetched(f"{server.url}gradio_api/file={path}")
    refused.value.close()
    assert refused.value.code in (403, 404)
