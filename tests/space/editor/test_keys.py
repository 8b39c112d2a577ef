"""The editor in Chromium: Esc, undo, Backspace, Caps Lock and the cross that arrows move."""

from __future__ import annotations

import numpy as np

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


def test_escape_leaves_a_stroke_that_is_being_drawn(open_editor):
    editor = open_editor()
    start = editor.ids()
    for tool in "bl":
        editor.press(tool)
        draw_and_escape(editor)
        np.testing.assert_array_equal(editor.ids(), start)
    editor.press("b")
    editor.drag(OUTLINE)
    assert (editor.ids() != start).any()
