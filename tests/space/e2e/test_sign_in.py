"""From the sign-in button to a pull request under one's own name, in Chromium."""

from __future__ import annotations

import re

import pytest

from annotate.dataset.layout import row_path
from annotate.dataset.proposals import HubStore
from annotate.review.reviewer import Reviewer
from segface_hf.labels import CELEBAMASK_HQ
from space.state.examples import list_examples
from tests.space.e2e.conftest import press_save, start_space, stop, upload, wait_for_overlay
from tests.space.e2e.test_loop import consent, open_editor, stroke

REPO = "owner/faces"


@pytest.fixture(scope="module")
def app(tmp_path_factory, _hub_server):
    """The app as a Space with sign-in, whose contributions go to the Hub double."""
    running = start_space(tmp_path_factory.mktemp("space"), _hub_server, REPO)
    yield running
    stop(running)


@pytest.fixture
def space(hub, app):
    """The app, and a dataset that was just set up."""
    HubStore(REPO, token=hub.token("owner")).create(CELEBAMASK_HQ)
    hub.token("guest")
    return app


def sign_in(page, name="guest"):
    page.get_by_role("tab", name="Contribute").click()
    page.locator("#sign-in").click()
    page.click(f"#authorize-{name}")
    page.wait_for_selector(".pd", state="attached")
    page.get_by_role("tab", name="Parse").click()


def correct_and_save(page, height=0.12):
    upload(page, list_examples()[0].path)
    wait_for_overlay(page)
    open_editor(page)
    page.evaluate(
        "() => { const e = document.querySelector('#mask-editor .fme').__fme;"
        " e.cls(16); e.tool('brush'); }"
    )
    stroke(page, (0.3, 0.1), (0.7, height))
    consent(page)
    press_save(page)
    page.wait_for_selector("#save-message [role=status]")
    page.get_by_role("tab", name="Contribute").click()


@pytest.mark.slow
def test_a_signed_in_contributor_opens_a_pull_request_in_their_own_name(space, hub, open_page):
    page = open_page(url=space.url)
    sign_in(page)
    correct_and_save(page)
    page.wait_for_function(
        "() => document.querySelector('#receipts')?.innerText.includes('Pull request #1 is open.')"
    )
    (discussion,) = hub.repos["dataset", REPO].discussions.values()
    assert (discussion.author, discussion.is_pull_request) == ("guest", True)
    seen = Reviewer(HubStore(REPO, token="hf_owner")).inspect(1)
    assert seen.acceptable
    assert seen.correction.contributor == "guest"
    assert "hat" in {n.name for n in seen.classes if n.second > n.first}
    assert row_path(seen.correction.content_id) not in hub.repos["dataset", REPO].tree()


@pytest.mark.slow
def test_a_correction_waits_for_sign_in_and_is_sent_under_the_account(space, hub, open_page):
    hub.token("ada")  # whose receipts hold nothing of what another test sent
    page = open_page(url=space.url)
    correct_and_save(page, 0.2)  # another correction than the one that is sent already
    page.wait_for_function(
        "() => /waiting to be sent: sign in/.test("
        "document.querySelector('#receipts')?.innerText ?? '')"
    )
    assert re.search("no attached storage", page.content())
    other = open_page(url=space.url, view="contribute")
    other.wait_for_selector("#receipts")
    other.wait_for_timeout(1000)
    assert other.locator("#receipts td").count() == 0  # another browser sees nothing of it
    assert hub.repos["dataset", REPO].discussions == {}
    sign_in(page, "ada")
    page.get_by_role("tab", name="Contribute").click()
    page.wait_for_function(
        "() => document.querySelector('#receipts')?.innerText.includes('Pull request #1 is open.')"
    )
    (discussion,) = hub.repos["dataset", REPO].discussions.values()
    assert discussion.author == "ada"
    assert Reviewer(HubStore(REPO, token="hf_owner")).inspect(1).correction.contributor == "ada"
