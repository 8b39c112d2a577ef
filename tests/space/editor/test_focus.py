"""The editor in Chromium: where the focus is, and what Tab, arrows and keys of the page reach."""

from __future__ import annotations

from tests.space.editor.driver import ROOT

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
    assert editor.text(".fme-progress").startswith("1 of ")
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
