"""The whole loop in a real browser: photo, overlay, correction, row, data set."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import load_dataset
from PIL import Image

from space.state.examples import list_examples
from tests.space.e2e.conftest import press_save, upload, wait_for_overlay

PIXEL = """([x, y]) => {
  const canvas = document.querySelector('.fv-canvas');
  return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3);
}"""
SHOWN = "() => document.querySelector('.fv').__view.state"
FIRST_OF_CLASS = """(id) => {
  const { labels, photo } = document.querySelector('.fv').__view.state;
  const i = labels.indexOf(id);
  return [i % photo.w, Math.floor(i / photo.w)];
}"""
READY = "document.querySelector('.fv').dataset.ready"
CHANGED = "() => document.querySelector('#mask-editor .fme').__fme.map.changed"
IN_SIGHT = """(what) => {
  const box = document.querySelector(what).getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight;
}"""


@pytest.fixture
def example():
    """An example photo with a face."""
    return list_examples()[0].path


def drawn(page):
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)))")


def open_editor(page):
    page.click("#to-correct")
    page.wait_for_selector("#mask-editor .fme[data-ready]")


def stroke(page, start, end):
    """Drags the mouse between two pixels of the picture, given as shares of its size."""
    points = page.evaluate(
        """(ends) => {
          const editor = document.querySelector('#mask-editor .fme').__fme;
          return ends.map(([u, v]) => editor.toScreen(
            Math.floor(u * editor.map.width), Math.floor(v * editor.map.height)));
        }""",
        [start, end],
    )
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=12)
    page.mouse.up()


def consent(page):
    page.get_by_label("I took this photo or hold its rights").check()
    page.get_by_label("The people in it agree to this").check()
    page.get_by_label("may be published in the dataset").check()


def test_a_photo_becomes_an_overlay_with_a_legend_in_its_own_pixels(open_page, example):
    page = open_page()
    upload(page, example)
    wait_for_overlay(page)
    size = page.evaluate(f"() => [({SHOWN})().photo.w, ({SHOWN})().photo.h]")
    with Image.open(example) as image:
        assert tuple(size) == image.size
    present = page.evaluate(f"() => [...new Set(({SHOWN})().labels)]")
    listed = page.locator(".fv [data-class]").evaluate_all(
        "(all) => all.map((n) => +n.dataset.class)"
    )
    assert sorted(listed) == sorted(i for i in present if i)


def test_opacity_and_switches_act_at_once_and_in_the_browser(open_page, example):
    page = open_page()
    upload(page, example)
    wait_for_overlay(page)
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    first = page.locator(".fv [data-class]").first
    x, y = page.evaluate(FIRST_OF_CLASS, int(first.get_attribute("data-class")))
    drawn(page)
    covered = page.evaluate(PIXEL, [x, y])
    first.click()
    drawn(page)
    bare = page.evaluate(PIXEL, [x, y])
    assert bare != covered
    assert first.get_attribute("aria-pressed") == "false"
    first.click()
    page.locator("[name=opacity]").fill("0")
    drawn(page)
    assert page.evaluate(PIXEL, [x, y]) == bare
    assert sent == []


def test_the_class_under_the_pointer_is_named(open_page, example):
    page = open_page()
    upload(page, example)
    wait_for_overlay(page)
    box = page.locator(".fv-canvas").bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.wait_for_selector(".fv-chip.on")
    expected = page.evaluate(
        "() => { const s = document.querySelector('.fv').__view.state;"
        " return s.photo.classes.find((c) => c.id === s.labels[0]).title; }"
    )
    assert page.locator(".fv-chip").inner_text() == expected


def test_a_correction_is_saved_as_a_row_that_load_dataset_reads(
    open_page, server, example, tmp_path
):
    page = open_page()
    upload(page, example)
    wait_for_overlay(page)
    open_editor(page)
    assert "view=correct" in page.evaluate("() => location.search")
    page.evaluate(
        "() => { const e = document.querySelector('#mask-editor .fme').__fme;"
        " e.cls(16); e.tool('brush'); }"
    )
    stroke(page, (0.3, 0.1), (0.7, 0.12))
    page.wait_for_timeout(400)
    stroke(page, (0.3, 0.14), (0.7, 0.14))
    changed = page.evaluate(CHANGED)
    before = list(server.contributions.rglob("*.parquet"))
    page.locator("#right").get_by_role("radio").first.check()
    press_save(page)
    page.wait_for_selector("#save-message [role=status]")
    assert "Who is in it?" in page.locator("#save-message").inner_text()
    page.click("#clear-statements")
    page.wait_for_function("!document.querySelector('#right input:checked')")
    consent(page)
    press_save(page)
    page.wait_for_selector("#save-message :text('so it may be shared')")
    assert page.locator("#mask-editor .fme").get_attribute("data-state") == "saved"
    rows = [p for p in server.contributions.rglob("*.parquet") if p not in before]
    assert len(rows) == 1
    data = load_dataset(str(server.contributions), split="train", cache_dir=str(tmp_path / "cache"))
    (row,) = [r for r in data if rows[0].stem == r["content_id"]]
    mask, prediction = np.asarray(row["mask"]), np.asarray(row["prediction"])
    moved = mask != prediction
    assert moved.sum() == changed > 0
    assert set(np.unique(mask[moved])) == {16}
    assert row["changed_pixels"] == changed
    assert 0.4 <= row["seconds"] < 600
    assert "brush" in {used["tool"] for used in row["tools"]}
    page.get_by_role("tab", name="Contribute").click()
    assert row["content_id"][:8] in page.locator("#receipts").inner_text()


def test_reopening_a_saved_photo_starts_from_the_saved_mask(open_page, example):
    page = open_page()
    upload(page, example, list_examples()[-1].path)
    wait_for_overlay(page)

    def look_at(number):
        page.get_by_role("tab", name="Parse").click()
        before = page.locator(".fv").get_attribute("data-ready")
        page.locator(".fv-photos button").nth(number).click()
        page.wait_for_function(f"{READY} !== {before!r}")
        open_editor(page)
        page.wait_for_function(
            f"document.querySelector('#mask-editor .fme').dataset.ready === {READY}"
        )

    open_editor(page)
    page.evaluate("() => document.querySelector('#mask-editor .fme').__fme.cls(16)")
    stroke(page, (0.3, 0.1), (0.7, 0.12))
    changed = page.evaluate(CHANGED)
    press_save(page)
    page.wait_for_selector("#save-message [role=status]")
    look_at(1)
    assert page.evaluate(CHANGED) == 0
    look_at(0)
    assert page.evaluate(CHANGED) == changed > 0


def test_the_message_after_save_is_visible_on_a_phone_and_links_to_the_saved_row(
    open_page, example
):
    page = open_page(width=390, height=844)
    upload(page, example)
    wait_for_overlay(page)
    open_editor(page)
    press_save(page)
    page.wait_for_selector("#save-message [role=status]")
    page.wait_for_function(IN_SIGHT, arg="#save-message p")
    page.click("#save-message [data-view=contribute]")
    page.wait_for_selector("[role=tab][data-tab-id=contribute][aria-selected=true]")
    page.wait_for_selector("#receipts .saved li")


def test_a_file_that_is_not_a_photo_gets_one_sentence(open_page, tmp_path, server):
    path = tmp_path / "notes.png"
    path.write_bytes(b"these are notes")
    page = open_page()
    upload(page, path)
    page.wait_for_selector("#parse-message [role=alert]")
    assert "not a picture" in page.locator("#parse-message").inner_text()
    assert page.locator(".pd").get_attribute("data-state") == "idle"


def test_a_photo_without_a_face_says_so_and_offers_the_whole_picture(open_page, tmp_path):
    path = tmp_path / "wall.png"
    Image.new("RGB", (200, 160), (120, 130, 125)).save(path)
    page = open_page()
    upload(page, path)
    wait_for_overlay(page)
    assert "No face was found" in page.locator(".fv-note").inner_text()
    page.click("#whole")
    page.wait_for_function(
        "() => !document.querySelector('.fv-note').textContent.includes('No face')"
    )


def test_a_download_is_made_on_request(open_page, example):
    page = open_page()
    upload(page, example)
    wait_for_overlay(page)
    page.click("#downloads summary")
    with page.expect_download() as found:
        page.click("#download-mask")
    ids = np.asarray(Image.open(found.value.path()))
    assert ",".join(map(str, ids.ravel())) == page.evaluate(f"() => ({SHOWN})().labels.join()")
    page.wait_for_function("() => !document.querySelector('.fv-made').textContent")
    with page.expect_download() as found:
        page.get_by_role("button", name="Remove the background").click()
    assert found.value.suggested_filename == f"{example.stem}_no_background.png"
    with Image.open(found.value.path()) as cut:
        alpha = np.asarray(cut.getchannel("A"))
    assert {0, 255} < set(np.unique(alpha))  # soft at the edges
    page.wait_for_function("() => !document.querySelector('.fv-made').textContent")
    page.click("#downloads summary")
    with page.expect_download() as found:
        page.click("#download-everything")
    assert found.value.suggested_filename == f"{example.stem}_segface.zip"


def test_several_photos_are_shown_one_at_a_time(open_page, example):
    page = open_page()
    upload(page, example, list_examples()[-1].path)
    wait_for_overlay(page)
    photos = page.locator(".fv-photos button")
    assert photos.count() == 2
    first = page.locator(".fv").get_attribute("data-ready")
    photos.nth(1).click()
    page.wait_for_function("(id) => document.querySelector('.fv').dataset.ready !== id", arg=first)


def test_the_link_to_the_models_opens_the_picker_and_its_message_is_visible(open_page, example):
    page = open_page(height=700)
    upload(page, example)
    wait_for_overlay(page)
    page.click("[data-way=model]")
    page.wait_for_selector("#model input", state="visible")
    page.click("#compare-model")
    page.wait_for_selector("#parse-message [role=alert]")
    assert "choose another checkpoint" in page.locator("#parse-message").inner_text()
    page.wait_for_function(IN_SIGHT, arg="#parse-message p")


def test_an_invalid_upload_is_refused_and_the_next_photo_is_parsed(open_page, example):
    page = open_page()
    page.wait_for_timeout(500)
    page.evaluate("() => document.querySelector('.pd').__drop.send([{}])")
    page.wait_for_selector("#parse-message [role=alert]")
    assert "Upload the file itself" in page.locator("#parse-message").inner_text()
    assert page.locator(".pd").get_attribute("data-state") == "idle"
    upload(page, example)
    wait_for_overlay(page)


def test_a_refused_model_keeps_the_current_one_in_use(open_page):
    page = open_page()
    page.locator("#models button").first.click()
    page.fill("#model input", "../../etc")
    page.keyboard.press("Enter")
    page.click("#use-model")
    page.wait_for_selector("#parse-message [role=alert]")
    answer = page.locator("#parse-message").inner_text()
    assert "is not a model" in answer
    assert "embedded stays in use" in answer
