"""Open pull requests are looked after in turn, however many there are."""

from __future__ import annotations

import pytest

from tests.annotate.outbox.test_sender import Sending

MANY = 23  # three more than are asked about at one look


@pytest.fixture
def sending(dataset, tmp_path, drawn):
    """A contributor's outbox, everything in it proposed."""
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    for number in range(MANY):
        sending.queue.put(drawn(number))
    sending.sender.step()
    return sending


def test_questions_on_many_pull_requests_are_all_seen_after_several_looks(sending, owner):
    for entry in sending.queue.entries():
        owner.repo.comment(entry.number, f"What is it in {entry.number}?")
    sending.sender.step()
    sending.sender.step()
    heard = {entry.number: entry.reason for entry in sending.queue.entries()}
    assert heard == {n: f"What is it in {n}?" for n in range(1, MANY + 1)}
    owner.repo.comment(min(heard), "And now?")
    sending.sender.step()
    sending.sender.step()
    assert {e.reason for e in sending.queue.entries() if e.number == min(heard)} == {"And now?"}
