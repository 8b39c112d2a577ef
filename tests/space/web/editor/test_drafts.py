"""The editor in Chromium: unsaved work is kept, offered back, brought back or discarded."""

from __future__ import annotations

import time

import numpy as np

from tests.space.web.editor.driver import EditorPage
from tests.space.web.editor.synthetic import synthetic_face


def painted_over_an_offer(open_editor):
    """A photo whose unsaved work is offered, and on which somebody paints without an answer."""
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.reload("256x256")
    editor.offered()
    editor.drag([(40, 90), (50, 90)])
    return editor


def test_unsaved_work_survives_a_reload_and_is_offered_back(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    work = editor.ids()
    editor.js("fme.app.drafts.flush()")
    editor.page.on("dialog", lambda dialog: dialog.accept())
    editor.page.reload(wait_until="domcontentloaded")
    editor.page.wait_for_selector(".fme-draft:not([hidden])")
    assert "face 256x256" in editor.text(".fme-draft")
    editor.page.click("[data-act=draft-restore]")
    editor.page.wait_for_function("document.querySelector('.fme').dataset.state === 'ready'")
    np.testing.assert_array_equal(editor.ids(), work)
    editor.page.fill("#size textarea, #size input", "256x256")
    editor.save()
    np.testing.assert_array_equal(editor.saved()[0], work)
    editor.js("fme.app.drafts.writing")
    editor.page.reload(wait_until="domcontentloaded")
    editor.page.wait_for_function("document.querySelector('.fme')?.__fme")
    editor.page.wait_for_timeout(300)
    assert editor.page.locator(".fme-draft").is_hidden()


def test_painting_before_answering_leaves_the_offered_work_as_it_was(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    first = editor.ids()
    editor.reload("256x256")
    editor.offered()
    editor.drag([(40, 90), (50, 90)])
    second = editor.ids()
    editor.reload("256x256")
    assert "(1 of 2)" in editor.offered()
    np.testing.assert_array_equal(editor.bring_back(), second)
    assert "(1 of" not in editor.offered()
    np.testing.assert_array_equal(editor.bring_back(), first)


def test_new_work_is_offered_when_the_old_was_brought_back_over_it(open_editor):
    editor = painted_over_an_offer(open_editor)
    new = editor.ids()
    editor.bring_back()
    np.testing.assert_array_equal(editor.bring_back(), new)


def test_discarding_old_work_keeps_the_draft_of_the_new(open_editor):
    editor = painted_over_an_offer(open_editor)
    new = editor.ids()
    editor.page.click("[data-act=draft-discard]")
    assert editor.nothing_offered()
    editor.reload("256x256")
    assert "(1 of" not in editor.offered()
    np.testing.assert_array_equal(editor.bring_back(), new)


def test_saving_new_work_ends_the_old_that_was_offered_beside_it(open_editor):
    editor = painted_over_an_offer(open_editor)
    editor.save()
    assert editor.nothing_offered()
    editor.reload("256x256")
    assert editor.nothing_offered()


def test_restored_work_has_one_draft_however_often_it_is_left(open_editor):
    editor = open_editor()
    for x in (40, 80, 120):
        editor.drag([(x, 40), (x + 20, 40)])
        work = editor.ids()
        editor.reload()
        assert "(1 of" not in editor.offered()
        np.testing.assert_array_equal(editor.bring_back(), work)


def test_every_photo_left_unsaved_is_offered_back(open_editor):
    editor = open_editor(None)
    sizes = [f"{side}x64" for side in range(64, 69)]
    for size in sizes:
        editor.load(size)
        editor.js("fme.app.edit('dot', 'brush', (map) => map.put(1, 1, 5))")
    for size in sizes:
        editor.load(size)
        assert f"face {size}" in editor.offered()


def test_unsaved_work_is_kept_for_thirty_days(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.js("fme.app.drafts.flush()")
    now = time.time()
    editor.page.clock.set_fixed_time(now + 29 * 86_400)
    editor.reload()
    assert "for 30 days" in editor.offered()
    editor.page.clock.set_fixed_time(now + 31 * 86_400)
    editor.reload()
    assert editor.nothing_offered()


def test_a_full_storage_shows_a_visible_message(open_editor):
    editor = open_editor()
    browser = editor.page.context.new_cdp_session(editor.page)
    origin = editor.js("location.origin")
    browser.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1})
    editor.drag([(40, 40), (80, 40)])
    editor.page.wait_for_selector(".fme-alert:not([hidden])")
    assert "storage of this browser is full" in editor.text(".fme-alert")
    editor.save()
    editor.page.wait_for_selector(".fme-alert", state="hidden")


def test_work_that_another_tab_discarded_is_kept_again_when_it_goes_on(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.js("fme.app.drafts.flush()")
    other = EditorPage(editor.page.context.new_page(), editor.folder, editor.errors)
    other.visit(editor.page.url)
    other.offered()
    other.page.click("[data-act=draft-discard]")
    assert other.nothing_offered()
    editor.page.bring_to_front()
    editor.drag([(40, 60), (80, 60)])
    work = editor.ids()
    editor.reload()
    np.testing.assert_array_equal(editor.bring_back(), work)


def test_discarding_what_another_tab_has_changed_since_offers_the_change(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.js("fme.app.drafts.flush()")
    other = EditorPage(editor.page.context.new_page(), editor.folder, editor.errors)
    other.visit(editor.page.url)
    other.offered()
    editor.page.bring_to_front()
    editor.drag([(40, 60), (80, 60)])
    work = editor.ids()
    editor.js("fme.app.drafts.flush()")
    other.page.bring_to_front()
    other.page.click("[data-act=draft-discard]")
    np.testing.assert_array_equal(other.bring_back(), work)


def test_work_of_another_kind_of_editor_is_not_offered(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.reload()
    assert "face 256x256" in editor.offered()
    elsewhere = """async () => {
        const other = new fme.app.drafts.constructor(fme.app, "review");
        return [await other.find(), (await indexedDB.databases()).length];
    }"""
    assert editor.js(f"({elsewhere})()") == [None, 2]


def left_unsaved(editor, *sizes):
    """Photos on which one pixel each is changed and not saved."""
    for size in sizes:
        editor.load(size)
        editor.js("fme.app.edit('dot', 'brush', (map) => map.put(1, 1, 5))")


def test_the_unsaved_work_of_other_photos_is_offered_when_one_is_back_and_when_one_is_saved(
    open_editor,
):
    editor = open_editor(None)
    left_unsaved(editor, "64x64", "65x64", "66x64")
    editor.reload()
    editor.bring_back()
    assert "face 65x64" in editor.offered()
    editor.page.fill("#size textarea, #size input", "66x64")
    editor.save()
    editor.page.wait_for_selector("text=1 px changed (1 of 2)")
    editor.bring_back()
    assert "face 64x64" in editor.offered()
    editor.page.click("[data-act=draft-discard]")
    assert editor.nothing_offered()


def test_work_of_another_photo_is_distinguished_from_that_of_the_open_one(open_editor):
    editor = open_editor(None)
    left_unsaved(editor, "64x64", "65x64")
    editor.reload()
    assert "on another photo" not in editor.offered()
    editor.js(
        "fme.app.drafts.find = ((find) => (...of) => find.apply(fme.app.drafts, of).then("
        "(found) => { if (found) found.parse.value.title = ''; return found; }))"
        "(fme.app.drafts.find)"
    )
    editor.bring_back()
    assert "Unsaved work on another photo from" in editor.offered()


def test_the_review_continues_after_a_reload_with_the_region_that_was_in_question(open_editor):
    editor = open_editor()
    editor.press("n", "Enter", "f")
    editor.reload()
    assert "2 regions reviewed" in editor.offered()
    editor.bring_back()
    editor.page.wait_for_selector("text=2 of 16 reviewed")
    editor.press("n")
    assert editor.js("fme.app.guide.at") == 2


def test_answers_that_change_no_pixel_are_unsaved_work_too(open_editor):
    editor = open_editor()
    editor.press("n", "Enter")
    editor.reload()
    assert "0 px changed, 1 region reviewed" in editor.offered()
    editor.bring_back()
    editor.press("n")
    assert editor.js("fme.app.guide.at") == 1
    editor.page.fill("#size textarea, #size input", "256x256")
    editor.save()
    editor.press("n")
    editor.reload()
    assert editor.nothing_offered()


def test_a_draft_holds_no_cancelled_stroke(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    work = editor.ids()
    editor.page.mouse.move(*editor.at(40, 120))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.at(200, 120), steps=5)
    assert (editor.ids() != work).any()
    editor.js("fme.app.drafts.flush()")
    editor.page.keyboard.press("Escape")
    editor.page.mouse.up()
    editor.reload()
    changed = (work != synthetic_face(256, 256).prediction).sum()
    assert f"{changed:,} px changed" in editor.offered()
    np.testing.assert_array_equal(editor.bring_back(), work)


def test_a_draft_holds_no_previewed_clean_up(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    work = editor.ids()
    editor.page.click(".fme-clean summary")
    editor.page.select_option("[data-clean=kind]", "smooth")
    editor.page.select_option("[data-clean=scope]", "all")
    editor.page.click("[data-act=clean-preview]")
    assert (editor.ids() != work).any()
    editor.js("fme.app.walked()")  # a draft waits to be written
    editor.reload()
    np.testing.assert_array_equal(editor.bring_back(), work)
