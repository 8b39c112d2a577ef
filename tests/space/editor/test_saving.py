"""The editor in Chromium: exact saves, refusals, silence, drafts, a lost connection."""

from __future__ import annotations

import time

import numpy as np
import pytest

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
