"""The editor in Chromium: where the focus is, and what Tab, arrows and keys of the page reach."""

from __future__ import annotations

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from tests.space.web.editor.driver import ROOT

HAT = CELEBAMASK_HQ.id_of("hat")

FOCUSED = "document.activeElement === root.querySelector('.fme-view')"


def ask_for(editor, size):
    """Load a photo while nothing, or the size's field, has the focus."""
    editor.page.fill("#size textarea, #size input", size)
    editor.page.evaluate("document.activeElement.blur()")
    editor.page.evaluate("document.querySelector('#load').click()")
    editor.page.wait_for_function(f"{ROOT}.dataset.state === 'ready'")


def test_keys_work_at_once_where_a_photo_opens_and_nothing_else_has_the_focus(open_editor):
    editor = open_editor(None)
    ask_for(editor, "256x256")
    assert editor.js(FOCUSED)
    editor.page.keyboard.press("n")
    assert editor.js("fme.app.guide.active !== null")
    editor.page.focus("#mood textarea, #mood input")
    editor.load("128x128")
    assert not editor.js(FOCUSED)


def test_an_editor_that_is_shown_again_takes_the_focus_from_what_is_hidden(open_editor):
    editor = open_editor(None)
    editor.js("root.parentElement.style.display = 'none'")
    ask_for(editor, "256x256")
    assert not editor.js(FOCUSED)
    editor.js("root.parentElement.style.display = ''")
    editor.page.wait_for_function(FOCUSED.replace("root", ROOT))


def test_control_s_saves_from_a_field_beside_the_editor(open_editor):
    editor = open_editor()
    editor.drag([(40, 40), (80, 40)])
    editor.page.fill("#size textarea, #size input", "256x256")
    editor.page.focus("#mood textarea, #mood input")
    editor.page.keyboard.press("Control+s")
    editor.page.wait_for_function(f"{ROOT}.dataset.state === 'saved'")
    editor.drag([(40, 60), (80, 60)])
    editor.js("root.parentElement.style.display = 'none'")
    editor.page.focus("#mood textarea, #mood input")
    editor.page.keyboard.press("Control+s")
    editor.js("root.parentElement.style.display = ''")
    assert "unsaved" in editor.text(".fme-facts")


def focused(editor, attribute):
    return editor.page.evaluate(f"document.activeElement.getAttribute('data-{attribute}')")


def test_the_canvas_is_a_dozen_tab_stops_from_the_first_tool(open_editor):
    editor = open_editor()
    editor.page.focus("[data-tool=brush]")
    stops = 0
    while not editor.js(FOCUSED) and stops < 20:
        editor.page.keyboard.press("Tab")
        stops += 1
    assert stops <= 12


def test_arrows_lead_through_a_toolbar_past_what_is_disabled(open_editor):
    editor = open_editor()
    keyboard = editor.page.keyboard
    editor.page.focus("[data-tool=pick]")
    keyboard.press("ArrowLeft")
    assert focused(editor, "tool") == "revert"
    keyboard.press("Enter")
    assert editor.js("fme.state.tool") == "revert"
    keyboard.press("Tab")
    keyboard.press("Shift+Tab")
    assert focused(editor, "tool") == "revert"
    editor.page.focus("[data-act=outline]")
    for _ in range(4):
        keyboard.press("ArrowLeft")
    assert focused(editor, "act") == "fit"  # Nothing to undo or redo.
    editor.press("b")
    editor.drag([(40, 40), (80, 40)])
    editor.page.focus("[data-act=fit]")
    keyboard.press("ArrowLeft")
    assert focused(editor, "act") == "undo"


def test_arrows_lead_through_the_classes_and_to_their_switches(open_editor):
    editor = open_editor()
    keyboard = editor.page.keyboard
    editor.page.focus("[data-class='1']")
    keyboard.press("ArrowDown")
    assert focused(editor, "class") == "2"
    for _ in range(3):
        keyboard.press("ArrowRight")
    keyboard.press("Space")
    assert editor.js("fme.map.locked[2]") == 1
    keyboard.press("ArrowUp")
    assert focused(editor, "lock") == "1"
    editor.page.fill(".fme-find input", "brow")
    editor.page.focus("[data-set=filter]")
    keyboard.press("Tab")
    assert "brow" in editor.page.evaluate("document.activeElement.textContent")


def test_after_a_click_in_the_class_list_enter_and_space_are_for_the_picture(open_editor):
    editor = open_editor(None)
    for number, control in enumerate(("class", "lock", "see", "solo")):
        editor.load(f"{256 + number}x256")
        editor.press("n")
        editor.page.click(f"[data-{control}='{HAT}']")
        assert editor.js(FOCUSED), control
        editor.page.keyboard.press("n")
        after = editor.ids()
        editor.page.keyboard.press("Space")
        editor.page.keyboard.press("Enter")
        np.testing.assert_array_equal(editor.ids(), after)
        assert editor.text(".fme-message") == "Confirmed.", control


def test_a_slider_that_the_mouse_moved_leaves_the_keys_to_the_picture(open_editor):
    editor = open_editor()
    editor.page.click("[data-set=size]", position={"x": 40, "y": 8})
    assert editor.js("fme.state.size") > 20
    assert editor.js(FOCUSED)


def test_after_a_choice_by_mouse_the_next_key_is_a_shortcut(open_editor):
    editor = open_editor()
    editor.page.click("[data-set=only]")
    editor.page.select_option("[data-set=only]", "1")
    assert editor.js(FOCUSED)
    editor.page.keyboard.press("e")
    assert editor.js("[fme.map.only, fme.state.tool]") == [1, "restore"]


def test_lists_and_sliders_used_by_keyboard_keep_the_focus(open_editor):
    editor = open_editor()
    keyboard = editor.page.keyboard
    editor.page.focus(f"[data-class='{HAT}']")
    keyboard.press("Enter")
    assert editor.js("fme.state.cls") == HAT
    assert focused(editor, "class") == str(HAT)
    editor.click(40, 40)
    editor.page.focus("[data-set=size]")
    keyboard.press("ArrowRight")
    assert focused(editor, "set") == "size"
    editor.page.focus("[data-set=only]")
    keyboard.press("ArrowDown")
    assert editor.js("fme.map.only") == 0
    assert focused(editor, "set") == "only"
