"""Every way in which a photo comes in: camera, clipboard, dropping; as a visitor does it."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from PIL import Image

from space.state.examples import find_example
from tests.space.browser import FLAGS
from tests.space.e2e.conftest import wait_for_overlay

SIZE = "() => { const p = document.querySelector('.fv').__view.state.photo; return [p.w, p.h]; }"
NOTE = ".fv-note"


@pytest.fixture
def portrait():
    """The example with eyeglasses and a hat."""
    return find_example("grace_hopper.jpg").path


def write_video(path, image, size=(640, 480)):
    """Writes one picture as a raw video that Chromium plays as its camera."""
    frame = Image.new("YCbCr", size, (90, 128, 128))
    image = image.convert("YCbCr")
    image.thumbnail(size)
    frame.paste(image, ((size[0] - image.width) // 2, 0))
    luma, *chroma = (np.asarray(plane) for plane in frame.split())
    halves = [plane[::2, ::2].tobytes() for plane in chroma]
    header = f"YUV4MPEG2 W{size[0]} H{size[1]} F10:1 Ip A1:1 C420mpeg2\n".encode()
    path.write_bytes(header + (b"FRAME\n" + luma.tobytes() + b"".join(halves)) * 5)


@pytest.fixture
def with_camera(browser, chromium, server, portrait, tmp_path):
    """A page in a browser whose camera sees the portrait."""
    with Image.open(portrait) as image:
        write_video(tmp_path / "camera.y4m", image)
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags.append(f"--use-file-for-fake-video-capture={tmp_path / 'camera.y4m'}")
    running = browser.browser_type.launch(executable_path=chromium, args=[*FLAGS, *flags])
    page = running.new_page()
    page.goto(server.url)
    page.wait_for_selector(".pd")
    yield page
    running.close()


def test_a_photo_is_taken_with_the_camera_and_parsed(with_camera):
    page = with_camera
    page.click(".pd-camera")
    page.wait_for_selector(".pd-shot:not([hidden])")
    page.wait_for_function("() => document.querySelector('.pd video')?.videoWidth > 0")
    page.wait_for_timeout(500)
    page.click(".pd-take")
    wait_for_overlay(page)
    assert page.evaluate(SIZE) == [640, 480]
    assert page.locator(NOTE).inner_text().startswith("1 face, with")
    assert page.evaluate("() => document.querySelector('.pd video').srcObject") is None


def test_a_camera_can_be_opened_and_left_without_a_photo(with_camera):
    page = with_camera
    page.click(".pd-camera")
    page.wait_for_selector(".pd-shot:not([hidden])")
    page.click(".pd-cancel")
    page.wait_for_selector(".pd-shot", state="hidden")
    assert page.evaluate("() => document.querySelector('.pd video').srcObject") is None
    assert page.locator(".pd").get_attribute("data-state") == "idle"


@pytest.fixture
def with_counted_camera(with_camera):
    """The page with a camera whose streams are kept, and a way to count those that still film."""
    with_camera.evaluate(
        """() => {
          const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);
          window.streams = [];
          media.getUserMedia = async (what) => {
            const stream = await ask(what);
            window.streams.push(stream);
            return stream;
          };
        }"""
    )

    def press():
        opened = with_camera.evaluate("() => window.streams.length")
        with_camera.click(".pd-camera")
        with_camera.wait_for_function("(n) => window.streams.length > n", arg=opened)
        with_camera.wait_for_selector(".pd-shot:not([hidden])")

    return with_camera, press


FILMING = """() => window.streams.flatMap((stream) => stream.getTracks())
  .filter((track) => track.readyState === 'live').length"""


def leave_for_about_and_return(page):
    page.get_by_role("tab", name="About").click()
    page.wait_for_selector(".pd", state="hidden")
    page.get_by_role("tab", name="Parse").click()
    page.wait_for_selector(".pd", state="visible")


def open_an_example(page):
    page.click("[data-example='astronaut.jpg']")
    wait_for_overlay(page)


def test_leaving_the_preview_in_any_way_turns_the_camera_off(with_counted_camera):
    page, press = with_counted_camera
    press()
    press()
    assert page.evaluate(FILMING) == 1
    leaving = (lambda page: page.click(".pd-cancel"), leave_for_about_and_return, open_an_example)
    for leave in leaving:
        leave(page)
        page.wait_for_selector(".pd-shot", state="hidden")
        assert page.evaluate(FILMING) == 0
        press()
        assert page.evaluate(FILMING) == 1
    page.evaluate("() => window.dispatchEvent(new Event('pagehide'))")
    assert page.evaluate(FILMING) == 0


def test_a_camera_that_is_allowed_after_the_preview_was_left_stays_off(with_counted_camera):
    page, _ = with_counted_camera
    page.evaluate(
        """() => {
          const media = navigator.mediaDevices, ask = media.getUserMedia;
          media.getUserMedia = async (what) => {
            const stream = await ask(what);
            await new Promise((allow) => { window.allow = allow; });
            return stream;
          };
        }"""
    )
    page.click(".pd-camera")
    page.wait_for_function("() => window.allow")
    leave_for_about_and_return(page)
    page.evaluate("() => window.allow()")
    page.wait_for_function(f"() => ({FILMING})() === 0")
    assert not page.locator(".pd-shot").is_visible()
    assert page.locator(".pd-status").inner_text() == ""


def test_without_a_camera_the_page_says_what_to_do(open_page):
    page = open_page()
    page.click(".pd-camera")
    page.wait_for_function("() => document.querySelector('.pd-status')?.textContent")
    assert "choose a photo" in page.locator(".pd-status").inner_text()


def test_a_photo_in_the_clipboard_is_pasted_and_parsed(open_page, server, portrait, tmp_path):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with Image.open(portrait) as image:
        image.save(tmp_path / "a.png")
        size = list(image.size)
    page.evaluate(
        """async (data) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const blob = new Blob([bytes], { type: 'image/png' });
          await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
        }""",
        base64.b64encode((tmp_path / "a.png").read_bytes()).decode(),
    )
    page.locator("#brand").click()
    page.keyboard.press("Control+v")
    wait_for_overlay(page)
    assert page.evaluate(SIZE) == size


def test_text_in_the_clipboard_is_left_to_the_field_it_is_meant_for(open_page):
    page = open_page()
    page.locator("#models button").first.click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("() => navigator.clipboard.writeText('org/name')")
    page.locator("#model input").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+v")
    assert page.locator("#model input").input_value() == "org/name"
    assert page.locator(".pd").get_attribute("data-state") == "idle"


def test_several_dropped_photos_are_parsed(open_page, portrait):
    page = open_page()
    page.evaluate(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const carried = new DataTransfer();
          for (const name of ['a.jpg', 'b.jpg'])
            carried.items.add(new File([bytes], name, { type: 'image/jpeg' }));
          const zone = document.querySelector('.pd-zone');
          for (const type of ['dragenter', 'dragover', 'drop'])
            zone.dispatchEvent(new DragEvent(type, { dataTransfer: carried, bubbles: true }));
        }""",
        base64.b64encode(portrait.read_bytes()).decode(),
    )
    wait_for_overlay(page)
    page.wait_for_function("() => document.querySelectorAll('.fv-photos button').length === 2")


def test_an_example_is_opened_with_one_press(open_page):
    page = open_page()
    assert not page.locator("#downloads").is_visible()
    page.click("[data-example='three_faces.jpg']")
    wait_for_overlay(page)
    assert page.locator(NOTE).inner_text().startswith("3 faces")
    assert page.locator("#downloads").is_visible()
