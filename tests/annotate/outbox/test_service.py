"""A service token that is set later leaves to the maintainer what was proposed before."""

from __future__ import annotations

import pytest

from annotate.dataset.layout import row_path
from annotate.outbox.queue import Entry, State
from annotate.review.reviewer import Desk as Review
from tests.annotate.outbox.test_courier import Desk


@pytest.fixture
def proposed(dataset, tmp_path, correction):
    """The outbox of an app without a service token, its one contribution proposed."""
    desk = Desk(tmp_path)
    desk.courier.lend("guest", "hf_guest")
    desk.saved(correction)
    return correction


def test_a_rejected_contribution_is_not_committed(proposed, owner, dataset, tmp_path):
    Review(owner).reject(1, "This is my daughter, no.")
    desk = Desk(tmp_path, service_token="hf_owner")
    assert desk.courier.step() == 1
    assert desk.told(proposed) == "Refused: This is my daughter, no."
    assert row_path(proposed.content_id) not in dataset.tree()


def test_what_waits_for_a_decision_waits_on_and_its_decision_is_seen(
    proposed, owner, dataset, tmp_path, drawn
):
    desk = Desk(tmp_path, service_token="hf_owner")
    assert desk.saved(drawn(2)) == "Merged."
    Review(owner).ask(1, "The left ear?")
    desk.courier.step()
    assert desk.told(proposed) == "Pull request #1 is open, and you are asked: The left ear?"
    assert row_path(proposed.content_id) not in dataset.tree()
    Review(owner).accept(1)
    desk.courier.step()
    assert desk.told(proposed) == "Merged (pull request #1)."


def test_the_pull_request_of_another_dataset_decides_nothing(proposed, guest, owner, tmp_path):
    desk = Desk(tmp_path, service_token="hf_owner")
    guest.repo.commit({"x": b""}, title="Something else", pull_request=True)
    owner.repo.merge(2)
    desk.tray.note(Entry(proposed.content_id, state=State.PROPOSED, number=2))
    desk.courier.step()
    assert desk.told(proposed) == "Pull request #2 is open."
