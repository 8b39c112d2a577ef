"""The parse view in a browser: faces, palette and patterns in the list, two models side by side."""

from __future__ import annotations

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from segface_hf.checkpoints.files import embedded_folder
from space.state.examples import find_example
from tests.space.e2e.conftest import start, stop, upload, wait_for_overlay
from tests.space.e2e.test_loop import open_editor

PICTURE = "() => document.querySelector('.fv-canvas').toDataURL()"
STATE = "document.querySelector('.fv').__view.state"


@pytest.fixture(scope="module")
def other_model(tmp_path_factory):
    """An app that starts with a checkpoint of its owner, a little worse than the embedded one."""
    folder = tmp_path_factory.mktemp("other")
    home = folder / "checkpoint"
    home.mkdir()
    weights = load_file(embedded_folder() / "model.safetensors")
    changed = {k: w * 1.02 if w.ndim > 1 else w for k, w in weights.items()}
    save_file(changed, home / "model.safetensors")
    (home / "config.json").write_bytes((embedded_folder() / "config.json").read_bytes())
    running = start(folder, SEGFACE_MODEL=str(home), SEGFACE_MCP="0")
    yield running
    stop(running)


@pytest.fixture
def opened(open_page):
    page = open_page()
    upload(page, find_example("three_faces.jpg").path)
    wait_for_overlay(page)
    page.wait_for_timeout(200)
    return page


def test_a_face_of_the_strip_is_shown_in_the_picture_until_it_is_pressed_again(opened):
    faces = opened.locator(".fv-faces button")
    assert faces.count() == 3
    before = opened.evaluate(PICTURE)
    faces.nth(1).click()
    opened.wait_for_timeout(150)
    shown = opened.evaluate(PICTURE)
    assert shown != before
    assert [faces.nth(i).get_attribute("aria-pressed") for i in range(3)] == [
        "false",
        "true",
        "false",
    ]
    opened.click("[data-mode=outlines]")
    opened.click("[data-mode=outlines]")
    opened.wait_for_timeout(150)
    assert opened.evaluate(PICTURE) == shown
    faces.nth(1).click()
    opened.wait_for_timeout(150)
    assert opened.evaluate(PICTURE) == before


def test_the_list_shows_the_colors_and_patterns_of_the_picture(opened):
    swatch = opened.locator("[data-class='1'] i, [data-class='2'] i").first
    color = swatch.evaluate("(n) => n.style.backgroundColor")
    opened.click("[data-mode=safe]")
    assert swatch.evaluate("(n) => n.style.backgroundColor") != color
    assert swatch.evaluate("(n) => getComputedStyle(n).backgroundImage") == "none"
    opened.click("[data-mode=patterns]")
    assert "gradient" in swatch.evaluate("(n) => getComputedStyle(n).backgroundImage")


def test_a_class_is_switched_by_a_click_on_it_in_the_picture(opened):
    first = opened.locator(".fv [data-class]").first
    spot = opened.evaluate(
        f"""(id) => {{
          const {{ labels, photo }} = {STATE}, w = photo.w;
          // Inside the class: the page may show its outermost pixel as its neighbor.
          const i = labels.findIndex((_, at) =>
            [-3 * w, -3, 0, 3, 3 * w].every((step) => labels[at + step] === id));
          const box = document.querySelector('.fv-canvas').getBoundingClientRect();
          return [box.left + ((i % photo.w) + 0.5) * box.width / photo.w,
                  box.top + (Math.floor(i / photo.w) + 0.5) * box.height / photo.h];
        }}""",
        int(first.get_attribute("data-class")),
    )
    opened.mouse.click(*spot)
    assert first.get_attribute("aria-pressed") == "false"
    opened.mouse.click(*spot)
    assert first.get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [1440, 390])
