"""The editor in Chromium: drawing, guidance and clean-up, by real mouse and key events."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ

HAIR = CELEBAMASK_HQ.id_of("hair")
HAT = CELEBAMASK_HQ.id_of("hat")
SKIN = CELEBAMASK_HQ.id_of("skin")
EARRING = CELEBAMASK_HQ.id_of("earring")


def _choose(editor, class_id):
    editor.page.click(f"#mask-editor [data-class='{class_id}']")


@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_a_stroke_paints_one_hard_edged_class_at_every_pixel_ratio(open_editor, ratio):
    editor = open_editor("256x256", ratio=ratio)
    before = editor.ids()
    _choose(editor, HAT)
    editor.drag([(60, 200), (120, 210), (180, 200)])
    after = editor.ids()
    changed = after != before
    assert changed.sum() > 1000
    assert set(np.unique(after[changed])) == {HAT}
    assert after[200, 60] == after[210, 120] == HAT
    editor.save()
    saved, _ = editor.saved()
    np.testing.assert_array_equal(saved, after)


def test_keys_do_not_change_a_stroke_in_progress(open_editor):
    editor = open_editor()
    mouse = editor.page.mouse
    _choose(editor, HAT)
    shape = [(40, 40), (120, 40), (120, 90), (40, 90)]
    for tool in ("b", "l"):
        editor.press(tool)
        editor.drag(shape)
        alone = editor.ids()
        editor.press("z")
        mouse.move(*editor.at(*shape[0]))
        mouse.down()
        for point in shape[1:]:
            mouse.move(*editor.at(*point), steps=5)
            editor.press("ArrowUp", "Enter", "k")
        mouse.up()
        np.testing.assert_array_equal(editor.ids(), alone)
        editor.press("z")


def test_undo_and_redo_by_keys_restore_the_bytes(open_editor):
    editor = open_editor()
    start = editor.ids()
    editor.drag([(40, 40), (80, 40)])
    edited = editor.ids()
    editor.press("Control+z")
    np.testing.assert_array_equal(editor.ids(), start)
    assert editor.text(".fme-message") == "undo: brush neck"
    editor.press("Control+Shift+Z")
    np.testing.assert_array_equal(editor.ids(), edited)


def test_locked_classes_and_only_over_hold_under_the_brush(open_editor):
    editor = open_editor()
    before = editor.ids()
    editor.page.click(f"[data-lock='{SKIN}']")
    _choose(editor, HAT)
    editor.drag([(128, 20), (128, 230)])
    after = editor.ids()
    np.testing.assert_array_equal(after == SKIN, before == SKIN)
    editor.press("Control+z")
    editor.page.select_option("[data-set=only]", str(HAIR))
    editor.drag([(20, 120), (230, 120)])
    changed = editor.ids() != before
    assert changed.any()
    assert set(np.unique(before[changed])) == {HAIR}


def test_the_restore_brush_and_the_right_button_bring_the_prediction_back(open_editor):
    editor = open_editor()
    start = editor.ids()
    _choose(editor, HAT)
    editor.drag([(40, 40), (80, 40)])
    editor.drag([(40, 40), (60, 40)], button="right")
    assert (editor.ids() != start).sum() > 0
    editor.press("e", "]", "]", "]")
    editor.drag([(30, 40), (90, 40)])
    np.testing.assert_array_equal(editor.ids(), start)


def test_guided_correction_walks_tail_first_accepts_assigns_and_confirms(open_editor):
    editor = open_editor("512x512")
    start = editor.ids()
    scale = editor.js("fme.view.scale")
    editor.press("n")
    assert editor.js("fme.view.scale") > scale
    assert "earring" in editor.text(".fme-question")
    assert editor.text(".fme-progress").startswith("0 of ")
    editor.press("f")
    assert editor.text(".fme-progress").startswith("1 of ")
    accepted = editor.ids()
    assert set(np.unique(accepted[accepted != start])) == {EARRING}
    editor.press("Shift+Digit6")
    assigned = editor.ids()
    assert set(np.unique(assigned[assigned != accepted])) <= {HAT}
    editor.press("Enter")
    np.testing.assert_array_equal(editor.ids(), assigned)
    editor.save()
    _, claims = editor.saved()
    assert claims["doubt"]["seen"] == 4
    assert claims["tools"]["accept"] == claims["tools"]["confirm"] == 1


def test_fill_superpixel_lasso_and_polygon_paint_the_chosen_class(open_editor):
    editor = open_editor()
    _choose(editor, HAT)
    changes = {}
    for key, act in {
        "g": lambda: editor.click(128, 130),
        "s": lambda: editor.drag([(60, 60), (90, 60)]),
        "l": lambda: editor.drag([(100, 100), (150, 100), (150, 150), (100, 150)]),
        "m": lambda: editor.drag([(100, 140), (140, 140)]),
        "w": lambda: editor.click(128, 130),
    }.items():
        start = editor.ids()
        editor.press(key)
        act()
        after = editor.ids()
        assert set(np.unique(after[after != start])) == {HAT}, key
        changes[key] = int((after != start).sum())
        editor.press("Control+z")
        np.testing.assert_array_equal(editor.ids(), start)
    assert changes["l"] == pytest.approx(51 * 51, rel=0.05)
    editor.press("k")
    for corner in [(100, 100), (150, 100), (150, 150)]:
        editor.click(*corner)
    editor.press("Enter")
    assert editor.js("fme.map.done.at(-1).name") == "polygon hat"


def test_clean_up_is_previewed_applied_and_undone(open_editor):
    editor = open_editor()
    start = editor.ids()
    _choose(editor, HAT)
    editor.js("fme.map.edit('dot', 'brush', () => fme.map.put(128, 140, 16))")
    speckled = editor.ids()
    editor.page.click(".fme-clean summary")
    editor.page.click("[data-act=clean-preview]")
    assert "1 px would change" in editor.text(".fme-clean-note")
    editor.page.click("[data-act=clean-cancel]")
    np.testing.assert_array_equal(editor.ids(), speckled)
    editor.page.click("[data-act=clean-preview]")
    editor.page.click("[data-act=clean-apply]")
    np.testing.assert_array_equal(editor.ids(), start)
    editor.press("Control+z")
    np.testing.assert_array_equal(editor.ids(), speckled)


def test_redraw_gives_a_part_the_outline_that_was_drawn(open_editor):
    editor = open_editor()
    start = editor.ids()
    eye = CELEBAMASK_HQ.id_of("r_eye")
    _choose(editor, eye)
    editor.press("q")
    editor.drag([(96, 110), (112, 110), (112, 118), (96, 118), (96, 110)])
    after = editor.ids()
    inside = np.zeros_like(after, bool)
    inside[110:119, 96:113] = True
    assert (after[inside] == eye).all()
    assert not (after[~inside] == eye).any()
    assert (start[~inside] == eye).any()


def test_u_swaps_the_sides_of_the_chosen_class(open_editor):
    editor = open_editor()
    start = editor.ids()
    left, right = CELEBAMASK_HQ.id_of("l_eye"), CELEBAMASK_HQ.id_of("r_eye")
    _choose(editor, left)
    editor.press("u")
    np.testing.assert_array_equal(editor.ids() == left, start == right)
    assert editor.text(".fme-message") == "swap left eye and right eye"
