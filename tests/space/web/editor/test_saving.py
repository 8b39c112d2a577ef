"""The editor in Chromium: exact saves, refusals, silence, a lost connection."""

from __future__ import annotations

import time

import numpy as np

from tests.space.web.editor.driver import ROOT
from tests.space.web.editor.synthetic import synthetic_face


def test_nineteen_classes_come_back_byte_for_byte_at_odd_sizes(open_editor):
    editor = open_editor(None, ratio=2)
    for width, height in ((33, 57), (101, 77), (257, 129), (513, 511), (640, 359)):
        editor.load(f"{width}x{height}")
        for class_id in range(19):
            row = "fme.map.edit('dots', 'brush', () => fme.map.span(arg[1], 0, arg[0], arg[1]))"
            editor.js(row, [width - 1, class_id])
        prediction = synthetic_face(width, height).prediction
        expected = prediction.copy()
        expected[:19] = np.arange(19, dtype=np.uint8)[:, None]
        editor.save()
        saved, claims = editor.saved()
        np.testing.assert_array_equal(saved, expected)
        assert set(np.unique(saved)) == set(range(19))
        assert claims["changed_pixels"] == int((expected != prediction).sum())


def test_a_refused_save_keeps_the_work_and_says_why(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    work = editor.ids()
    editor.save("refuse", until="refused")
    assert editor.text(".fme-message") == "Not saved: The folder can't be written."
    assert editor.page.locator(".fme-alert").is_hidden()
    assert "unsaved" in editor.text(".fme-facts")
    np.testing.assert_array_equal(editor.ids(), work)
    editor.save()
    assert editor.js("fme.app.unsaved") is False
    np.testing.assert_array_equal(editor.saved()[0], work)
    assert editor.text(".fme-message") == "Saved as a test."
    editor.load("128x128")
    assert editor.text(".fme-message") == ""


def test_a_mask_without_a_change_is_saved_only_after_a_question(open_editor):
    editor = open_editor()
    editor.page.click("[data-act=save]")
    assert "Is every label in this mask right?" in editor.text(".fme-ask")
    editor.page.keyboard.press("f")  # keys of the editor don't act under the question
    editor.page.click("[data-act=save-cancel]")
    assert editor.js("fme.map.done.length") == 0
    assert editor.js("root.dataset.state") == "ready"
    editor.page.click("[data-act=save]")
    editor.page.click("[data-act=save-unchanged]")
    editor.page.wait_for_function("document.querySelector('.fme').dataset.state === 'saved'")


def test_an_unanswered_save_is_reported_and_its_work_returns_after_a_reload(open_editor):
    editor = open_editor()
    editor.page.clock.install()
    editor.drag([(40, 40), (80, 40)])
    work = editor.ids()
    editor.save("silent", until="saving")
    for _ in range(60):  # the wait for an answer begins only once the map is packed
        editor.page.clock.fast_forward(31_000)
        if editor.js("root.dataset.state") == "refused":
            break
        time.sleep(0.1)
    editor.page.wait_for_selector(".fme-alert:not([hidden])")
    assert "reload the page, restore the work" in editor.text(".fme-alert")
    assert editor.js("fme.app.unsaved") is True
    asked = []
    editor.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    editor.page.reload(wait_until="domcontentloaded")
    assert "Work that may be saved already on face 256x256" in editor.offered()
    assert asked == []
    np.testing.assert_array_equal(editor.bring_back(), work)


def test_what_is_painted_after_save_is_kept_when_the_answer_finds_another_photo(open_editor):
    editor = open_editor()
    for painted_since in (False, True):
        editor.drag([(40, 40), (80, 40)])
        editor.save("silent", until="saving")
        editor.page.wait_for_function(f"{ROOT}.__fme.app.saving.pending.timer > 0")
        if painted_since:
            editor.drag([(40, 60), (80, 60)])
        work = editor.ids()
        token = editor.js("fme.app.saving.pending.token")
        editor.load("64x64")
        editor.js("fme.app.saving.answered({token: arg, ok: true})", token)
        editor.load("256x256")
        if painted_since:
            np.testing.assert_array_equal(editor.bring_back(), work)
        else:
            assert editor.nothing_offered()


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


def test_while_a_photo_loads_the_one_before_is_neither_painted_nor_saved_and_none_is_lost(
    open_editor,
):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    work, spot = editor.ids(), editor.at(100, 100)
    asked = []
    editor.page.route("**/face_64x64.png", lambda route: asked.append(route))
    editor.page.fill("#size textarea, #size input", "64x64")
    editor.page.click("#load")
    editor.page.wait_for_selector(".fme[data-state=loading] .fme-wait:visible")
    assert "Opening the photo" in editor.text(".fme-wait")
    assert editor.page.locator("[data-act=save]").is_disabled()
    editor.page.mouse.click(*spot)
    editor.page.keyboard.press("Control+s")
    editor.page.set_viewport_size({"width": 1100, "height": 800})
    for _ in range(3):
        while not asked:
            editor.page.wait_for_timeout(100)
        asked.pop().abort()
    editor.page.wait_for_selector(".fme[data-state=unopened]")
    assert "could not be opened" in editor.text(".fme-alert")
    editor.page.unroute("**/face_64x64.png")
    editor.page.click(".fme-wait button")
    editor.page.wait_for_selector(".fme[data-state=ready]")
    assert editor.ids().shape == (64, 64)
    assert editor.page.locator(".fme-wait").is_hidden()
    editor.load("256x256")
    np.testing.assert_array_equal(editor.bring_back(), work)
