"""The editor in Chromium: what the hand does between strokes, on a phone and with a mouse."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.labels import CELEBAMASK_HQ

HAT = CELEBAMASK_HQ.id_of("hat")
CORNERS = [(60, 60), (140, 60), (140, 120), (60, 120)]
FINGER = 17  # CSS pixels beside the first corner, as a finger hits it


@pytest.fixture
def phone(open_editor):
    """The editor on a phone, with a polygon of four corners begun."""
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    editor.page.click(f"#mask-editor [data-class='{HAT}']")
    editor.press("k")
    for corner in CORNERS:
        editor.touch([editor.at(*corner)])
        editor.page.wait_for_timeout(400)  # two taps in quick succession mean another thing
    assert len(editor.js("fme.state.path")) == 4
    return editor


def assert_closed(editor, start):
    assert editor.js("fme.state.path") == []
    ids = editor.ids()
    assert set(np.unique(ids[ids != start])) == {HAT}
    assert (ids[65:115, 65:135] == HAT).all()


def test_a_tap_beside_the_first_corner_closes_a_polygon(phone):
    start = phone.ids()
    x, y = phone.at(*CORNERS[0])
    phone.touch([(x - FINGER, y)])
    assert_closed(phone, start)


def test_a_double_tap_closes_a_polygon(phone):
    start = phone.ids()
    x, y = phone.at(*CORNERS[3])
    phone.touch([(x, y - 2)])
    phone.touch([(x, y - 2)])
    assert_closed(phone, start)


def test_messages_of_the_editor_are_visible_while_a_finger_draws(open_editor):
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    editor.page.evaluate("document.querySelector('#mask-editor .fme-view').scrollIntoView()")
    editor.js("fme.app.locks.toggle(fme.state.cls)")
    editor.touch([editor.at(100, 100)], [editor.at(120, 100)])
    assert "locked" in editor.text(".fme-message")
    toast = editor.page.locator("#mask-editor .fme-toast")
    assert toast.inner_text() == editor.text(".fme-message")
    box = toast.bounding_box()
    assert box["y"] + box["height"] <= 844


def test_a_straight_line_does_not_begin_on_the_photo_before(open_editor):
    editor = open_editor()
    editor.drag([(30, 20), (40, 20)])
    editor.load("128x128")
    start = editor.ids()
    editor.page.keyboard.down("Shift")
    editor.click(100, 100)
    editor.page.keyboard.up("Shift")
    changed = np.argwhere(editor.ids() != start)
    assert len(changed)
    assert np.ptp(changed, axis=0).max() < 40


def test_drawing_and_looking_around_count_as_editing_and_being_away_does_not(open_editor):
    editor = open_editor()
    editor.page.clock.install()
    mouse = editor.page.mouse

    def after(seconds, point):
        editor.page.clock.fast_forward(int(seconds * 1000))
        mouse.move(*editor.at(*point))

    mouse.move(*editor.at(40, 40))
    mouse.down()
    after(20, (60, 40))
    after(20, (80, 40))
    mouse.up()
    after(15, (90, 60))
    assert 55 <= editor.js("fme.app.session.seconds") < 60
    after(300, (95, 60))
    assert editor.js("fme.app.session.seconds") < 60


@pytest.mark.parametrize("tool", ["brush", "lasso"])
def test_a_stroke_in_progress_is_not_kept_when_another_photo_opens(open_editor, tool):
    editor = open_editor("64x64")
    start = editor.ids()
    editor.js("fme.tool(arg)", tool)
    mouse = editor.page.mouse
    mouse.move(*editor.at(10, 10))
    mouse.down()
    for point in [(40, 10), (40, 40)]:
        mouse.move(*editor.at(*point), steps=5)
    editor.page.fill("#size textarea, #size input", "65x65")
    editor.page.evaluate("document.querySelector('#load').click()")
    editor.page.wait_for_function("document.querySelector('.fme').__fme.map?.width === 65")
    for point in [(20, 40), (10, 20)]:
        mouse.move(*editor.at(*point), steps=5)
    mouse.up()
    assert editor.js("[fme.map.done.length, fme.map.changed, fme.state.path.length]") == [0, 0, 0]
    editor.load("64x64")
    if tool == "brush":
        assert (editor.bring_back() != start).any()
    else:
        assert editor.nothing_offered()


def loupe(editor):
    """Where the loupe is, in window points, and its color in the middle; None when hidden."""
    return editor.js("""(async () => {
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      const canvas = root.querySelector('.fme-loupe');
      if (canvas.hidden) return null;
      const { left, top, width } = canvas.getBoundingClientRect();
      const middle = canvas.width / 2;
      const color = canvas.getContext('2d').getImageData(middle, middle, 1, 1).data;
      return { left, top, width, color: [...color].slice(0, 3) };
    })()""")


def test_a_loupe_shows_what_the_drawing_finger_covers_where_it_is_not(open_editor):
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    editor.page.evaluate("document.querySelector('#mask-editor .fme-view').scrollIntoView()")
    editor.js(f"(fme.cls({HAT}), fme.app.look({{ opacity: 1 }}))")
    session = editor.page.context.new_cdp_session(editor.page)

    def finger(kind, *points):
        touches = [dict(zip("xy", editor.at(*point), strict=True)) for point in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    for start, end in [((150, 150), (170, 150)), ((20, 20), (40, 20))]:
        before = editor.color(*end)
        finger("touchStart", start)
        finger("touchMove", end)
        shown, (x, y) = loupe(editor), editor.at(*end)
        painted = editor.color(*end)
        assert painted != before
        assert max(abs(a - b) for a, b in zip(painted, shown["color"], strict=True)) < 8
        beside = not shown["left"] - 20 < x < shown["left"] + shown["width"] + 20
        assert beside or y > shown["top"] + shown["width"] + 20
        finger("touchEnd")
        assert loupe(editor) is None


def test_two_fingers_and_a_mouse_see_no_loupe(open_editor):
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    session = editor.page.context.new_cdp_session(editor.page)
    for points in ([(100, 100)], [(100, 100), (140, 100)]):
        touches = [
            {"id": number, **dict(zip("xy", editor.at(*point), strict=True))}
            for number, point in enumerate(points)
        ]
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touches})
        assert (loupe(editor) is None) == (len(points) == 2)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    editor.page.mouse.move(*editor.at(60, 60))
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.at(90, 60))
    assert loupe(editor) is None
    editor.page.mouse.up()
