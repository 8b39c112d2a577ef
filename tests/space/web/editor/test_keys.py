"""The editor in Chromium: Esc, undo, Backspace, Caps Lock and the cross that arrows move."""

from __future__ import annotations

import numpy as np
import pytest

OUTLINE = [(40, 40), (120, 40), (120, 90), (40, 90)]


def draw_and_escape(editor):
    """Three corners with the button held, Esc, one more corner, and let go."""
    mouse = editor.page.mouse
    mouse.move(*editor.at(*OUTLINE[0]))
    mouse.down()
    for point in OUTLINE[1:3]:
        mouse.move(*editor.at(*point), steps=5)
    editor.page.keyboard.press("Escape")
    mouse.move(*editor.at(*OUTLINE[3]), steps=5)
    mouse.up()


def test_escape_cancels_a_stroke_in_progress(open_editor):
    editor = open_editor()
    start = editor.ids()
    for tool in "bl":
        editor.press(tool)
        draw_and_escape(editor)
        np.testing.assert_array_equal(editor.ids(), start)
    editor.press("b")
    editor.drag(OUTLINE)
    assert (editor.ids() != start).any()


def test_the_last_corner_of_a_polygon_can_be_taken_back(open_editor):
    editor = open_editor()
    for key in ("Control+z", "Backspace"):
        editor.press("b")
        editor.drag([(40, 200), (80, 200)])
        painted = editor.ids()
        editor.press("k")
        for corner in OUTLINE[:3]:
            editor.click(*corner)
        editor.press(key)
        assert editor.js("fme.state.path.length") == 2, key
        editor.press(key, key)
        assert editor.js("fme.state.path.length") == 0, key
        np.testing.assert_array_equal(editor.ids(), painted)
        editor.press("Control+z")
        assert (editor.ids() != painted).any()


def test_the_undo_button_takes_back_the_first_corner_of_all(open_editor):
    editor = open_editor()
    editor.press("k")
    editor.click(*OUTLINE[0])
    editor.page.click("[data-act=undo]")
    assert editor.js("fme.state.path.length") == 0
    assert editor.page.locator("[data-act=undo]").is_disabled()


def test_undo_and_redo_do_not_change_a_lasso_in_progress(open_editor):
    editor = open_editor()
    editor.drag([(40, 200), (80, 200)])
    painted = editor.ids()
    editor.press("l")
    editor.page.mouse.move(*editor.at(*OUTLINE[0]))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.at(*OUTLINE[1]), steps=5)
    editor.press("Control+z", "Control+Shift+Z")
    np.testing.assert_array_equal(editor.ids(), painted)
    assert editor.js("fme.state.path.length") > 2
    editor.page.mouse.up()


def test_the_history_lists_every_step_that_can_be_undone(open_editor):
    editor = open_editor()
    for number in range(70):
        editor.js("fme.app.edit(`step ${arg}`, 'brush', (map) => map.put(arg, 3, 5))", number)
    editor.page.click(".fme-past summary")
    assert len(editor.text(".fme-history").split("\n")) == 70


def test_caps_lock_changes_no_key(open_editor):
    editor = open_editor()
    editor.press("G")  # as Caps Lock types it: no Shift is held
    assert editor.js("fme.state.tool") == "fill"
    editor.press("N", "N")
    assert editor.js("fme.app.guide.at") == 1
    editor.press("Shift+n")  # Caps Lock and Shift
    assert editor.js("fme.app.guide.at") == 0


def cross(editor):
    """Where the cross is in the canvas, and the canvas' size."""
    return editor.js("""(([x, y], box) => [x - box.left, y - box.top, box.width, box.height])(
      fme.toScreen(...fme.state.cross), fme.app.stage.canvas.getBoundingClientRect())""")


def test_the_view_follows_the_cross_to_every_corner(open_editor):
    editor = open_editor()
    editor.press("Home", *"++")
    for arrows, corner in ((("Right", "Down"), [255, 255]), (("Left", "Up"), [0, 0])):
        for arrow in arrows:
            editor.press(*[f"Arrow{arrow}"] * 130)
        assert editor.js("fme.state.cross") == corner
        x, y, width, height = cross(editor)
        assert 0 <= x <= width
        assert 0 <= y <= height


def test_the_cross_begins_in_the_middle_of_what_is_shown_and_zoom_keeps_it_there(open_editor):
    editor = open_editor()
    start = editor.js("({ ...fme.view })")
    editor.press("ArrowRight")
    assert editor.js("fme.view") == start
    editor.press("ArrowRight", "ArrowRight", "ArrowUp")
    before = cross(editor)
    for key in "++-":
        editor.press(key)
        assert cross(editor) == pytest.approx(before, abs=1)
    editor.press("Escape")
    editor.js("fme.app.stage.focus([10, 20, 8, 8])")
    editor.press("ArrowRight")
    x, y, width, height = cross(editor)
    assert 0 < x < width
    assert 0 < y < height


def send_key(editor, key, code, **modifiers):
    """A key of another keyboard, on the canvas; whether the editor took it."""
    event = {"key": key, "code": code, "bubbles": True, "cancelable": True} | modifiers
    return not editor.js(
        "fme.app.stage.canvas.dispatchEvent(new KeyboardEvent('keydown', arg))", event
    )


def test_signs_that_other_keyboards_have_on_digits_paint_no_class(open_editor):
    editor = open_editor()
    editor.press("n")
    start, size = editor.ids(), editor.js("fme.state.size")
    assert send_key(editor, "[", "Digit8", modifierAltGraph=True)
    assert editor.js("fme.state.size") < size
    assert send_key(editor, "/", "Digit7", shiftKey=True)
    assert editor.js("document.activeElement.type") == "search"
    np.testing.assert_array_equal(editor.ids(), start)
    assert editor.js("fme.app.guide.active !== null")
    send_key(editor, "=", "Digit0", shiftKey=True)
    assert editor.js("fme.map.done[0].name").startswith("assign ")


def test_shortcuts_work_on_a_keyboard_of_another_alphabet(open_editor):
    editor = open_editor()
    start = editor.ids()
    editor.drag([(40, 40), (80, 40)])
    assert send_key(editor, "я", "KeyZ", ctrlKey=True)
    np.testing.assert_array_equal(editor.ids(), start)
    assert send_key(editor, "п", "KeyG")
    assert editor.js("fme.state.tool") == "fill"
    assert send_key(editor, "с", "KeyC")
    assert editor.js("fme.state.hold") == "photo"
    editor.js(
        "fme.app.stage.canvas.dispatchEvent(new KeyboardEvent('keyup', "
        "{ key: 'с', code: 'KeyC', bubbles: true }))"
    )
    assert editor.js("fme.state.hold") is None
    assert send_key(editor, "ы", "KeyS", ctrlKey=True)
    assert editor.js("root.querySelector('.fme-ask').open")  # nothing has changed
