"""The editor in Chromium: touch, pen, keyboard alone, small screens, screen readers, zoom."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ

HAT = CELEBAMASK_HQ.id_of("hat")
STROKE = [(60, 100), (75, 100), (90, 100)]


class Tablet:
    """A pen (or mouse) and a hand on the same screen; both can be down at once."""

    def __init__(self, editor, pointer="pen"):
        self.editor, self.pointer, self.fingers = editor, pointer, []
        self.session = editor.page.context.new_cdp_session(editor.page)

    def pen(self, kind, point):
        x, y = self.editor.at(*point)
        event = {"type": f"mouse{kind}", "x": x, "y": y, "pointerType": self.pointer}
        event |= {"button": "left", "buttons": int(kind != "Released"), "clickCount": 1}
        self.session.send("Input.dispatchMouseEvent", event)

    def draw(self, points=STROKE, *, between=lambda: None):
        """A stroke; ``between`` is what the hand does once it has begun."""
        self.pen("Pressed", points[0])
        between()
        for point in points[1:]:
            self.pen("Moved", point)
        self.pen("Released", points[-1])

    def hand(self, *fingers):
        """Where the fingers are now, window points; none lifts the hand."""
        kind = "touchMove" if len(fingers) == len(self.fingers) else "touchStart"
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
        event = {"type": kind if fingers else "touchEnd", "touchPoints": points}
        self.session.send("Input.dispatchTouchEvent", event)
        self.fingers = fingers
        # Chromium holds moves back until it draws the next frame.
        self.editor.js("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")

    def slide(self, dx, dy):
        for _ in range(4):
            self.hand(*[(x + dx / 4, y + dy / 4) for x, y in self.fingers])


def undone(editor):
    """The ids before the last step, which is taken back."""
    editor.press("Control+z")
    return editor.ids()


def assert_drawn_as_if_alone(tablet, start, points):
    """The last step is what the same stroke does with no hand on the screen."""
    drawn = tablet.editor.ids()
    assert (drawn != start).sum() > 100
    np.testing.assert_array_equal(undone(tablet.editor), start)
    tablet.draw(points)
    np.testing.assert_array_equal(tablet.editor.ids(), drawn)


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


def test_a_pen_draws_and_a_resting_hand_moves_the_picture(open_editor):
    editor = open_editor(touch=True)
    start = editor.ids()
    tablet = Tablet(editor)
    editor.js("fme.app.stage.zoomAt(2, [200, 200])")
    tablet.draw([(110, 100), (140, 100)])
    drawn, before = editor.ids(), editor.js("({ ...fme.view })")
    assert (drawn != start).sum() > 200
    tablet.hand(editor.at(128, 128))
    tablet.slide(60, 40)
    tablet.hand()
    moved = editor.js("({ ...fme.view })")
    assert moved["x"] > before["x"]
    np.testing.assert_array_equal(editor.ids(), drawn)


def test_a_pen_that_disappears_keeps_its_stroke_and_the_next_draws(open_editor):
    editor = open_editor()
    editor.js("""(() => { const view = root.querySelector('.fme-view');
      view.setPointerCapture = () => {};
      const send = (type, pointerId, ...at) => { const [clientX, clientY] = fme.toScreen(...at);
        view.dispatchEvent(new PointerEvent(type, { pointerId, pointerType: 'pen', clientX, clientY,
          bubbles: true, buttons: 1 })); };
      fme.cls(16);
      send('pointerdown', 7, 60, 40); send('pointermove', 7, 90, 40);
      send('pointerdown', 8, 60, 90); send('pointermove', 8, 90, 90); send('pointerup', 8, 90, 90);
    })()""")
    assert editor.ids()[[40, 40, 90, 90], [60, 90, 60, 90]].tolist() == [16] * 4
    assert (undone(editor)[[40, 90], [90, 90]] == 16).tolist() == [True, False]


@pytest.mark.parametrize(("tool", "seen"), [("brush", False), ("lasso", True)])
def test_a_pen_draws_while_a_hand_rests_on_the_screen(open_editor, tool, seen):
    editor = open_editor(touch=True)
    start, view = editor.ids(), editor.js("({ ...fme.view })")
    tablet = Tablet(editor)
    editor.js("(fme.tool(arg), fme.cls(16))", tool)
    points = [(60, 60), (90, 60), (90, 90), (60, 90)]
    if seen:
        tablet.draw(points)
        undone(editor)
    tablet.hand(editor.at(150, 200))
    tablet.draw(points, between=lambda: tablet.slide(40, -60))
    tablet.slide(40, 30)
    tablet.hand()
    assert editor.js("({ ...fme.view })") == view
    assert_drawn_as_if_alone(tablet, start, points)


@pytest.mark.parametrize(("pointer", "lifts"), [("pen", False), ("pen", True), ("mouse", False)])
def test_a_hand_that_lands_during_a_stroke_is_ignored_until_it_lifts(open_editor, pointer, lifts):
    editor = open_editor(touch=True)
    start, view = editor.ids(), editor.js("({ ...fme.view })")
    tablet, palm = Tablet(editor, pointer), editor.at(150, 200)

    def land():
        tablet.hand(palm)
        tablet.hand(palm, editor.at(170, 190))
        tablet.slide(40, -60)
        if lifts:
            tablet.hand()
            tablet.hand(palm)

    tablet.draw(between=land)
    tablet.slide(60, 40)
    tablet.hand()
    assert editor.js("({ ...fme.view })") == view
    assert_drawn_as_if_alone(tablet, start, STROKE)


@pytest.mark.parametrize("tool", ["brush", "fill"])
def test_a_pen_takes_over_from_a_finger_and_removes_its_stroke(open_editor, tool):
    editor = open_editor(touch=True)
    tablet = Tablet(editor)
    editor.js("(fme.tool(arg), fme.cls(16))", tool)
    start = editor.ids()
    tablet.hand(editor.at(128, 140))
    if tool == "brush":
        tablet.slide(80, 0)
        assert (editor.ids() != start).sum() > 200
    tablet.draw([(10, 10), (11, 10)])
    tablet.hand()
    assert_drawn_as_if_alone(tablet, start, [(10, 10), (11, 10)])


def test_a_pen_ends_a_pinch_and_afterwards_two_fingers_pinch_again(open_editor):
    editor = open_editor(touch=True)
    tablet, start, scale = Tablet(editor), editor.ids(), editor.js("fme.view.scale")
    a, b = editor.at(90, 150), editor.at(160, 150)
    apart = [[(a[0] - 10 * k, a[1]), (b[0] + 10 * k, b[1])] for k in range(6)]

    def pinch():
        tablet.hand(a)
        for frame in apart:
            tablet.hand(*frame)

    pinch()
    view = editor.js("({ ...fme.view })")
    assert view["scale"] > 1.2 * scale
    np.testing.assert_array_equal(editor.ids(), start)
    tablet.draw([(110, 100), (140, 100)], between=lambda: tablet.slide(30, 30))
    tablet.hand()
    assert editor.js("({ ...fme.view })") == view
    drawn = editor.ids()
    assert (drawn != start).sum() > 200
    pinch()
    tablet.hand()
    assert editor.js("fme.view.scale") > 1.2 * view["scale"]
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


def test_every_control_has_a_name_and_shows_that_it_has_the_focus(open_editor):
    editor = open_editor()
    nameless = editor.js("""[...root.querySelectorAll('button, input, select, canvas')]
      .filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim()
        || node.closest('label, [aria-hidden]')))
      .map((node) => node.outerHTML)""")
    assert nameless == []
    editor.page.focus("[data-tool=brush]")
    editor.page.keyboard.press("ArrowRight")
    assert editor.page.evaluate("document.activeElement.dataset.tool") == "restore"
    outline = editor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_question_mark_opens_the_sheet_and_search_finds_a_class(open_editor):
    editor = open_editor()
    editor.press("?")
    assert "next region to check" in editor.text(".fme-sheet")
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
        "(fme.app.current.classes = arg, fme.app.palette.load(arg), fme.app.useTool('fill'))",
        classes,
    )
    editor.click(128, 128)
    assert name in editor.text(".fme-classes")
    assert editor.page.locator("#mask-editor img").count() == 0
    assert editor.page.evaluate("window.hit") is None


def test_on_a_phone_every_tool_has_a_label_and_is_on_one_screen_with_the_picture(open_editor):
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    buttons = editor.js(
        """[...root.querySelectorAll('.fme-tools button, .fme-actions button')].map((button) => {
          const { left, right, width, height } = button.getBoundingClientRect();
          const label = button.querySelector('.fme-label');
          return [left >= 0 && right <= 390, width >= 40 && height >= 40, label.offsetHeight > 0];
        })"""
    )
    assert buttons == [[True, True, True]] * 21
    top, bottom = editor.js(
        "['.fme-bar', '.fme-stage'].map((part) => root.querySelector(part).getBoundingClientRect())"
        ".reduce((bar, stage) => [bar.top, stage.bottom])"
    )
    assert bottom - top < 700
