"""What overlaps in a real browser: picks and saves during a parse, photos whose time runs out."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from space.state.examples import list_examples
from tests.space.e2e.conftest import press_save, upload, wait_for_overlay
from tests.space.e2e.test_loop import READY, open_editor, stroke

EDITOR = "document.querySelector('#mask-editor .fme')"


@pytest.fixture
def photos(tmp_path):
    """Ten photos of one face, each of another size."""
    paths = [tmp_path / f"{number}.jpg" for number in range(10)]
    with Image.open(list_examples()[0].path) as image:
        for number, path in enumerate(paths):
            image.convert("RGB").resize((700 + number, 700)).save(path)
    return paths


def test_the_photo_that_is_shown_is_downloaded_corrected_and_listed(open_page, photos):
    page = open_page()
    upload(page, *photos[:2])
    first = wait_for_overlay(page)
    upload(page, *photos[2:])
    page.wait_for_function("document.querySelector('.pd').innerText.includes('photo 2 of 8')")
    page.locator(".fv-photos button").nth(1).click()
    page.wait_for_function(f"{READY} !== {first!r}")
    second = page.locator(".fv").get_attribute("data-ready")
    page.click("#downloads summary")
    with page.expect_download() as found:
        page.click("#download-mask")
    assert np.asarray(Image.open(found.value.path())).shape == (700, 701)
    open_editor(page)
    assert page.evaluate(f"{EDITOR}.dataset.ready") == second
    page.locator("#mask-editor .fme-view").scroll_into_view_if_needed()
    stroke(page, (0.3, 0.1), (0.7, 0.12))
    press_save(page)
    page.wait_for_selector("#save-message [role=status]")
    page.wait_for_function("document.querySelectorAll('.fv-photos button').length === 8")
    page.get_by_role("tab", name="Contribute").click()
    page.wait_for_selector("#receipts .saved li")


def test_statements_about_one_photo_are_not_kept_for_the_next(open_page, photos):
    page = open_page()
    upload(page, *photos[:2])
    first = wait_for_overlay(page)
    open_editor(page)
    page.get_by_label("This photo's license lets me share it").check()
    page.get_by_label("The photo's license").fill("CC BY 2.0")
    page.get_by_label("Where it comes from").fill("https://a.example/photo-a")
    page.get_by_label("The people in it agree to this").check()
    page.get_by_label("may be published in the dataset").check()
    page.get_by_role("tab", name="Parse").click()
    page.locator(".fv-photos button").nth(1).click()
    page.wait_for_function(f"{READY} !== {first!r}")
    page.click("#to-correct")
    page.wait_for_function(f"{EDITOR}.dataset.ready === {READY}")
    assert page.locator("#consent :checked").count() == 0
    assert page.get_by_label("Where it comes from").input_value() == ""
    page.wait_for_selector("#photo-license", state="hidden")
    page.get_by_label("This photo's license lets me share it").check()
    assert page.get_by_label("The photo's license").input_value() == ""


def test_unsaved_work_of_another_photo_comes_back_after_a_save_with_an_empty_form(
    open_page, photos
):
    page = open_page()
    upload(page, *photos[:2])
    first = wait_for_overlay(page)
    open_editor(page)
    stroke(page, (0.3, 0.1), (0.7, 0.12))
    page.get_by_role("tab", name="Parse").click()
    page.locator(".fv-photos button").nth(1).click()
    page.wait_for_function(f"{READY} !== {first!r}")
    second = page.locator(".fv").get_attribute("data-ready")
    page.click("#to-correct")
    page.wait_for_function(f"{EDITOR}.dataset.ready === {second!r}")
    page.get_by_label("I took this photo or hold its rights").check()
    page.get_by_label("The people in it agree to this").check()
    page.get_by_label("may be published in the dataset").check()
    press_save(page)
    page.wait_for_selector("text=Unsaved work on another photo")
    page.click("#mask-editor [data-act=draft-restore]")
    page.wait_for_function(f"{EDITOR}.dataset.ready === {first!r}")
    page.wait_for_function("!document.querySelector('#consent :checked')")
    page.wait_for_selector("#again")
    for view in ("Contribute", "Correct"):
        page.get_by_role("tab", name=view).click()
    page.wait_for_timeout(500)
    assert page.evaluate(f"{EDITOR}.dataset.ready") == first
    page.get_by_role("tab", name="Parse").click()
    page.click("#to-correct")
    page.wait_for_function(f"{EDITOR}.dataset.ready === {second!r}")


def test_an_expired_photo_can_be_opened_again_and_the_other_stays_visible(
    open_page, server, photos
):
    page = open_page()
    upload(page, *photos[:2])
    first = wait_for_overlay(page)
    page.locator(".fv-photos button").nth(1).click()
    page.wait_for_function(f"{READY} !== {first!r}")
    second = page.locator(".fv").get_attribute("data-ready")
    shutil.rmtree(server.cache / first)
    page.locator(".fv-photos button").nth(0).click()
    page.wait_for_selector("#parse-message [role=alert]")
    page.wait_for_function(
        f"{READY} === {second!r} && !document.querySelector('.fv-photos button')"
    )
    shutil.rmtree(server.cache / second)
    page.click("#to-correct")
    page.wait_for_selector("#save-message [role=alert]")
    page.get_by_role("tab", name="Parse").click()
    upload(page, photos[1])
    page.wait_for_selector(".pd[data-state=busy]")
    page.wait_for_selector(".pd[data-state=idle]")
    open_editor(page)
    assert page.evaluate(f"{EDITOR}.dataset.ready") == second


def test_after_a_network_error_a_photo_opens_in_the_editor_on_the_second_try(open_page, photos):
    page = open_page()
    upload(page, *photos[:2])
    first = wait_for_overlay(page)
    open_editor(page)
    page.get_by_role("tab", name="Parse").click()
    page.locator(".fv-photos button").nth(1).click()
    page.wait_for_function(f"{READY} !== {first!r}")
    second = page.locator(".fv").get_attribute("data-ready")
    page.evaluate("""() => {
      const { fetch } = window;
      window.fetch = (url, ...rest) => (
        String(url).includes('shown.') ? Promise.reject(new TypeError('Failed to fetch'))
          : fetch(url, ...rest)
      );
      window.mend = () => { window.fetch = fetch; };
    }""")
    page.click("#to-correct")
    page.wait_for_selector("#mask-editor .fme[data-state=unopened]")
    assert page.locator("#mask-editor [data-act=save]").is_disabled()
    page.wait_for_timeout(500)
    page.evaluate("window.mend()")
    page.get_by_role("tab", name="Parse").click()
    page.click("#to-correct")
    page.wait_for_selector("#mask-editor .fme[data-state=ready]")
    assert page.evaluate(f"{EDITOR}.dataset.ready") == second


def test_the_next_photo_opens_in_the_editor_by_button_and_key_and_is_shown_in_both_views(
    open_page, photos
):
    page = open_page()
    upload(page, *photos[:3])
    first = wait_for_overlay(page)
    open_editor(page)
    page.locator("#mask-editor .fme-view").scroll_into_view_if_needed()
    stroke(page, (0.3, 0.1), (0.7, 0.12))
    press_save(page)
    page.get_by_role("button", name="Next photo (2 of 3 not saved yet)").click()
    page.wait_for_function(f"{EDITOR}.dataset.ready !== {first!r}")
    second = page.evaluate(f"{EDITOR}.dataset.ready")
    page.locator("#mask-editor .fme-stage canvas").first.press("Control+Enter")
    page.wait_for_function(f"{EDITOR}.dataset.ready !== {second!r}")
    page.get_by_role("tab", name="Parse").click()
    page.wait_for_function(f"{READY} === {EDITOR}.dataset.ready")
    assert page.locator(".fv-photos [aria-pressed=true]").get_attribute("aria-label") == (
        "Photo 3 of 3"
    )
