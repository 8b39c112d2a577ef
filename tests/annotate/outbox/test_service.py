"""A service token that is set later leaves to the maintainer what was proposed before."""

from __future__ import annotations

import pytest

from annotate.dataset.layout import row_path
from annotate.outbox.queue import Entry, State
from annotate.review.reviewer import Reviewer
from tests.annotate.outbox.test_sender import Sending


@pytest.fixture
def proposed(dataset, tmp_path, correction):
    """The outbox of an app without a service token, its one contribution proposed."""
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    sending.saved(correction)
    return correction


def test_a_rejected_contribution_is_not_committed(proposed, owner, dataset, tmp_path):
    Reviewer(owner).reject(1, "This is my daughter, no.")
    sending = Sending(tmp_path, service_token="hf_owner")
    assert sending.sender.step() == 1
    assert sending.shown(proposed) == "Refused: This is my daughter, no."
    assert row_path(proposed.content_id) not in dataset.tree()


def test_a_contribution_waits_until_its_decision_is_seen(proposed, owner, dataset, tmp_path, drawn):
    sending = Sending(tmp_path, service_token="hf_owner")
    assert sending.saved(drawn(2)) == "Merged."
    Reviewer(owner).ask(1, "The left ear?")
    sending.sender.step()
    assert sending.shown(proposed) == "Pull request #1 is open, and you are asked: The left ear?"
    assert row_path(proposed.content_id) not in dataset.tree()
    Reviewer(owner).accept(1)
    sending.sender.step()
    assert sending.shown(proposed) == "Merged (pull request #1)."


def test_the_pull_request_of_another_dataset_decides_nothing(proposed, guest, owner, tmp_path):
    sending = Sending(tmp_path, service_token="hf_owner")
    guest.repo.commit({"x": b""}, title="Something else", pull_request=True)
    owner.repo.merge(2)
    sending.queue.note(Entry(proposed.content_id, state=State.PROPOSED, number=2))
    sending.sender.step()
    assert sending.shown(proposed) == "Pull request #2 is open."
