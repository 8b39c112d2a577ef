"""The editor in Chromium: buttons that show the photo or the prediction while they are held."""

from __future__ import annotations

import pytest

PAINTED = (100, 155)


@pytest.fixture
def phone(open_editor):
    """The editor on a phone, with a stroke on it that the prediction lacks."""
    editor = open_editor("256x256", ratio=2, width=390, height=844, touch=True)
    editor.js("(fme.cls(16), fme.app.look({ opacity: 1 }))")
    editor.js(
        "fme.app.edit('dot', 'brush', (map) => { for (let y = 150; y < 160; y++) "
        "map.span(y, 95, 105, 16); })"
    )
    return editor


def finger(editor):
    session = editor.page.context.new_cdp_session(editor.page)

    def send(kind, *points):
        touches = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    return send


def middle(editor, hold):
    box = editor.page.locator(f"[data-hold={hold}]").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def held(editor):
    return editor.js("""[fme.state.hold, ...[...root.querySelectorAll('[data-hold]')]
      .filter((button) => button.getAttribute('aria-pressed') === 'true')
      .map((button) => button.dataset.hold)]""")


@pytest.mark.parametrize("hold", ["photo", "prediction"])
def test_a_finger_compares_as_long_as_it_rests_on_the_button(phone, hold):
    send, (x, y) = finger(phone), middle(phone, hold)
    mask, ids = phone.color(*PAINTED), phone.ids()
    send("touchStart", (x, y))
    assert held(phone) == [hold, hold]
    assert phone.color(*PAINTED) != mask
    send("touchMove", (x - 60, y + 80))
    assert held(phone) == [hold, hold]
    send("touchEnd")
    assert held(phone) == [None]
    assert phone.color(*PAINTED) == mask
    assert (phone.ids() == ids).all()


def test_the_buttons_are_large_enough_for_a_finger(phone):
    for hold in ("photo", "prediction"):
        box = phone.page.locator(f"[data-hold={hold}]").bounding_box()
        assert min(box["width"], box["height"]) >= 44


def test_keys_hold_the_buttons_and_a_plain_click_holds_until_the_next(phone):
    keyboard = phone.page.keyboard
    phone.page.focus("[data-hold=photo]")
    for key in ("Space", "Enter"):
        keyboard.down(key)
        assert held(phone) == ["photo", "photo"]
        keyboard.up(key)
        assert held(phone) == [None]
    phone.js("root.querySelector('[data-hold=prediction]').click()")
    assert held(phone) == ["prediction", "prediction"]
    phone.js("root.querySelector('[data-hold=prediction]').click()")
    assert held(phone) == [None]


def test_a_mouse_holds_too_and_the_focus_stays_where_it_is(phone):
    phone.press("b")
    mouse = phone.page.mouse
    mouse.move(*middle(phone, "photo"))
    mouse.down()
    assert held(phone) == ["photo", "photo"]
    mouse.up()
    assert held(phone) == [None]
    assert phone.js("document.activeElement === fme.app.stage.canvas")


def test_without_touch_or_an_open_photo_the_buttons_are_hidden(open_editor):
    assert open_editor().page.locator(".fme-holds").is_hidden()
    empty = open_editor(None, width=390, height=844, touch=True)
    assert empty.page.locator(".fme-holds").is_hidden()
