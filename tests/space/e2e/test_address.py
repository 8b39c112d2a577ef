"""The open view and the address of the page: each follows the other."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("view", ["correct", "contribute"])
def test_an_empty_view_has_a_button_to_open_a_photo(open_page, view):
    page = open_page(view=view)
    page.wait_for_selector(f"[role=tab][data-tab-id={view}][aria-selected=true]")
    page.locator("[data-view=parse]:visible").first.click()
    page.wait_for_selector("[role=tab][data-tab-id=parse][aria-selected=true]")
    page.wait_for_function("() => !location.search")


# Clicks as soon as the view that the address names is open, before anything else learns of it.
AT_ONCE = """new MutationObserver((_, watching) => {
  const open = document.querySelector('[role=tab][data-tab-id=contribute][aria-selected=true]');
  const way = [...document.querySelectorAll('[data-view=parse]')].find((one) => one.offsetParent);
  if (!open || !way) return;
  watching.disconnect();
  window.clicked = true;
  way.click();
}).observe(document, { subtree: true, childList: true, attributes: true });"""


def test_a_choice_made_while_the_page_loads_is_kept(open_page):
    page = open_page(view="contribute", script=AT_ONCE)
    page.wait_for_function("() => window.clicked && !location.search")
    page.wait_for_timeout(300)
    assert page.locator("[role=tab][data-tab-id=parse]").get_attribute("aria-selected") == "true"
    page.evaluate("() => window.segfaceView('contribute')")  # Late, as on a busy page.
    assert page.evaluate("() => location.search") == ""


def test_back_returns_to_the_previous_view_and_a_link_opens_a_view(open_page):
    page = open_page(view="about")
    page.wait_for_selector("[role=tab][data-tab-id=about][aria-selected=true]")
    page.get_by_role("tab", name="Contribute").click()
    page.wait_for_function("() => location.search === '?view=contribute'")
    page.go_back()
    page.wait_for_selector("[role=tab][data-tab-id=about][aria-selected=true]")
