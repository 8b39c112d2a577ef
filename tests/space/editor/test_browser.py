"""The editor in Chromium: drawing, keys, touch, saving, all by real input events."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ
from tests.space.editor.synthetic import synthetic_face

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
    editor.page.clock.fast_forward(31_000)
    editor.page.wait_for_function("document.querySelector('.fme').dataset.state === 'refused'")
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
    assert editor.text(".fme-progress").startswith("1 of ")
    editor.press("f")
    accepted = editor.ids()
    assert set(np.unique(accepted[accepted != start])) == {EARRING}
    editor.press("n", "Shift+Digit6")
    assigned = editor.ids()
    assert set(np.unique(assigned[assigned != accepted])) <= {HAT}
    editor.press("n", "Enter")
    np.testing.assert_array_equal(editor.ids(), assigned)
    editor.save()
    _, claims = editor.saved()
    assert claims["doubt"]["seen"] == 3
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


def test_the_keyboard_alone_moves_a_cross_and_uses_the_tool(open_editor):
    editor = open_editor()
    start = editor.ids()
    editor.press("Shift+Digit6", "ArrowUp", "ArrowLeft", "Enter")
    x, y = editor.js("fme.state.cross")
    after = editor.ids()
    assert after[y, x] == HAT
    assert (after != start).sum() > 50


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


def test_zoom_keeps_the_pixel_under_the_cursor_and_space_moves_the_picture(open_editor):
    editor = open_editor()
    point = editor.at(100, 80)
    editor.page.mouse.move(*point)
    editor.page.mouse.wheel(0, -400)
    editor.page.wait_for_timeout(200)
    assert editor.js("fme.toImage(arg[0], arg[1])", list(point)) == [100, 80]
    start = editor.ids()
    editor.page.focus(".fme-view")
    editor.page.keyboard.down("Space")
    editor.page.mouse.move(*point)
    editor.page.mouse.down()
    editor.page.mouse.move(point[0] + 50, point[1] + 20, steps=3)
    editor.page.mouse.up()
    editor.page.keyboard.up("Space")
    assert editor.at(100, 80) == pytest.approx(
        (point[0] + 50, point[1] + 20), abs=editor.js("fme.view.scale")
    )
    np.testing.assert_array_equal(editor.ids(), start)
    editor.press("End")
    assert editor.js("fme.view.scale") == pytest.approx(1)


def test_a_finger_draws_and_two_fingers_pinch_without_painting(open_editor):
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    start = editor.ids()
    a, b = editor.at(90, 100), editor.at(160, 140)
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    editor.touch([a], [middle], [b])
    drawn = editor.ids()
    assert (drawn != start).sum() > 200
    scale = editor.js("fme.view.scale")
    frames = [[(a[0] - 6 * k, a[1] - 6 * k), (b[0] + 6 * k, b[1] + 6 * k)] for k in range(8)]
    editor.touch([a], *frames)
    assert editor.js("fme.view.scale") > 1.5 * scale
    np.testing.assert_array_equal(editor.ids(), drawn)


def test_a_pen_draws_and_a_resting_hand_does_not(open_editor):
    editor = open_editor()
    start = editor.ids()
    fire = """(() => { const view = root.querySelector('.fme-view');
      view.setPointerCapture = () => {};
      const [x, y] = fme.toScreen(arg.from, 100), [u, v] = fme.toScreen(arg.from + 30, 100);
      const send = (type, px, py) => view.dispatchEvent(new PointerEvent(type, { pointerId: 7,
        pointerType: arg.kind, clientX: px, clientY: py, bubbles: true, buttons: arg.buttons }));
      send('pointerdown', x, y); send('pointermove', u, v); send('pointerup', u, v); })()"""
    editor.js(fire, {"kind": "pen", "from": 60, "buttons": 1})
    drawn = editor.ids()
    assert (drawn != start).sum() > 200
    editor.js(fire, {"kind": "touch", "from": 150, "buttons": 1})
    np.testing.assert_array_equal(editor.ids(), drawn)


def test_the_page_at_390_pixels_does_not_scroll_sideways(open_editor):
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    assert editor.page.evaluate("document.documentElement.scrollWidth") <= 390
    box = editor.page.locator(".fme-view").bounding_box()
    assert box["width"] > 280
    assert box["height"] > 300


def test_every_control_has_a_name_and_can_be_reached_by_tab(open_editor):
    editor = open_editor()
    nameless = editor.js("""[...root.querySelectorAll('button, input, select, canvas')]
      .filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim()
        || node.closest('label')))
      .map((node) => node.outerHTML)""")
    assert nameless == []
    editor.page.focus("[data-tool=brush]")
    editor.page.keyboard.press("Tab")
    assert editor.page.evaluate("document.activeElement.dataset.tool") == "restore"
    outline = editor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_question_mark_opens_the_sheet_and_search_finds_a_class(open_editor):
    editor = open_editor()
    editor.press("?")
    assert "next doubtful region" in editor.text(".fme-sheet")
    editor.page.keyboard.press("Escape")
    assert editor.page.locator(".fme-sheet").is_hidden()
    editor.press("/")
    editor.page.keyboard.type("brow")
    shown = editor.js("""[...root.querySelectorAll('.fme-classes li:not([hidden]) .fme-name')]
      .map((node) => node.textContent)""")
    assert shown == ["l_brow", "r_brow"]


def test_holding_c_shows_the_photo_and_letting_go_the_mask(open_editor):
    editor = open_editor()
    editor.press("Home")
    canvas = editor.page.locator(".fme-view")
    masked = canvas.screenshot()
    editor.page.keyboard.down("c")
    editor.page.wait_for_timeout(150)
    assert canvas.screenshot() != masked
    editor.page.keyboard.up("c")
    editor.page.wait_for_timeout(150)
    assert canvas.screenshot() == masked


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


def test_a_class_name_is_text_and_never_markup(open_editor):
    editor = open_editor()
    name = "<img src=x onerror='window.hit = 1'>"
    classes = [{"name": name, "color": [1, 2, 3]}] * 19
    editor.js(
        "(fme.app.classes = arg, fme.app.palette.load(arg), fme.app.useTool('fill'))", classes
    )
    editor.click(128, 128)
    assert name in editor.text(".fme-classes")
    assert editor.page.locator("#mask-editor img").count() == 0
    assert editor.page.evaluate("window.hit") is None


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
    assert editor.text(".fme-message") == "swap l_eye and r_eye"
