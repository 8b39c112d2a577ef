"""A maintainer reviews pull requests in the browser, against a Hub on this machine."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from annotate.correction import Consent, Correction, ModelUsed
from annotate.dataset.proposals import ConsentedRow, HubStore
from annotate.dataset.refresh import mirror
from annotate.label_maps import swapped
from annotate.rows.record import to_parquet
from segface_hf import FaceParser
from segface_hf.labels import CELEBAMASK_HQ
from space.state.examples import list_examples
from tests.space.conftest import noise, painted_face
from tests.space.e2e.conftest import press_save, start, stop

REPO = "owner/faces"
EDITOR = "document.querySelector('#review-editor .fme').__fme"


def drawn(seed=0, hat=()):
    mask = painted_face()
    for rows in hat:
        mask[rows] = 16
    return Correction(
        image=np.asarray(noise(64, 64, seed=seed)),
        mask=mask,
        prediction=np.where(painted_face() == 17, 0, painted_face()),
        schema=CELEBAMASK_HQ,
        model=ModelUsed("embedded"),
        consent=Consent(right="own", people="agreed"),
    )


def propose(store, correction):
    return store.propose(ConsentedRow(to_parquet(correction))).number


@pytest.fixture(scope="module")
def app(tmp_path_factory, _hub_server):
    """The app on its owner's machine, with a dataset on the Hub."""
    running = start(
        tmp_path_factory.mktemp("review"),
        SEGFACE_DATASET=REPO,
        SEGFACE_DATASET_TOKEN="hf_owner",
        HF_HUB_OFFLINE="0",
    )
    yield running
    stop(running)


@pytest.fixture
def guest(hub, app):
    """A contributor, to a dataset that was just set up."""
    HubStore(REPO, token=hub.token("owner")).create(CELEBAMASK_HQ)
    return HubStore(REPO, token=hub.token("ada"))


@pytest.fixture
def review(open_page, app):
    """Opens the Review view, where a contribution waits."""

    def opened():
        page = open_page(url=app.url, view="review")
        page.wait_for_selector("#review-report table td")
        return page

    return opened


def wait_for_message(page, sentence):
    page.wait_for_function(
        "(text) => document.querySelector('#review-message')?.innerText.includes(text)",
        arg=sentence,
    )


def test_a_contribution_is_reviewed_and_merged_and_the_card_counts_it(hub, guest, review):
    propose(guest, drawn())
    page = review()
    assert "earring" in page.locator("#review-report").inner_text()
    assert page.locator("#review-pictures img").count() >= 4
    page.click("#review-accept")
    wait_for_message(page, "#1 is merged")
    assert guest.repo.pull_request(1).status == "merged"
    for _ in range(150):
        if b"1 contribution by" in hub.files("dataset", REPO)["README.md"]:
            break
        time.sleep(0.1)
    assert b"1 contribution by" in hub.files("dataset", REPO)["README.md"]
    page.get_by_role("tab", name="Dataset").click()
    page.wait_for_selector("#dataset table")
    assert "1 correction of 1 photo" in page.locator("#dataset").inner_text()


def test_a_contribution_is_fixed_in_the_editor_and_accepted(guest, review, tmp_path):
    propose(guest, drawn(1))
    page = review()
    page.click("#review-fix")
    page.wait_for_selector("#review-editor .fme[data-ready]")
    page.locator("#review-editor canvas.fme-view").scroll_into_view_if_needed()
    page.evaluate(f"() => {{ {EDITOR}.cls(16); {EDITOR}.tool('brush'); }}")
    ends = page.evaluate(
        f"() => [[0.3, 0.1], [0.7, 0.12]].map(([u, v]) => {EDITOR}.toScreen("
        f"Math.floor(u * {EDITOR}.map.width), Math.floor(v * {EDITOR}.map.height)))"
    )
    page.mouse.move(*ends[0])
    page.mouse.down()
    page.mouse.move(*ends[1], steps=12)
    page.mouse.up()
    wanted = page.evaluate(f"() => {EDITOR}.map.data.join()")
    press_save(page, "#review-editor")
    wait_for_message(page, "#1 is merged as you fixed it")
    rows = mirror(guest.repo, tmp_path / "mirror")
    (row,) = (rows.load(content_id) for content_id in rows.ids())
    assert ",".join(map(str, row.mask.ravel())) == wanted
    assert 16 in row.mask
    assert np.array_equal(row.prediction, drawn(1).prediction)
    assert guest.repo.pull_request(1).status == "merged"


