"""The editor in Chromium: touch, pen, keyboard alone, small screens, screen readers, zoom."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ

HAT = CELEBAMASK_HQ.id_of("hat")


def test_the_keyboard_alone_moves_a_cross_and_uses_the_tool(open_editor):
    editor = open_editor()
    start = editor.ids()
    editor.press("Shift+Digit6", "ArrowUp", "ArrowLeft", "Enter")
    x, y = editor.js("fme.state.cross")
    after = editor.ids()
    assert after[y, x] == HAT
    assert (after != start).sum() > 50


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


def test_a_tap_fills_and_a_pinch_with_the_fill_tool_does_not(open_editor):
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    start = editor.ids()
    editor.js("(fme.tool('fill'), fme.cls(16))")
    a, b = editor.at(128, 140), editor.at(128, 60)
    editor.touch([a], [a, b], [a, (b[0], b[1] - 30)])
    np.testing.assert_array_equal(editor.ids(), start)
    editor.touch([editor.at(128, 140)])
    assert (editor.ids() != start).sum() > 500


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
    editor.page.click(".fme-clean summary")
    small = editor.js("""[...root.querySelectorAll('button, select, input, summary')]
      .filter((node) => node.offsetParent)
      .map((node) => [node.title || node.outerHTML.slice(0, 60), node.getBoundingClientRect()])
      .filter(([, { width, height }]) => width < 40 || height < 40)
      .map(([name]) => name)""")
    assert small == []


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
    assert shown == ["left brow", "right brow"]


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
