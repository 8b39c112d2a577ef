"""A takedown closes every open pull request that it can, and says which it can't."""

from __future__ import annotations

import pytest

from annotate.dataset.proposals import ConsentedRow
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO


@pytest.fixture
def waiting(guest, dataset, drawn):
    """Returns the state of three open pull requests."""
    for number in (1, 2, 3):
        guest.propose(ConsentedRow(to_parquet(drawn(number))))
    return lambda: [dataset.discussions[number].status for number in (1, 2, 3)]


def test_a_busy_hub_is_asked_again(waiting, hub, say):
    hub.fail("/discussions/2/status", 429, times=1, headers={"Retry-After": "0"})
    code, out, _ = say("takedown", "--repo", REPO, "--contributor", "guest")
    assert (code, waiting()) == (0, ["closed"] * 3)
    assert "squash the history" in out


def test_a_request_that_stays_open_is_named_and_the_others_are_closed(waiting, hub, say):
    hub.fail("/discussions/1/status", 429, times=9, headers={"Retry-After": "900"})
    code, out, complaint = say("takedown", "--repo", REPO, "--contributor", "guest")
    assert (code, waiting()) == (1, ["open", "closed", "closed"])
    assert "#1 is still open (the Hub asks to slow down): run this again" in complaint
    assert "squash the history" in out