def test_a_push_after_the_maintainer_looked_is_not_merged(guest, review):
    number = propose(guest, drawn(2))
    page = review()
    guest.repo.commit({"README.md": b"mine"}, title="x", revision=f"refs/pr/{number}")
    page.click("#review-accept")
    wait_for_message(page, "was changed since it was looked at, so it is not merged")
    assert guest.repo.pull_request(number).status != "merged"


def test_two_annotators_of_one_photo_are_compared_and_settled(hub, guest, review, tmp_path):
    first, second = drawn(3, hat=[slice(0, 4)]), drawn(3, hat=[slice(0, 4), slice(60, 63)])
    propose(guest, first)
    propose(guest, drawn(4))
    propose(HubStore(REPO, token=hub.token("bob")), second)
    page = review()
    page.wait_for_selector("#review-compare:visible")
    page.click("#review-compare")
    page.wait_for_selector("#compare-report table td")
    shown = page.locator("#compare-report").inner_text()
    assert "Cohen's kappa" in shown
    assert "hat" in shown
    page.wait_for_function("document.querySelectorAll('#compare-pictures img').length >= 4")
    tile = page.locator("#compare-pictures img").first.locator("xpath=ancestor::button[1]")
    assert tile.evaluate("(tile) => parseFloat(getComputedStyle(tile).borderRadius)") <= 12
    disputes = page.locator("#compare-takes label")
    assert "background or hat" in disputes.first.inner_text()
    for index in range(disputes.count()):
        disputes.nth(index).click()
    page.click("#settle")
    wait_for_message(page, "#1 is merged, #3 is closed")
    assert mirror(guest.repo, tmp_path / "mirror").ids() == (second.content_id,)
    assert [guest.repo.pull_request(n).status for n in (1, 3)] == ["merged", "closed"]
    page.wait_for_function(
        "() => document.querySelector('#review-choice input')?.value.startsWith('#2')"
    )


def test_asking_and_rejecting_send_the_maintainers_text(guest, review):
    propose(guest, drawn(5))
    page = review()
    page.click("#review-reject")
    wait_for_message(page, "Say why: the contributor is shown your words")
    page.fill("#review-reason textarea", "The photo shows no face.")
    page.click("#review-reject")
    wait_for_message(page, "#1 is closed")
    request = guest.repo.pull_request(1)
    assert (request.status, request.comments[-1]) == (
        "closed",
        ("owner", "The photo shows no face."),
    )


def test_the_suspected_row_comes_first_and_says_what_is_suspected(guest, review):
    with Image.open(list_examples()[0].path) as image:
        photo = image.convert("RGB").resize((256, 256))
    parser = FaceParser.from_pretrained()
    seen = parser.parse(photo).mask
    wrong = swapped(seen, parser.schema.mirror_ids)
    for mask in (seen, wrong):
        row = replace(drawn(), image=np.asarray(photo), mask=mask, prediction=seen * 0)
        propose(guest, row)
    page = review()
    assert page.locator("#review-choice input").input_value().startswith("#1")
    page.wait_for_function(
        "() => document.querySelector('#review-suspicion')?.innerText.includes('suspects no')"
    )
    page.locator("#review-choice input").click()
    first = page.locator("[role=option]").first
    first.filter(has_text="#2 by ada, suspected: left and right exchanged").wait_for()
    page.keyboard.press("Escape")
    page.fill("#review-reason textarea", "Two of this photo.")
    page.click("#review-reject")
    wait_for_message(page, "#1 is closed")
    page.wait_for_function(
        "() => document.querySelector('#review-suspicion')?.innerText"
        ".includes('Suspected: left and right exchanged')"
    )
    page.reload()
    page.wait_for_selector("#review-report table td")
    assert "suspected: left and right" in page.locator("#review-choice input").input_value()
