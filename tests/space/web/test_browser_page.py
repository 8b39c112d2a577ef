"""The page without a server, in Chromium: one build for all tests."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.browser import served
from segface_hf import FaceParser, load_image
from segface_hf.errors import MissingPackageError
from segface_hf.pipeline.centerface import CenterFaceDetector
from space.__main__ import main
from space.handlers.downloads import coco_document
from space.ops.browser import POLICY, build_page
from space.ops.runtime import RuntimeFetchError

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120_000
SNIPPET = re.compile(r"```js\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    try:
        return build_page(tmp_path_factory.mktemp("page") / "out")
    except (MissingPackageError, RuntimeFetchError) as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "anna maria.png"
    load_image(ROOT / "examples" / "astronaut.jpg").crop((96, 0, 352, 256)).save(path)
    return path


def choose(page, *, name="photo.png", content=None, path=None):
    file = path or {"name": name, "mimeType": "image/png", "buffer": content}
    page.set_input_files(".pd input", file)
    page.wait_for_selector('.pd[data-state="idle"]')
    return page.inner_text(".pd-status")


def downloaded(page, act):
    with page.expect_download() as download:
        act()
    return download.value.suggested_filename, Path(download.value.path())


@pytest.fixture(scope="module")
def offline(browser, built):
    """A page that was visited once, opened again after its server has ended; and what it asked."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    asked = []
    with served(built.folder) as url:
        page.goto(url)
        page.wait_for_selector("body[data-ready]")
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector("body[data-ready]")
    yield page, url, asked
    context.close()


def test_a_photo_is_parsed_corrected_and_downloaded_while_no_request_gets_an_answer(offline, photo):
    page, url, asked = offline
    assert choose(page, path=str(photo)) == ""
    page.wait_for_selector('.fv[data-state="ready"]')
    assert page.inner_text(".fv-note") == "1 face."
    page.click(".fv-save summary")
    name, path = downloaded(page, lambda: page.click("#download-mask"))
    mask = np.asarray(Image.open(path))
    parser = FaceParser.from_pretrained(detector=CenterFaceDetector())
    assert name == "anna_maria_mask.png"
    assert (mask == parser.parse(str(photo)).mask).mean() >= 0.999

    page.click(".fv-correct")
    page.wait_for_selector('.fme[data-state="ready"]')
    page.evaluate(
        """() => {
          const { app } = document.querySelector('.fme').__fme;
          const start = Array.from({ length: 50 }, (_, i) => i);
          app.edit('hat', 'brush', (map) => map.paint(start, 16));
        }"""
    )
    page.click('[data-act="save"]')
    page.wait_for_selector('.fme[data-state="saved"]')
    page.click("#back")
    page.click(".fv-save summary")
    corrected = np.asarray(Image.open(downloaded(page, lambda: page.click("#download-mask"))[1]))
    assert (corrected.ravel()[:50] == 16).all()
    assert (corrected.ravel()[50:] == mask.ravel()[50:]).all()
    page.click(".fv-save summary")
    coco = json.loads(downloaded(page, lambda: page.click("#download-coco"))[1].read_text())
    parse = replace(parser.parse(str(photo)), mask=corrected)
    expected = coco_document(parse, file_name="photo.png")
    (face,), (expected_face,) = coco.pop("faces"), expected.pop("faces")
    assert coco == expected
    assert face["box"] == pytest.approx(expected_face["box"], abs=0.2)
    page.click(".fv-save summary")
    with zipfile.ZipFile(downloaded(page, lambda: page.click("#download-cutouts"))[1]) as archive:
        assert archive.testzip() is None
        hair = np.asarray(Image.open(io.BytesIO(archive.read("hair.png"))))
    assert np.array_equal(hair[..., 3] > 0, parse.region("hair"))
    _, path = downloaded(page, lambda: page.click("#no-background"))
    cut = np.asarray(Image.open(path))
    assert np.array_equal(cut[..., 3] > 0, corrected > 0)
    assert np.array_equal(cut[..., :3], np.asarray(Image.open(photo)))
    assert {address.split("/")[2] for address in asked if address.startswith("http")} == {
        url.split("/")[2]
    }


