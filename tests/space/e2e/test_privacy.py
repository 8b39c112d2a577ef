"""What docs/privacy.md promises, seen from outside."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.space.conftest import noise
from tests.space.e2e.conftest import ROOT, upload, wait_for_overlay


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
    assert [p for p in files_in(gradio) if p.name == "holiday.png"]
    for _ in range(80):
        left = files_in(forgetful.cache) + [
            p for p in files_in(gradio) if p.name in {"holiday.png", "mask.png", "shown.jpg"}
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
    log = server.log.read_text()[before:]
    assert "my-secret" not in log
    assert "Traceback" not in log
    assert len(log) < 200


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


def test_nobody_reads_how_the_app_is_used(server):
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


def test_the_page_may_be_embedded_and_loads_nothing_from_elsewhere(server, open_page):
    with urllib.request.urlopen(server.url, timeout=30) as answer:
        assert answer.headers.get("X-Frame-Options") is None
    page = open_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector(".pd")
    outside = [u for u in asked if not u.startswith((server.url, "data:", "blob:"))]
    assert outside == []
