"""Open pull requests are looked after in turn, however many there are."""

from __future__ import annotations

import pytest

from tests.annotate.outbox.test_courier import Desk

MANY = 23  # three more than are asked about at one look


@pytest.fixture
def desk(dataset, tmp_path, drawn):
    """A contributor's outbox, everything in it proposed."""
    desk = Desk(tmp_path)
    desk.courier.lend("guest", "hf_guest")
    for number in range(MANY):
        desk.tray.put(drawn(number))
    desk.courier.step()
    return desk


def test_what_is_asked_on_more_requests_than_fit_in_one_look_is_heard_after_some(desk, owner):
    for entry in desk.tray.entries():
        owner.repo.comment(entry.number, f"What is it in {entry.number}?")
    desk.courier.step()
    desk.courier.step()
    heard = {entry.number: entry.reason for entry in desk.tray.entries()}
    assert heard == {n: f"What is it in {n}?" for n in range(1, MANY + 1)}
    owner.repo.comment(min(heard), "And now?")
    desk.courier.step()
    desk.courier.step()
    assert {e.reason for e in desk.tray.entries() if e.number == min(heard)} == {"And now?"}