def test_after_the_first_visit_the_page_is_isolated_for_threads_and_fits_a_phone(offline):
    page, _, _ = offline
    assert page.evaluate("crossOriginIsolated")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_request_to_another_site_is_refused_by_the_policy(offline):
    page, _, _ = offline
    refused = page.evaluate(
        """() => new Promise((done) => {
          document.addEventListener('securitypolicyviolation', (e) => done(e.effectiveDirective));
          fetch('https://example.org/').catch(() => {});
        })"""
    )
    assert refused == "connect-src"
    assert "connect-src 'self'" in POLICY


def test_files_that_are_no_pictures_get_a_sentence(offline):
    page, _, _ = offline
    heic = choose(page, content=b"\0\0\0\x18ftypheic" + bytes(64))
    assert heic == "This browser can't open HEIC photos: save the photo as JPEG or PNG."
    broken = choose(page, content=b"\x89PNG\r\n\x1a\nbroken")
    assert "not a picture that this browser can open" in broken


def test_a_photo_above_the_bound_is_scaled_down_and_says_so(offline, tmp_path):
    page, _, _ = offline
    wide = tmp_path / "wide.png"
    Image.new("RGB", (5120, 64), (90, 120, 30)).save(wide)
    choose(page, path=str(wide))
    said = page.inner_text(".fv-note")
    assert said.startswith("No face was found in this photo.")
    assert "scaled down from 5120 x 64 to 4096 x 51" in said
    assert page.is_visible("#whole")


def test_the_snippet_of_the_docs_cuts_out_the_hair(browser, built, photo, tmp_path):
    code = SNIPPET.search((ROOT / "docs" / "library.md").read_text(encoding="utf-8"))[1]
    # The page of a snippet has no policy and no service worker.
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("parser", "runtime"):
        (folder / name).symlink_to(built.folder / name)
    (folder / "photo.png").write_bytes(photo.read_bytes())
    names = json.dumps({"imports": {"onnxruntime-web/wasm": "./runtime/ort.wasm.bundle.min.mjs"}})
    (folder / "index.html").write_text(f'<script type="importmap">{names}</script>')
    (folder / "snippet.mjs").write_text(
        "const file = await (await fetch('photo.png')).blob();\n"
        + code
        + "\nself.cut = [...new Uint8Array(await cutOut.arrayBuffer())];\n"
    )
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    with served(folder) as url:
        page.goto(url)
        page.add_script_tag(url="snippet.mjs", type="module")
        page.wait_for_function("self.cut")
        cut = Image.open(io.BytesIO(bytes(page.evaluate("self.cut"))))
    page.close()
    hair = (
        FaceParser.from_pretrained(detector=CenterFaceDetector()).parse(str(photo)).region("hair")
    )
    assert ((np.asarray(cut)[..., 3] > 0) == hair).mean() >= 0.999


def test_the_build_is_complete_small_and_overwrites_nothing(built, capsys):
    files = {p.relative_to(built.folder).as_posix() for p in built.folder.rglob("*") if p.is_file()}
    script = (built.folder / "service_worker.js").read_text()
    kept = set(json.loads(re.search(r"FILES = (\[.*?\]);", script)[1]))
    assert kept == {"./", *files} - {"service_worker.js"}
    assert built.size < 30e6
    page = (built.folder / "index.html").read_text()
    assert POLICY in page
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', page)) <= files
    manifest = json.loads((built.folder / "manifest.webmanifest").read_text())
    assert manifest["display"] == "standalone"
    assert "MIT" in (built.folder / "licenses.txt").read_text()
    assert main(["browser", "--out", str(built.folder)]) == 2
    assert "not empty" in capsys.readouterr().err
