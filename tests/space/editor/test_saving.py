"""The editor in Chromium: exact saves, refusals, silence, drafts, a lost connection."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.space.editor.driver import ROOT, EditorPage
from tests.space.editor.synthetic import synthetic_face


@pytest.mark.parametrize("size", ["33x57", "101x77", "257x129", "513x511", "640x359"])
def test_nineteen_classes_come_back_byte_for_byte_at_odd_sizes(open_editor, size):
    editor = open_editor(size, ratio=2)
    width, height = (int(part) for part in size.split("x"))
    for class_id in range(19):
        editor.js("fme.map.edit('dots', 'brush', () => fme.map.span(arg[1], 0, arg[0], arg[1]))",
                  [width - 1, class_id])  # fmt: skip
    expected = synthetic_face(width, height).prediction.copy()
    expected[:19] = np.arange(19, dtype=np.uint8)[:, None]
    editor.save()
    saved, claims = editor.saved()
    np.testing.assert_array_equal(saved, expected)
    assert set(np.unique(saved)) == set(range(19))
    assert claims["changed_pixels"] == int(
        (expected != synthetic_face(width, height).prediction).sum()
    )


def test_a_refused_save_keeps_the_work_and_says_why(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    work = editor.ids()
    editor.save("refuse", until="refused")
    assert "The folder can't be written." in editor.text(".fme-alert")
    assert "unsaved" in editor.text(".fme-facts")
    np.testing.assert_array_equal(editor.ids(), work)
    editor.save()
    assert editor.js("fme.app.unsaved") is False
    np.testing.assert_array_equal(editor.saved()[0], work)
    assert editor.text(".fme-message") == "Saved as a test."
    editor.load("128x128")
    assert editor.text(".fme-message") == ""


def test_a_save_without_an_answer_is_a_failed_save(open_editor):
    editor = open_editor()
    editor.page.clock.install()
    editor.drag([(40, 40), (80, 40)])
    editor.save("silent", until="saving")
    for _ in range(60):  # the wait for an answer begins only once the map is packed
        editor.page.clock.fast_forward(31_000)
        if editor.js("root.dataset.state") == "refused":
            break
        time.sleep(0.1)
    assert "did not answer" in editor.text(".fme-alert")
    assert editor.js("fme.app.unsaved") is True


def test_what_is_painted_after_save_is_kept_when_the_answer_finds_another_photo(open_editor):
    editor = open_editor()
    for painted_since in (False, True):
        editor.drag([(40, 40), (80, 40)])
        editor.save("silent", until="saving")
        editor.page.wait_for_function(f"{ROOT}.__fme.app.saving.pending.timer > 0")
        if painted_since:
            editor.drag([(40, 60), (80, 60)])
        work = editor.ids()
        editor.load("64x64")
        editor.js("fme.app.saving.answered({token: fme.app.saving.pending.token, ok: true})")
        editor.load("256x256")
        if painted_since:
            np.testing.assert_array_equal(bring_back(editor), work)
        else:
            assert nothing_offered(editor)


def reload(editor, size=None):
    """Leave without saving and come back, at once on a photo when ``size`` is given."""
    editor.js("fme.app.drafts.flush()")
    editor.page.once("dialog", lambda dialog: dialog.accept())
    editor.page.reload(wait_until="domcontentloaded")
    editor.page.wait_for_function("document.querySelector('.fme')?.__fme")
    if size:
        editor.load(size)


def offered(editor):
    editor.page.wait_for_selector(".fme-draft:not([hidden])")
    return editor.text(".fme-draft")


def bring_back(editor):
    offered(editor)
    editor.page.click("[data-act=draft-restore]")
    editor.page.wait_for_function(
        "document.querySelector('.fme-message').textContent === 'Your unsaved work is back.'"
    )
    return editor.ids()


def painted_over_an_offer(open_editor):
    """A photo whose unsaved work is offered, and on which somebody paints without an answer."""
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    reload(editor, "256x256")
    offered(editor)
    editor.drag([(40, 90), (50, 90)])
    return editor


def nothing_offered(editor):
    editor.js("fme.app.drafts.writing")
    editor.page.wait_for_timeout(300)
    return editor.page.locator(".fme-draft").is_hidden()


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
    reload(editor, "256x256")
    offered(editor)
    editor.drag([(40, 90), (50, 90)])
    second = editor.ids()
    reload(editor, "256x256")
    assert "(1 of 2)" in offered(editor)
    np.testing.assert_array_equal(bring_back(editor), second)
    assert "(1 of" not in offered(editor)
    np.testing.assert_array_equal(bring_back(editor), first)


def test_new_work_is_offered_when_the_old_was_brought_back_over_it(open_editor):
    editor = painted_over_an_offer(open_editor)
    new = editor.ids()
    bring_back(editor)
    np.testing.assert_array_equal(bring_back(editor), new)


def test_discarding_old_work_keeps_the_draft_of_the_new(open_editor):
    editor = painted_over_an_offer(open_editor)
    new = editor.ids()
    editor.page.click("[data-act=draft-discard]")
    assert nothing_offered(editor)
    reload(editor, "256x256")
    assert "(1 of" not in offered(editor)
    np.testing.assert_array_equal(bring_back(editor), new)


def test_saving_new_work_ends_the_old_that_was_offered_beside_it(open_editor):
    editor = painted_over_an_offer(open_editor)
    editor.save()
    assert nothing_offered(editor)
    reload(editor, "256x256")
    assert nothing_offered(editor)


def test_work_brought_back_has_one_draft_however_often_it_is_left(open_editor):
    editor = open_editor()
    for x in (40, 80, 120):
        editor.drag([(x, 40), (x + 20, 40)])
        work = editor.ids()
        reload(editor)
        assert "(1 of" not in offered(editor)
        np.testing.assert_array_equal(bring_back(editor), work)


def test_every_photo_left_unsaved_is_offered_back(open_editor):
    editor = open_editor(None)
    sizes = [f"{side}x64" for side in range(64, 72)]
    for size in sizes:
        editor.load(size)
        editor.js("fme.app.edit('dot', 'brush', (map) => map.put(1, 1, 5))")
    for size in sizes:
        editor.load(size)
        assert f"face {size}" in offered(editor)


def test_unsaved_work_is_kept_for_thirty_days(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.js("fme.app.drafts.flush()")
    now = time.time()
    editor.page.clock.set_fixed_time(now + 29 * 86_400)
    reload(editor)
    assert "for 30 days" in offered(editor)
    editor.page.clock.set_fixed_time(now + 31 * 86_400)
    reload(editor)
    assert nothing_offered(editor)


def test_a_full_storage_is_said_where_it_is_seen(open_editor):
    editor = open_editor()
    browser = editor.page.context.new_cdp_session(editor.page)
    origin = editor.js("location.origin")
    browser.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1})
    editor.drag([(40, 40), (80, 40)])
    editor.page.wait_for_selector(".fme-alert:not([hidden])")
    assert "storage of this browser is full" in editor.text(".fme-alert")
    editor.save()
    assert editor.page.locator(".fme-alert").is_hidden()


def test_work_that_another_tab_discarded_is_kept_again_when_it_goes_on(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.js("fme.app.drafts.flush()")
    other = EditorPage(editor.page.context.new_page(), editor.folder, editor.errors)
    other.visit(editor.page.url)
    offered(other)
    other.page.click("[data-act=draft-discard]")
    assert nothing_offered(other)
    editor.page.bring_to_front()
    editor.drag([(40, 60), (80, 60)])
    work = editor.ids()
    reload(editor)
    np.testing.assert_array_equal(bring_back(editor), work)


def test_discarding_what_another_tab_has_changed_since_offers_the_change(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.js("fme.app.drafts.flush()")
    other = EditorPage(editor.page.context.new_page(), editor.folder, editor.errors)
    other.visit(editor.page.url)
    offered(other)
    editor.page.bring_to_front()
    editor.drag([(40, 60), (80, 60)])
    work = editor.ids()
    editor.js("fme.app.drafts.flush()")
    other.page.bring_to_front()
    other.page.click("[data-act=draft-discard]")
    np.testing.assert_array_equal(bring_back(other), work)


def test_closing_the_tab_warns_only_while_work_is_unsaved(open_editor):
    editor = open_editor()
    asked = []

    def answer(dialog):
        asked.append(dialog.type)
        dialog.accept()

    editor.page.on("dialog", answer)
    editor.drag([(40, 40), (80, 40)])
    editor.page.reload(wait_until="domcontentloaded")
    assert asked == ["beforeunload"]
    editor.page.reload(wait_until="domcontentloaded")
    assert asked == ["beforeunload"]


def test_a_lost_connection_keeps_the_work_and_says_so(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    work = editor.ids()
    editor.page.context.set_offline(True)
    editor.page.wait_for_selector(".fme-alert:not([hidden])")
    assert "your work is kept in this browser" in editor.text(".fme-alert")
    editor.drag([(40, 60), (80, 60)])
    editor.page.context.set_offline(False)
    assert (editor.ids() != work).any()
    editor.save()
    np.testing.assert_array_equal(editor.saved()[0], editor.ids())


def test_work_of_another_kind_of_editor_is_not_offered(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    reload(editor)
    assert "face 256x256" in offered(editor)
    elsewhere = """async () => {
        const other = new fme.app.drafts.constructor(fme.app, "review");
        return [await other.find(), (await indexedDB.databases()).length];
    }"""
    assert editor.js(f"({elsewhere})()") == [None, 2]
