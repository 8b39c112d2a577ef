"""What docs/privacy.md promises, seen from outside."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.space.conftest import noise
from tests.space.e2e.conftest import ROOT, upload, wait_for_overlay
from tests.space.e2e.test_uploads import called


def files_in(folder):
    return [p for p in folder.rglob("*") if p.is_file()] if folder.exists() else []


def test_uploads_and_parses_are_gone_after_the_visit(forgetful, tmp_path):
    noise().save(tmp_path / "holiday.png")
    client = Client(forgetful.url, verbose=False, download_files=False)
    summary, _ = client.predict(
        handle_file(tmp_path / "holiday.png"), whole_image=True, api_name="/parse"
    )
    gradio = forgetful.cache.parent / "gradio"
    assert files_in(forgetful.cache)
    assert [p for p in files_in(gradio) if p.name == "upload.png"]
    assert not [p for p in files_in(gradio) if "holiday" in str(p)]
    for _ in range(80):
        left = files_in(forgetful.cache) + [
            p for p in files_in(gradio) if p.name in {"upload.png", "mask.png", "shown.jpg"}
        ]
        if not left:
            break
        time.sleep(0.25)
    assert left == []
    with pytest.raises(AppError, match="no longer open here"):
        client.predict(
            summary["photo"],
            handle_file(tmp_path / "holiday.png"),
            right="own",
            people="agreed",
            agrees=True,
            api_name="/save_correction",
        )
    client.close()


def test_the_log_holds_no_file_names_and_nothing_of_the_photos(server, open_page, tmp_path):
    noise().save(tmp_path / "my-secret-party.png")
    (tmp_path / "my-secret-notes.png").write_bytes(b"not a photo")
    before = len(server.log.read_text())
    page = open_page()
    upload(page, tmp_path / "my-secret-party.png")
    wait_for_overlay(page)
    upload(page, tmp_path / "my-secret-notes.png")
    page.wait_for_selector("#parse-message [role=alert]")
    for odd in (7, ["my-secret"], {"path": "my-secret" * 10_000}):
        page.evaluate("(odd) => document.querySelector('.pd').__drop.send(odd)", odd)
        page.wait_for_selector(".pd[data-state=idle]")
    log = server.log.read_text()[before:]
    assert "my-secret" not in log
    assert "Traceback" not in log
    assert len(log) < 200


FILE = {"_type": "gradio.FileData"}
LONG = "my-secret" * 100_000


@pytest.mark.parametrize(
    "values",
    [
        [{"path": "my-secret-folder/a.png", "meta": FILE}, "embedded", False],
        [{"path": "app.py", "meta": FILE}, "embedded", False],
        [{"path": "\ud800my-secret", "meta": FILE}, "embedded", False],
        [{"path": "my-secret\0", "meta": FILE}, "embedded", False],
        [{"path": LONG, "meta": FILE}, "embedded", False],
        [LONG, LONG, LONG],
        [{"my-secret": 1}],
        [],
    ],
    ids=range(8),
)
def test_invalid_values_get_a_typed_error_and_leave_nothing_in_the_log(server, values):
    before = len(server.log.read_text())
    answer = called(server, "parse", values)
    assert "event: error" in answer
    assert re.search(r'"title": "\w+Error"', answer)
    assert str(ROOT) not in answer
    assert server.log.read_text()[before:] == ""


@pytest.mark.parametrize(
    "path", ["call/parse", "queue/join", "run/parse", "reset", "cancel", "component_server"]
)
@pytest.mark.parametrize("value", [b"[" * 90_000 + b"]" * 90_000, b"9" * 5000])
def test_json_that_cannot_be_read_gets_a_typed_answer_and_leaves_no_trace(server, path, value):
    before = len(server.log.read_text())
    body = b'{"data": [%s, "embedded", false], "session_hash": "x", "fn_index": 0}' % value
    request = urllib.request.Request(
        f"{server.url}gradio_api/{path}", body, {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=60)
    assert (error.value.code, json.loads(error.value.read())["title"]) == (400, "VisitError")
    assert "event: complete" in called(server, "list_classes", ["celebamask_hq"])
    assert server.log.read_text()[before:] == ""


def test_the_log_holds_no_tokens(server, tmp_path):
    noise().save(tmp_path / "a.png")
    before = len(server.log.read_text())
    secrets = ("hf_thisisnotatoken", "cookie-of-a-visitor")
    headers = {"Authorization": f"Bearer {secrets[0]}", "Cookie": f"session={secrets[1]}"}
    client = Client(server.url, verbose=False, download_files=False, headers=headers)
    client.predict(handle_file(tmp_path / "a.png"), model="embedded", api_name="/parse")
    with pytest.raises(AppError):
        client.predict(
            "0" * 32,
            handle_file(tmp_path / "a.png"),
            right="own",
            people="agreed",
            agrees=True,
            api_name="/save_correction",
        )
    with pytest.raises(AppError):
        client.predict(handle_file(tmp_path / "a.png"), model=secrets[0], api_name="/parse")
    client.close()
    log = server.log.read_text()[before:]
    assert [secret for secret in secrets if secret in log] == []


def test_the_usage_statistics_of_gradio_are_not_served(server):
    before = len(server.log.read_text())
    for path in ("monitoring", "monitoring/summary", "monitoring/x"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(server.url + path, timeout=30)
    assert "monitoring" not in server.log.read_text()[before:].lower()


def test_every_test_that_the_privacy_page_names_exists():
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    assert len(named) > 20
    assert page.count("`::") == 0
    missing = [
        (file, name)
        for file, name in named
        if f"def {name}(" not in (ROOT / "tests" / "space" / file).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_two_visitors_see_their_own_photos_only(server, open_page, tmp_path):
    noise(120, 90, seed=1).save(tmp_path / "a.png")
    noise(80, 140, seed=2).save(tmp_path / "b.png")
    first, second = open_page(), open_page()
    upload(first, tmp_path / "a.png")
    upload(second, tmp_path / "b.png")
    keys = [wait_for_overlay(first), wait_for_overlay(second)]
    assert keys[0] != keys[1]
    sizes = [
        page.evaluate(
            "() => { const p = document.querySelector('.fv').__view.state.photo;"
            " return [p.w, p.h]; }"
        )
        for page in (first, second)
    ]
    assert sizes == [[120, 90], [80, 140]]
    first.evaluate(
        "(id) => document.querySelector('.fv').__view.trigger('picked', { id })", keys[1]
    )
    first.wait_for_selector("#parse-message [role=alert]")
    assert "not open on this page" in first.locator("#parse-message").inner_text()


def test_a_class_name_or_file_name_cannot_inject_markup(open_page, tmp_path):
    name = "<img src=x onerror=alert(1)>.png"
    noise().save(tmp_path / name)
    page = open_page()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    upload(page, tmp_path / name)
    wait_for_overlay(page)
    assert dialogs == []
    assert page.locator("img[src=x]").count() == 0


class ForeignPage(BaseHTTPRequestHandler):
    """A page of another website: it frames the review, and sends a photo in the background."""

    def do_GET(self):
        app = urllib.parse.unquote(self.path[1:])
        text = f"""<iframe src="{app}?view=review"></iframe><script>
          const form = new FormData();
          form.append("files", new Blob(["x"]), "a.png");
          fetch("{app}gradio_api/upload", {{ method: "POST", mode: "no-cors", body: form }})
            .finally(() => document.body.append(Object.assign(new Image(), {{ id: "sent" }})));
        </script>"""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Stays silent."""


