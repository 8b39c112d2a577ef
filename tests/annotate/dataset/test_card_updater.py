"""After a merge the card is renewed: soon, seldom, again after failures, never in the way."""

from __future__ import annotations

import threading

import pytest

from annotate.dataset.card_updater import CardPace, CardUpdater
from annotate.dataset.index import RowIndex
from annotate.dataset.proposals import ConsentedRow
from annotate.errors import RemoteError
from annotate.outbox.queue import Outbox
from annotate.outbox.sender import Pace, Sender
from annotate.review.reviewer import Reviewer
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO

QUICK = CardPace(soon=0.0, every=0.0, longest=0.01)


@pytest.fixture
def card_updater():
    return CardUpdater(RowIndex(), pace=QUICK)


def put(store, *corrections):
    store.commit([ConsentedRow(to_parquet(correction)) for correction in corrections])


def card(hub):
    return hub.files("dataset", REPO)["README.md"].decode()


def test_an_accepted_contribution_is_counted_on_the_card(card_updater, owner, guest, hub, drawn):
    guest.propose(ConsentedRow(to_parquet(drawn(1))))
    Reviewer(owner).accept(1)
    card_updater.merged(owner.repo)
    assert card_updater.settled(timeout=20)
    assert "1 contribution by 1 contributor" in card(hub)
    assert b"<svg" in hub.files("dataset", REPO)["growth.svg"]


def test_a_busy_hub_is_tried_again_and_the_merge_stays(card_updater, owner, hub, drawn):
    put(owner, drawn(1))
    hub.fail("/resolve/.*parquet", 429, times=2, headers={"Retry-After": "0"})
    hub.fail("/commit/", 500, headers={"Retry-After": "0"})
    card_updater.merged(owner.repo)
    assert card_updater.settled(timeout=20)
    assert "1 contribution" in card(hub)
    assert card_updater.trouble == ""


def test_a_token_without_rights_is_reported_and_not_retried_forever(
    card_updater, owner, guest, hub, drawn
):
    put(owner, drawn(1))
    card_updater.merged(guest.repo)
    assert card_updater.settled(timeout=20)
    assert "this account may not do that on owner/faces" in card_updater.trouble
    card_updater.merged(owner.repo)
    assert card_updater.settled(timeout=20)
    assert (card_updater.trouble, "1 contribution" in card(hub)) == ("", True)


def test_many_merges_are_counted_once_and_cost_few_requests(owner, hub, drawn):
    card_updater = CardUpdater(RowIndex(), pace=CardPace(soon=0.3, every=0.0))
    put(owner, *[drawn(n) for n in range(10)])
    hub.log.clear()
    for _ in range(10):
        card_updater.merged(owner.repo)
    assert card_updater.settled(timeout=20)
    assert "10 contributions" in card(hub)
    assert len(hub.requests("/commit/")) == 1
    assert len(hub.log) <= 10 + 12  # each row once, and the card


def test_card_updates_keep_to_the_pace(owner, hub, drawn):
    assert 3600 / CardPace().every + 3600 / Pace().batch < 100
    card_updater = CardUpdater(RowIndex(), pace=CardPace(soon=0.0, every=3600.0))
    for number in (1, 2):
        put(owner, drawn(number))
        card_updater.merged(owner.repo)
        card_updater.settled(timeout=3.0)
    assert "1 contribution" in card(hub)


def test_a_large_dataset_is_counted_in_parts(owner, hub, drawn):
    card_updater = CardUpdater(RowIndex(), pace=CardPace(soon=0.0, every=0.0, files=2))
    put(owner, *[drawn(n) for n in range(5)])
    card_updater.merged(owner.repo)
    assert card_updater.step() == 0.0
    assert card_updater.settled(timeout=20)
    assert "5 contributions" in card(hub)


def test_direct_commits_of_the_sender_are_counted_too(card_updater, dataset, hub, drawn, tmp_path):
    sender = Sender(Outbox(tmp_path), REPO, service_token="hf_owner", pace=Pace(batch=0.0))
    sender.merged = card_updater.merged
    sender.outbox.queue("guest").put(drawn(1))
    sender.step()
    assert card_updater.settled(timeout=20)
    assert "1 contribution" in card(hub)


def test_a_merge_returns_at_once_although_the_hub_hangs(card_updater, owner, hub, drawn):
    put(owner, drawn(1))
    released = threading.Event()
    hub.chaos = lambda method, path: released.wait(5) and None
    card_updater.merged(owner.repo)
    assert not card_updater.settled(timeout=0.2)
    hub.chaos = None
    released.set()
    assert card_updater.settled(timeout=20)
    with pytest.raises(RemoteError):
        Reviewer(owner).accept(99)


def test_an_unexpected_error_is_reported_and_the_next_merge_is_counted(owner, hub, drawn, caplog):
    class Stumbles(RowIndex):
        stumbled = False

        def update(self, *args, **options):
            if not self.stumbled:
                self.stumbled = True
                raise IndexError("a row's own words")
            return super().update(*args, **options)

    card_updater = CardUpdater(Stumbles(), pace=QUICK)
    put(owner, drawn(1))
    card_updater.merged(owner.repo)
    assert card_updater.settled(timeout=20)
    assert "an unexpected error (IndexError)" in card_updater.trouble
    assert "IndexError at " in caplog.text
    assert "own words" not in caplog.text
    card_updater.merged(owner.repo)
    assert card_updater.settled(timeout=20)
    assert (card_updater.trouble, "1 contribution" in card(hub)) == ("", True)
