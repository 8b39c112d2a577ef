"""What a client of the app's HTTP interface can't do.

It can't push to a repository of its choosing, read the unsent photo of another visitor by guessing
its address, or write into another visitor's outbox. Every event is called with forged values, as
the page itself calls them.
"""

from __future__ import annotations

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest
from PIL import Image

from annotate.dataset.proposals import HubStore
from annotate.label_maps import pack_label_map
from annotate.outbox.queue import Outbox, queue_name
from segface_hf.labels import CELEBAMASK_HQ
from tests.space.conftest import noise, png
from tests.space.e2e.conftest import start_space, stop

REPO, TRAP = "owner/faces", "evil/trap"
FORGED = {
    "dataset": TRAP, "repo": TRAP, "repo_id": TRAP, "contributor": "ada", "account": "ada",
    "who": {"key": "ada", "account": "ada", "token": "hf_ada"}, "number": 1, "head": "",
    "settings": {"dataset": TRAP}, "path": "../../rows/x", "keys": ["x"], "current": "x",
}  # fmt: skip
QUERY = urllib.parse.urlencode(
    {"dataset": TRAP, "repo_id": TRAP, "SEGFACE_DATASET": TRAP, "account": "ada"}
)


class Browser:
    """A client with cookies and a session that sends forged values."""

    def __init__(self, url, name):
        self.url, self.session = url, f"session-of-{name}"
        # Browsers send secure cookies to this machine without TLS too.
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        jar = http.cookiejar.CookieJar(policy)
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def fetch(self, path, body=None, **headers):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        kind = {"Content-Type": "application/json"} if isinstance(body, dict) else {}
        address = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(address, data, {**kind, **headers})
        with self.opener.open(request, timeout=60) as answer:
            return answer.read().decode("utf-8", "replace")

    def status(self, path):
        try:
            self.fetch(path)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        return 200

    def sign_in(self, name):
        page = self.fetch("login/huggingface")
        link = re.search(rf'id="authorize-{name}" href="([^"]+)"', page)[1]
        self.fetch(link.replace("&amp;", "&"))
        return self

    def upload(self, image, name="photo.png"):
        edge = "----edge"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        )
        body = head.encode() + png(image) + f"\r\n--{edge}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return json.loads(self.fetch("gradio_api/upload", body, **kind))[0]

    def event(self, index, data, event_data=None):
        """Fires an event of the page with values of one's own, and returns what came back."""
        body = {
            "data": data,
            "fn_index": index,
            "session_hash": self.session,
            "event_data": event_data,
            "trigger_id": 1,
            **FORGED,
        }
        try:
            joined = json.loads(self.fetch(f"gradio_api/queue/join?{QUERY}", body))
        except urllib.error.HTTPError as error:
            error.close()
            return {}
        query = urllib.parse.urlencode({"session_hash": self.session})
        with self.opener.open(f"{self.url}gradio_api/queue/data?{query}", timeout=60) as stream:
            for line in stream:
                message = json.loads(line[6:]) if line.startswith(b"data: ") else {}
                done = message.get("msg") == "process_completed"
                if done and message.get("event_id") == joined["event_id"]:
                    return message
        return {}

    def call(self, name, data):
        """Calls a named endpoint and returns its values."""
        body = {"data": data, "session_hash": self.session, **FORGED}
        event = json.loads(self.fetch(f"gradio_api/call/{name}?{QUERY}", body))["event_id"]
        text = self.fetch(f"gradio_api/call/{name}/{event}")
        assert "event: complete" in text, text
        return json.loads(text.split("data: ", 1)[1].splitlines()[0])

    def saves(self, image):
        """Parses a photo and saves its mask with a corner changed; returns the answer."""
        photo = {"path": self.upload(image), "meta": {"_type": "gradio.FileData"}}
        summary, mask = self.call("parse", [photo, "embedded", True])
        with self.opener.open(mask["url"], timeout=60) as answer:
            ids = np.asarray(Image.open(answer)).copy()
        ids[:3, :5] = 16
        fixed = {"path": self.upload(Image.fromarray(ids)), "meta": {"_type": "gradio.FileData"}}
        values = [summary["photo"], fixed, "own", "agreed", TRAP, TRAP, True]
        return summary, ids, self.call("save_correction", values)[0]


@pytest.fixture(scope="module")
def app(tmp_path_factory, _hub_server):
    """The app as a Space with sign-in."""
    folder = tmp_path_factory.mktemp("space")
    running = start_space(folder, _hub_server, REPO, SEGFACE_MAINTAINERS="owner")
    yield running
    stop(running)


@pytest.fixture
def dataset(hub):
    """The dataset of the app, and a repository of an attacker."""
    HubStore(REPO, token=hub.token("owner")).create(CELEBAMASK_HQ)
    for name in ("ada", "evil"):
        hub.token(name)
    HubStore(TRAP, token="hf_evil").create(CELEBAMASK_HQ)
    hub.log.clear()
    return hub.repos["dataset", REPO]


def writes(hub):
    reading = ("/paths-info/", "/oauth/")
    return [
        r["path"]
        for r in hub.log
        if r["method"] not in ("GET", "HEAD") and not any(part in r["path"] for part in reading)
    ]


def until(condition):
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


def rows_of(outbox, name):
    folder = outbox / queue_name(name)
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.glob("*.parquet")}