def test_two_models_are_shown_side_by_side_with_their_differences(other_model, open_page, width):
    page = open_page(url=other_model.url, width=width)
    upload(page, find_example("grace_hopper.jpg").path)
    wait_for_overlay(page)
    single = page.evaluate("() => document.querySelector('.fv-canvas').width")
    page.locator("#models button").first.click()
    page.fill("#model input", "embedded")
    page.keyboard.press("Enter")
    page.click("#compare-model")
    page.wait_for_selector("[data-mode=difference]:visible")
    answer = page.locator("#parse-message").inner_text()
    assert "differs in" in answer
    assert "most of all in" in answer
    page.click("[data-mode=difference]")
    page.wait_for_timeout(150)
    pair = page.locator("[data-mode=pair]")
    if width < 800:
        assert page.locator("[data-mode=split]").get_attribute("aria-pressed") == "true"
        pair.click()
    assert pair.get_attribute("aria-pressed") == "true"
    assert page.locator("[data-mode=split]").get_attribute("aria-pressed") == "false"
    assert page.evaluate("() => document.querySelector('.fv-canvas').width") == 2 * single
    differing = page.evaluate(
        f"() => {{ const s = {STATE}; return s.labels.filter((v, i) => v !== s.other[i]).length; }}"
    )
    assert differing > 0


def test_a_failed_picture_is_reported_and_the_previous_photo_stays(open_page, tmp_path):
    page = open_page()
    source = find_example("grace_hopper.jpg").path
    second = tmp_path / "second.png"
    with Image.open(source) as image:
        image.convert("RGB").resize((300, 320)).save(second)
    upload(page, source, second)
    first = wait_for_overlay(page)
    buttons = page.locator(".fv-photos button")
    buttons.nth(1).wait_for()
    page.evaluate("""() => {
      const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'src');
      window.Image = class extends Image {
        set src(url) { source.set.call(this, window.broken ? '/nothing.jpg' : url); }
      };
      window.broken = true;
    }""")
    buttons.nth(1).click()
    page.wait_for_function(
        "document.querySelector('.fv-note').textContent.includes(\"Photo 2 can't be shown\")"
    )
    assert [buttons.nth(i).get_attribute("aria-pressed") for i in range(2)] == ["true", "false"]
    open_editor(page)
    assert page.evaluate("document.querySelector('#mask-editor .fme').dataset.ready") == first
    page.get_by_role("tab", name="Parse").click()
    page.evaluate("window.broken = false")
    buttons.nth(1).click()
    page.wait_for_function(f"document.querySelector('.fv').dataset.ready !== {first!r}")
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"
    assert "can't be shown" not in page.locator(".fv-note").inner_text()


def test_all_classes_are_switched_with_one_redraw(opened):
    opened.evaluate("""() => {
      window.colorings = 0;
      const put = CanvasRenderingContext2D.prototype.putImageData;
      CanvasRenderingContext2D.prototype.putImageData = function (...given) {
        window.colorings++;
        return put.apply(this, given);
      };
    }""")
    buttons = opened.locator(".fv [data-class]")
    for show, pressed in (("none", "false"), ("all", "true")):
        opened.click(f".fv [data-show={show}]")
        shown = {buttons.nth(i).get_attribute("aria-pressed") for i in range(buttons.count())}
        assert shown == {pressed}
    assert opened.evaluate("window.colorings") == 2


def test_while_photos_are_parsed_the_result_is_marked_as_the_previous_one(opened):
    opened.evaluate("document.querySelector('.pd').__drop.busy('Parsing photo 2 of 3')")
    sign = opened.locator(".fv-wait")
    assert "Parsing photo 2 of 3" in sign.inner_text()
    assert "previous result" in sign.inner_text()
    # Gradio dims what waits: that must not hide what the visitor waits for.
    dimmed = opened.evaluate("""() => {
      const box = document.querySelector('#drop .html-container');
      box.classList.add('pending');
      return getComputedStyle(box).opacity;
    }""")
    assert dimmed == "1"
    opened.evaluate("document.querySelector('.pd').__drop.idle()")
    assert sign.is_hidden()