def test_a_page_of_another_website_can_neither_frame_the_app_nor_send_it_photos(server, browser):
    uploads = server.cache.parent / "gradio"
    before = files_in(uploads)
    foreign = ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage)
    threading.Thread(target=foreign.serve_forever, daemon=True).start()
    page = browser.new_page()
    address = urllib.parse.quote(server.url, safe="")
    page.goto(f"http://127.0.0.1:{foreign.server_port}/{address}")
    page.wait_for_selector("#sent", state="attached")
    page.wait_for_timeout(1000)
    assert all(frame.locator("#views").count() == 0 for frame in page.frames)
    assert files_in(uploads) == before
    page.close()
    foreign.shutdown()
    foreign.server_close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"X-Forwarded-For": "8.8.8.8"}, 200),
    ],
    ids=repr,
)
def test_another_host_or_origin_is_refused_by_the_running_app(server, headers, status):
    body = json.dumps({"data": ["celebamask_hq"]}).encode()
    kind = {"Content-Type": "application/json"}
    address = f"{server.url}gradio_api/call/list_classes"
    request = urllib.request.Request(address, body, {**kind, **headers})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert answer.status == status


def test_the_page_loads_nothing_from_elsewhere(server, open_page):
    page = open_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector(".pd")
    outside = [u for u in asked if not u.startswith((server.url, "data:", "blob:"))]
    assert outside == []
