"""The editor in Chromium: what is shown, what is protected, what is said, and keys alone."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ
from space.handlers.browser_values import safe_colors

HAIR = CELEBAMASK_HQ.id_of("hair")
HAT = CELEBAMASK_HQ.id_of("hat")
SKIN = CELEBAMASK_HQ.id_of("skin")
EARRING = CELEBAMASK_HQ.id_of("earring")
# Places of the synthetic face of 256 x 256.
IN_HAIR = (60, 100)
IN_SKIN = (100, 155)
OUTSIDE = (20, 30)


def _choose(editor, class_id):
    editor.page.click(f"#mask-editor [data-class='{class_id}']")


def _photo(editor, point):
    editor.page.focus("#mask-editor .fme-view")
    editor.page.keyboard.down("c")
    shown = editor.color(*point)
    editor.page.keyboard.up("c")
    return shown


def _listed(editor):
    return editor.js("""[...root.querySelectorAll('.fme-classes li:not([hidden]) .fme-name')]
      .map((node) => node.textContent)""")


def test_the_eye_hides_a_class_and_solo_shows_it_alone(open_editor):
    editor = open_editor()
    hair, skin = _photo(editor, IN_HAIR), _photo(editor, IN_SKIN)
    masked = editor.color(*IN_SKIN)
    assert editor.color(*IN_HAIR) != hair
    editor.page.click(f"[data-see='{HAIR}']")
    assert editor.color(*IN_HAIR) == hair
    assert editor.color(*IN_SKIN) == masked != skin
    editor.page.click(f"[data-see='{HAIR}']")
    assert editor.color(*IN_HAIR) != hair
    editor.page.click(f"[data-solo='{HAIR}']")
    assert editor.color(*IN_HAIR) != hair
    assert editor.color(*IN_SKIN) == skin
    editor.press("Escape")
    assert editor.color(*IN_SKIN) == masked


def test_the_list_shows_all_present_or_absent_classes(open_editor):
    editor = open_editor()
    editor.page.select_option("[data-set=filter]", "absent")
    assert "earring" in _listed(editor)
    assert "skin" not in _listed(editor)
    editor.press("Shift+Digit7")
    editor.drag([(40, 40), (80, 40)])
    assert "earring" not in _listed(editor)
    editor.page.select_option("[data-set=filter]", "present")
    assert {"earring", "skin"} <= set(_listed(editor))
    area = editor.text(f"[data-class='{EARRING}'] .fme-area")
    assert int(area.replace(",", "")) == (editor.ids() == EARRING).sum()


def test_protecting_the_others_leaves_background_and_the_chosen_class_to_change(open_editor):
    editor = open_editor()
    start = editor.ids()
    _choose(editor, HAT)
    editor.page.click("[data-act=lock-others]")
    editor.drag([(10, 130), (245, 130)])
    after = editor.ids()
    assert (after != start).any()
    assert set(np.unique(start[after != start])) == {0}
    editor.page.click("[data-act=lock-none]")
    editor.drag([(10, 130), (245, 130)])
    assert SKIN in np.unique(start[editor.ids() != start])


def test_revert_takes_back_the_clicked_region_alone(open_editor):
    editor = open_editor()
    start = editor.ids()
    _choose(editor, HAT)
    editor.drag([(20, 30), (50, 30)])
    first = editor.ids()
    editor.drag([(20, 90), (50, 90)])
    editor.press("r")
    editor.click(30, 90)
    np.testing.assert_array_equal(editor.ids(), first)
    editor.click(30, 30)
    np.testing.assert_array_equal(editor.ids(), start)
    editor.click(128, 200)
    assert "Nothing here differs" in editor.text(".fme-message")


def test_holding_p_shows_the_prediction_and_the_split_shows_both(open_editor):
    editor = open_editor()
    _choose(editor, HAT)
    predicted = editor.color(*OUTSIDE)
    for x in (20, 230):
        editor.drag([(x, 30), (x + 2, 30)])
    painted = editor.color(*OUTSIDE)
    assert painted != predicted
    editor.page.keyboard.down("p")
    assert editor.color(*OUTSIDE) == predicted
    editor.page.keyboard.up("p")
    assert editor.color(*OUTSIDE) == painted
    right = editor.color(231, 30)
    editor.press("v")
    assert editor.color(*OUTSIDE) == predicted
    assert editor.color(231, 30) == right
    assert editor.text(".fme-split-names").split("\n") == ["prediction", "your mask"]
    editor.page.focus("input.fme-split")
    editor.page.keyboard.press("Home")
    assert editor.color(*OUTSIDE) == painted
    editor.page.keyboard.press("End")
    assert editor.color(231, 30) != right


def test_outline_opacity_and_the_heat_map_change_only_what_is_shown(open_editor):
    editor = open_editor()
    start = editor.ids()
    photo, masked = _photo(editor, IN_SKIN), editor.color(*IN_SKIN)
    editor.press("o")
    assert editor.color(*IN_SKIN) == photo
    row = start[IN_SKIN[1]]
    border = int(np.flatnonzero(row)[0])
    assert editor.color(border, IN_SKIN[1]) != _photo(editor, (border, IN_SKIN[1]))
    editor.press("o")
    assert editor.color(*IN_SKIN) == masked
    editor.page.focus("[data-set=opacity]")
    editor.page.keyboard.press("Home")
    assert editor.color(*IN_SKIN) == photo
    editor.page.keyboard.press("End")
    assert editor.color(*IN_SKIN) == CELEBAMASK_HQ.colors[SKIN]
    y, x = np.argwhere(start == HAIR)[0].tolist()
    plain = editor.color(x, y)
    editor.press("d")
    doubt = editor.js("[...fme.app.stage.confidence].findIndex((level) => level < 130)")
    hot = editor.color(doubt % 256, doubt // 256)
    editor.press("d")
    assert editor.color(doubt % 256, doubt // 256) != hot
    assert editor.color(x, y) == plain
    np.testing.assert_array_equal(editor.ids(), start)


def test_the_color_blind_palette_colors_mask_and_list_and_stays_for_the_next_photo(open_editor):
    editor = open_editor()
    editor.page.focus("[data-set=opacity]")
    editor.page.keyboard.press("End")
    safe = safe_colors(19)[SKIN]
    assert editor.color(*IN_SKIN) == CELEBAMASK_HQ.colors[SKIN] != safe
    editor.press("a")
    assert editor.color(*IN_SKIN) == safe
    swatch = f"getComputedStyle(root.querySelector(\"[data-class='{SKIN}'] .fme-swatch\"))"
    assert editor.js(f"{swatch}.backgroundColor") == f"rgb({', '.join(map(str, safe))})"
    assert editor.page.get_attribute("[data-act=colors]", "aria-pressed") == "true"
    editor.load("128x128")
    assert editor.js("fme.state.safely")
    editor.page.click("[data-act=colors]")
    assert editor.color(50, 77) == CELEBAMASK_HQ.colors[SKIN]


def test_the_middle_button_moves_the_picture_and_paints_nothing(open_editor):
    editor = open_editor()
    start = editor.ids()
    x, y = editor.at(100, 100)
    mouse = editor.page.mouse
    mouse.move(x, y)
    mouse.down(button="middle")
    mouse.move(x + 40, y - 30, steps=4)
    mouse.up(button="middle")
    moved = editor.at(100, 100)
    assert abs(moved[0] - x - 40) < 2
    assert abs(moved[1] - y + 30) < 2
    np.testing.assert_array_equal(editor.ids(), start)


def test_the_history_names_every_step_newest_first(open_editor):
    editor = open_editor()
    _choose(editor, HAT)
    editor.drag([(40, 40), (80, 40)])
    editor.press("g")
    editor.click(*IN_SKIN)
    editor.press("e")
    editor.drag([(40, 40), (50, 40)])
    editor.page.click(".fme-past summary")
    steps = ["restore prediction", "fill hat", "brush hat"]
    assert editor.text(".fme-history").split("\n") == steps
    editor.press("Control+z")
    assert editor.text(".fme-history").split("\n") == steps[1:]
    assert editor.text(".fme-message") == "undo: restore prediction"


def test_keys_alone_draw_a_polygon_and_clean_up(open_editor):
    editor = open_editor()
    start = editor.ids()
    keyboard = editor.page.keyboard
    editor.page.focus(f"[data-class='{HAT}']")
    keyboard.press("Enter")
    editor.press("k", "ArrowUp", "Enter")
    for arrow in ("ArrowRight", "ArrowDown"):
        for _ in range(3):
            keyboard.press(arrow)
        keyboard.press("Enter")
    keyboard.press("Enter")
    drawn = editor.ids()
    assert set(np.unique(drawn[drawn != start])) == {HAT}
    editor.page.focus(".fme-clean summary")
    for key in ("Enter", "Tab", "End", "Tab", "Tab"):
        keyboard.press(key)
    assert editor.page.evaluate("document.activeElement.dataset.act") == "clean-preview"
    keyboard.press("Enter")
    assert "px would change" in editor.text(".fme-clean-note")
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert editor.text(".fme-history") is not None
    assert editor.js("fme.map.done.at(-1).name") == "swap left and right"
    left, right = editor.js("fme.app.value.pairs[0]")
    np.testing.assert_array_equal(editor.ids() == left, drawn == right)


def test_a_stroke_where_the_border_belongs_moves_it_there(open_editor):
    editor = open_editor()
    start = editor.ids()
    _choose(editor, SKIN)
    editor.click(66, 96)
    assert editor.ids()[96, 60] == SKIN
    editor.press("t")
    left = {y: int(np.flatnonzero(start[y] == SKIN)[0]) for y in range(82, 110, 3)}
    editor.drag([(x, y) for y, x in left.items()])
    after = editor.ids()
    assert after[96, 60] == HAIR
    assert (after != start).sum() < 60
    assert editor.text(".fme-message") == "move a border"
    editor.press("Control+z", "Control+z")
    np.testing.assert_array_equal(editor.ids(), start)


def test_uncertain_regions_are_found_without_a_key_and_painted_ones_are_skipped(open_editor):
    editor = open_editor()
    editor.page.wait_for_function(
        "document.querySelector('.fme-progress').textContent.startsWith('0 of')"
    )
    total = editor.js("fme.app.guide.regions.length")
    editor.js("fme.map.edit('all', 'brush', () => fme.map.paint(fme.map.data.keys(), 16))")
    editor.press("n")
    assert editor.text(".fme-message") == "All regions are reviewed."
    assert editor.text(".fme-progress") == f"{total} of {total} reviewed"


@pytest.mark.parametrize("notified", [True, False])
def test_on_a_screen_of_another_pixel_ratio_picture_and_brush_stay_together(open_editor, notified):
    editor = open_editor()
    editor.press("End")
    screen = {"width": 1280, "height": 900, "deviceScaleFactor": 2, "mobile": False}
    session = editor.page.context.new_cdp_session(editor.page)
    session.send("Emulation.setDeviceMetricsOverride", screen)
    if notified:  # Chromium sends the event for a real screen, not for an emulated one.
        editor.js("fme.app.stage.screen.dispatchEvent(new Event('change'))")
        assert editor.js("fme.app.stage.canvas.width / fme.app.stage.canvas.clientWidth") == 2
        assert "200 %" in editor.text(".fme-facts")
        editor.press("End")
        assert editor.js("fme.view.scale") == 0.5
    editor.js("(fme.cls(arg), fme.app.look({ opacity: 1 }))", HAT)
    editor.drag([(100, 200), (130, 200)])
    assert editor.ids()[200, 115] == HAT
    hat = editor.js("fme.app.classes[arg].color", HAT)
    assert editor.color(115, 200) == pytest.approx(hat, abs=3)
    assert editor.js("fme.app.stage.canvas.width / fme.app.stage.canvas.clientWidth") == 2


def test_tool_settings_and_locks_stay_for_the_next_photo(open_editor):
    editor = open_editor("64x64")
    editor.js("fme.app.look({ tolerance: 90, outline: true })")
    editor.page.click(f"[data-lock='{HAIR}']")
    editor.load("65x65")
    assert editor.js("[fme.state.tolerance, fme.state.outline]") == [90, True]
    assert editor.page.get_attribute("[data-act=outline]", "aria-pressed") == "true"
    assert editor.page.get_attribute(f"[data-lock='{HAIR}']", "aria-pressed") == "true"
    start = editor.ids()
    editor.js("(fme.cls(arg), fme.app.look({ size: 60 }))", HAT)
    editor.click(32, 32)
    changed = editor.ids() != start
    assert changed.any()
    assert not (changed & (start == HAIR)).any()
