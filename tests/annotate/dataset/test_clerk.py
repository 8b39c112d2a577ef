"""After a merge the card is renewed: soon, seldom, again after failures, never in the way."""

from __future__ import annotations

import threading

import pytest

from annotate.dataset.card_updater import Clerk, ClerkPace
from annotate.dataset.index import Ledger
from annotate.dataset.proposals import Parcel
from annotate.errors import RemoteError
from annotate.outbox.queue import Outbox
from annotate.outbox.sender import Courier, Pace
from annotate.review.reviewer import Desk
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO

QUICK = ClerkPace(soon=0.0, every=0.0, longest=0.01)


@pytest.fixture
def clerk():
    return Clerk(Ledger(), pace=QUICK)


def put(store, *corrections):
    store.commit([Parcel(to_parquet(correction)) for correction in corrections])


def card(hub):
    return hub.files("dataset", REPO)["README.md"].decode()


def test_an_accepted_contribution_is_counted_on_the_card(clerk, owner, guest, hub, drawn):
    guest.propose(Parcel(to_parquet(drawn(1))))
    Desk(owner).accept(1)
    clerk.merged(owner.repo)
    assert clerk.settled(timeout=20)
    assert "1 contribution by 1 contributor" in card(hub)
    assert b"<svg" in hub.files("dataset", REPO)["growth.svg"]


def test_a_busy_hub_is_tried_again_and_the_merge_stays(clerk, owner, hub, drawn):
    put(owner, drawn(1))
    hub.fail("/resolve/.*parquet", 429, times=2, headers={"Retry-After": "0"})
    hub.fail("/commit/", 500, headers={"Retry-After": "0"})
    clerk.merged(owner.repo)
    assert clerk.settled(timeout=20)
    assert "1 contribution" in card(hub)
    assert clerk.trouble == ""


def test_a_token_that_may_not_is_said_and_not_tried_for_ever(clerk, owner, guest, hub, drawn):
    put(owner, drawn(1))
    clerk.merged(guest.repo)
    assert clerk.settled(timeout=20)
    assert "this account may not do that on owner/faces" in clerk.trouble
    clerk.merged(owner.repo)
    assert clerk.settled(timeout=20)
    assert (clerk.trouble, "1 contribution" in card(hub)) == ("", True)


def test_many_merges_are_counted_once_and_cost_few_requests(owner, hub, drawn):
    clerk = Clerk(Ledger(), pace=ClerkPace(soon=0.3, every=0.0))
    put(owner, *[drawn(n) for n in range(10)])
    hub.log.clear()
    for _ in range(10):
        clerk.merged(owner.repo)
    assert clerk.settled(timeout=20)
    assert "10 contributions" in card(hub)
    assert len(hub.requests("/commit/")) == 1
    assert len(hub.log) <= 10 + 12  # each row once, and the card


def test_a_renewal_waits_its_turn(owner, hub, drawn):
    assert 3600 / ClerkPace().every + 3600 / Pace().batch < 100
    clerk = Clerk(Ledger(), pace=ClerkPace(soon=0.0, every=3600.0))
    for number in (1, 2):
        put(owner, drawn(number))
        clerk.merged(owner.repo)
        clerk.settled(timeout=3.0)
    assert "1 contribution" in card(hub)


def test_a_large_dataset_is_counted_in_parts(owner, hub, drawn):
    clerk = Clerk(Ledger(), pace=ClerkPace(soon=0.0, every=0.0, files=2))
    put(owner, *[drawn(n) for n in range(5)])
    clerk.merged(owner.repo)
    assert clerk.step() == 0.0
    assert clerk.settled(timeout=20)
    assert "5 contributions" in card(hub)


def test_direct_commits_of_the_courier_are_counted_too(clerk, dataset, hub, drawn, tmp_path):
    courier = Courier(Outbox(tmp_path), REPO, service_token="hf_owner", pace=Pace(batch=0.0))
    courier.merged = clerk.merged
    courier.outbox.tray("guest").put(drawn(1))
    courier.step()
    assert clerk.settled(timeout=20)
    assert "1 contribution" in card(hub)


def test_a_merge_returns_at_once_although_the_hub_hangs(clerk, owner, hub, drawn):
    put(owner, drawn(1))
    released = threading.Event()
    hub.chaos = lambda method, path: released.wait(5) and None
    clerk.merged(owner.repo)
    assert not clerk.settled(timeout=0.2)
    hub.chaos = None
    released.set()
    assert clerk.settled(timeout=20)
    with pytest.raises(RemoteError):
        Desk(owner).accept(99)


def test_what_nobody_foresaw_is_told_and_the_next_merge_finds_a_clerk(owner, hub, drawn, caplog):
    class Stumbles(Ledger):
        stumbled = False

        def update(self, *args, **options):
            if not self.stumbled:
                self.stumbled = True
                raise IndexError("a row's own words")
            return super().update(*args, **options)

    clerk = Clerk(Stumbles(), pace=QUICK)
    put(owner, drawn(1))
    clerk.merged(owner.repo)
    assert clerk.settled(timeout=20)
    assert "something unforeseen (IndexError)" in clerk.trouble
    assert "IndexError at " in caplog.text
    assert "own words" not in caplog.text
    clerk.merged(owner.repo)
    assert clerk.settled(timeout=20)
    assert (clerk.trouble, "1 contribution" in card(hub)) == ("", True)
