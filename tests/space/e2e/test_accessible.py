"""axe-core in every view, light and dark; keyboard paths; no sideways scrolling on a phone."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from space.state.examples import list_examples
from tests.space.e2e.conftest import upload, wait_for_overlay

VIEWS = ("parse", "correct", "contribute", "review", "dataset", "about")
SERIOUS = """async () => (await axe.run()).violations
  .filter((found) => ['serious', 'critical'].includes(found.impact))
  .map((found) => `${found.id}: ${found.nodes[0].html.slice(0, 160)}`)"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The path of axe-core's script, from the npm registry."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing: get it with 'apt-get install npm'")
    folder = tmp_path_factory.mktemp("axe")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "axe-core@4"]
    if subprocess.run(install, cwd=folder, capture_output=True, timeout=120).returncode:
        pytest.skip("axe-core can't be installed: connect to the npm registry once")
    return folder / "node_modules" / "axe-core" / "axe.min.js"


def show(page, view):
    page.locator(f"#views button[role=tab][data-tab-id={view}]:visible").first.click()
    page.wait_for_selector(f"[role=tab][data-tab-id={view}][aria-selected=true]")
    page.wait_for_timeout(400)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_axe_finds_nothing_serious_in_any_view_and_none_scrolls_sideways(
    open_page, axe, width, dark
):
    page = open_page(dark=dark, width=width, height=844)
    page.add_script_tag(path=str(axe))
    assert page.evaluate(SERIOUS) == []  # Before the first photo.
    upload(page, list_examples()[-1].path)
    wait_for_overlay(page)
    page.locator("#models button").first.click()
    page.click("[data-mode=patterns]")
    page.click("#downloads summary")
    assert page.evaluate(SERIOUS) == []  # With everything open.
    page.click("#to-correct")
    page.wait_for_selector("#mask-editor .fme[data-ready]")
    found = {}
    for view in VIEWS:
        show(page, view)
        found[view] = page.evaluate(SERIOUS)
        extra = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert extra <= 0, view
    assert found == {view: [] for view in VIEWS}


def test_classes_can_be_switched_by_keyboard_alone(open_page):
    page = open_page()
    upload(page, list_examples()[0].path)
    wait_for_overlay(page)
    page.locator("[name=opacity]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".fv-opacity output").inner_text() == "56 %"
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.dataset.class !== undefined"):
            break
    page.keyboard.press("Space")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-pressed')") == "false"


TEXTS = """() => {
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (node) => { for (let n = node; n; n = n.parentElement) {
    const c = read(getComputedStyle(n).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
    return [255, 255, 255]; };
  return [...document.querySelectorAll('.fv *, .pd *, [role=tab], .message p')]
    .filter((n) => n.offsetParent)
    .filter((n) => [...n.childNodes].some((c) => c.nodeType === 3 && c.data.trim()))
    .map((n) => { const a = light(read(getComputedStyle(n).color).slice(0, 3));
      const b = light(behind(n).slice(0, 3));
      return [n.textContent.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
    .filter(([, ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_of_the_parse_view_has_a_contrast_of_four_and_a_half_to_one(open_page, dark):
    page = open_page(dark=dark)
    assert page.evaluate(TEXTS) == []
    upload(page, list_examples()[-1].path)
    wait_for_overlay(page)
    assert page.evaluate(TEXTS) == []


@pytest.mark.parametrize("width", [1440, 390])
def test_a_photo_is_opened_and_brought_to_the_editor_by_keyboard_alone(open_page, width):
    page = open_page(width=width)
    page.wait_for_selector("[data-example]")
    reach(page, "document.activeElement.dataset.example !== undefined")
    page.keyboard.press("Enter")
    wait_for_overlay(page)
    reach(page, "document.activeElement.id === 'to-correct'")
    page.keyboard.press("Enter")
    page.wait_for_selector("#mask-editor .fme[data-ready]")
    page.wait_for_selector("[role=tab][data-tab-id=correct][aria-selected=true]")
    page.wait_for_function("() => document.activeElement.matches('#mask-editor .fme-view')")


def reach(page, condition):
    """Presses Tab until what has the focus is what was meant, and shows that it has it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(f"() => {condition}"):
            break
    else:
        raise AssertionError(f"nothing with {condition} can be reached by Tab")
    ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert ring != "none"


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_reached_by_keyboard_and_named_in_the_address(open_page, view):
    page = open_page()
    reach(page, f"document.activeElement.dataset.tabId === '{view}'")
    # The tabs answer once the page is alive: press again until they do, as a person would.
    for _ in range(60):
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        if page.evaluate("() => document.activeElement.getAttribute('aria-selected')") == "true":
            break
    page.wait_for_selector(f"[role=tab][data-tab-id={view}][aria-selected=true]")
    wanted = "" if view == "parse" else f"?view={view}"
    page.wait_for_function("(wanted) => location.search === wanted", arg=wanted)


def test_patterns_and_the_color_blind_palette_change_the_picture(open_page):
    page = open_page()
    upload(page, list_examples()[0].path)
    wait_for_overlay(page)
    seen = set()
    for mode in (None, "patterns", "safe", "outlines", "split", "boxes", "confidence"):
        if mode:
            page.click(f"[data-mode={mode}]")
        page.wait_for_timeout(150)
        seen.add(page.evaluate("() => document.querySelector('.fv-canvas').toDataURL()"))
    assert len(seen) == 7


def test_reduced_motion_is_respected(browser, server):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector(".pd")
    longest = page.evaluate(
        "() => getComputedStyle(document.querySelector('#views [role=tab]')).transitionDuration"
    )
    assert all(float(part.strip().rstrip("s")) <= 0.001 for part in longest.split(","))
    context.close()