def test_no_event_pushes_to_a_repository_that_a_visitor_names(app, hub, dataset):
    """Every event of the page, with forged values, states, fields and query parameters."""
    evil = Browser(app.url, "evil").sign_in("evil")
    config = json.loads(evil.fetch("config"))
    kinds = {part["id"]: part["type"] for part in config["components"]}
    events = [event for event in config["dependencies"] if event["backend_fn"]]
    assert len(events) > 20
    before = {key: dict(repo.branches) for key, repo in hub.repos.items()}
    for event in events:
        for value in (TRAP, FORGED, 1, ["ada"]):
            data = [FORGED if kinds[i] == "state" else value for i in event["inputs"]]
            evil.event(event["id"], data, {**FORGED, "id": TRAP, "token": "t"})
    assert writes(hub) == []
    assert not [r["path"] for r in hub.log if f"datasets/{TRAP}" in r["path"]]
    assert {key: dict(repo.branches) for key, repo in hub.repos.items()} == before
    assert all(repo.discussions == {} for repo in hub.repos.values())


def test_a_row_whose_fields_name_another_repository_goes_to_the_apps_dataset(app, hub, dataset):
    evil = Browser(app.url, "evil-2").sign_in("evil")
    saved = evil.saves(noise(72, 64, seed=11))[2]
    assert until(lambda: dataset.discussions)
    (discussion,) = dataset.discussions.values()
    assert (discussion.author, discussion.title) == ("evil", f"Correction {saved['id']}")
    assert not [path for path in writes(hub) if TRAP in path]
    assert hub.repos["dataset", TRAP].discussions == {}


def test_a_visitor_cannot_write_into_the_outbox_of_another(app, hub, dataset):
    hub.fail("/commit/", 503, times=10_000)  # so that what is saved waits
    ada = Browser(app.url, "ada").sign_in("ada")
    summary, ids, saved = ada.saves(noise(80, 64, seed=12))
    hers = rows_of(app.contributions, "ada")
    assert list(hers) == [f"{saved['id']}.parquet"]
    evil = Browser(app.url, "evil-3").sign_in("evil")
    config = json.loads(evil.fetch("config"))
    (save,) = [
        e
        for e in config["dependencies"]
        if [t[1] for t in e["targets"]] == ["saved"] and len(e["inputs"]) > 3
    ]
    statements = ["own", "agreed", "", True, ""]
    for claim in (summary["photo"], f"../{queue_name('ada')}/{saved['id']}", saved["id"]):
        payload = {**FORGED, "id": claim, "token": "t", **pack_label_map(ids)}
        evil.event(save["id"], [FORGED, *statements], payload)
    evil.upload(noise(), f"../../rows/{queue_name('ada')}/{'0' * 32}.parquet")
    assert rows_of(app.contributions, "ada") == hers
    theirs = rows_of(app.contributions, "evil")  # one's own copy, where one holds the same photo
    assert set(theirs) <= set(hers) | {p for p in theirs if p not in hers}
    queue = Outbox(app.contributions).queue("evil")
    assert {queue.load(name.removesuffix(".parquet")).contributor for name in theirs} <= {"evil"}
    assert not list(app.contributions.parent.glob("rows/*/0000*"))


def test_guessing_an_address_does_not_give_an_unsent_photo_of_another_visitor(app, hub, dataset):
    hub.fail("/commit/", 503, times=10_000)
    ada = Browser(app.url, "ada-2").sign_in("ada")
    ada.saves(noise(88, 64, seed=13))
    evil, cache = Browser(app.url, "evil-4").sign_in("evil"), app.cache
    waiting = [path for path in app.contributions.rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in waiting)
    for path in waiting:
        inside = path.relative_to(app.contributions.parent)
        for guess in (
            f"gradio_api/file={path}",
            f"file={path}",
            f"gradio_api/file/{path}",
            f"gradio_api/file={inside}",
            f"gradio_api/file={cache}/../{inside}",
            f"gradio_api/file={cache}/%2e%2e/{inside}",
            f"gradio_api/proxy=file://{path}",
            f"gradio_api/proxy={hub.url}/{inside}",
            f"gradio_api/stream/x/1/{path}",
            f"static/..%2f..%2f{path}",
            f"assets/../../{inside}",
        ):
            assert evil.status(guess) >= 400, guess
    for folder in (
        cache,
        f"{cache}/",
        app.contributions,
        f"{cache}/../rows",
        f"{cache}/{'0' * 32}",
    ):
        assert evil.status(f"gradio_api/file={folder}") >= 400, folder
    homes = [path.name for path in cache.iterdir() if not path.name.startswith(("file-", "draft"))]
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in homes)


def test_a_visitor_can_neither_list_nor_decide_in_the_review(app, hub, dataset):
    ada = Browser(app.url, "ada-3").sign_in("ada")
    ada.saves(noise(96, 64, seed=14))
    assert until(lambda: dataset.discussions)
    for name in ("evil", None):
        other = Browser(app.url, f"visitor-{name}")
        if name:
            other.sign_in(name)
        config = json.loads(other.fetch("config"))
        kinds = {part["id"]: part["type"] for part in config["components"]}
        for event in config["dependencies"]:
            if event["backend_fn"]:
                data = [FORGED if kinds[i] == "state" else 1 for i in event["inputs"]]
                shown = json.dumps(other.event(event["id"], data, {"id": "x", "token": "t"}))
                assert "#1 by ada" not in shown
                assert "is merged" not in shown
    assert dataset.discussions[1].status == "open" or dataset.discussions[1].status == "draft"
    assert dataset.discussions[1].events == []
