"""On a private machine its own token sends what its user saves; no other page uses it."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from annotate.dataset.proposals import HubStore
from segface_hf.labels import CELEBAMASK_HQ
from tests.space.conftest import noise
from tests.space.e2e.conftest import start, stop
from tests.space.e2e.test_sign_in import correct_and_save

REPO = "owner/faces"
SAVES = 3


@pytest.fixture(scope="module")
def app(tmp_path_factory, _hub_server):
    """The app on a private machine that is logged in with `hf auth login`."""
    running = start(
        tmp_path_factory.mktemp("home"),
        SEGFACE_DATASET=REPO,
        HF_TOKEN="hf_owner",
        HF_HUB_OFFLINE="0",
        SEGFACE_SAVES_PER_MINUTE=str(SAVES),
    )
    yield running
    stop(running)


@pytest.fixture
def dataset(hub):
    owner = HubStore(REPO, token=hub.token("owner"))
    owner.create(CELEBAMASK_HQ)
    return owner


@pytest.fixture
def parsed(app, tmp_path):
    """Parses a photo as a script; returns what saves its mask with some pixels changed."""
    clients = []

    def opened(seed, **headers):
        noise(seed=seed).save(tmp_path / "photo.png")
        client = Client(app.url, verbose=False, headers=headers)
        clients.append(client)
        summary, path = client.predict(
            handle_file(tmp_path / "photo.png"), whole_image=True, api_name="/parse"
        )

        def save(number):
            with Image.open(path) as image:
                ids = np.asarray(image).copy()
            ids[0, : number + 1] = 16
            Image.fromarray(ids).save(tmp_path / "mask.png")
            return client.predict(
                summary["photo"],
                handle_file(tmp_path / "mask.png"),
                right="own",
                people="agreed",
                agrees=True,
                api_name="/save_correction",
            )

        return save

    yield opened
    for client in clients:
        client.close()


def waited_for(what):
    for _ in range(300):
        if found := what():
            return found
        time.sleep(0.1)
    return what()


def notes_of(app, content_id):
    """Returns what the sender wrote down about a row."""
    found = [json.loads(p.read_bytes()) for p in app.contributions.rglob(f"{content_id}.json")]
    return found[0] if found else None


@pytest.mark.slow
def test_what_is_saved_on_the_owners_machine_becomes_a_pull_request_that_its_owner_reviews(
    app, dataset, hub, open_page
):
    page = open_page(url=app.url)
    correct_and_save(page)
    page.wait_for_function(
        "() => document.querySelector('#receipts')?.innerText.includes('Pull request #1 is open.')"
    )
    assert page.locator("#sign-in").count() == 0
    assert "under the account of this machine's Hugging Face token" in page.content()
    (discussion,) = hub.repos["dataset", REPO].discussions.values()
    assert (discussion.author, discussion.is_pull_request) == ("owner", True)
    page.get_by_role("tab", name="Review").click()
    page.wait_for_selector("#review-report table td")
    page.click("#review-accept")
    page.wait_for_function(
        "() => document.querySelector('#review-message')?.innerText.includes('#1 is merged')"
    )
    assert dataset.repo.pull_request(1).status == "merged"


def test_a_request_through_a_proxy_does_not_use_the_token_of_the_machine(app, dataset, hub, parsed):
    saved = parsed(21, **{"X-Forwarded-For": "8.8.8.8"})(2)
    notes = waited_for(lambda: notes_of(app, saved["id"]))
    assert "open this app on the machine that runs it" in notes["reason"]
    assert hub.repos["dataset", REPO].discussions == {}


def test_a_script_of_the_machine_sends_under_its_account_as_its_pages_do(app, dataset, hub, parsed):
    saved = parsed(22)(1)
    assert waited_for(lambda: (notes_of(app, saved["id"]) or {}).get("state") == "proposed")
    (discussion,) = hub.repos["dataset", REPO].discussions.values()
    assert discussion.author == "owner"


def test_a_script_that_saves_too_often_gets_a_rate_limit_error(app, dataset, parsed):
    save = parsed(23)
    for number in range(SAVES):
        assert save(number)["created"]
    with pytest.raises(AppError, match="At most 3 saves a minute for each visitor") as answer:
        save(SAVES)
    assert answer.value.title == "TooFastError"
