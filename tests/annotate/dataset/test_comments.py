"""Only comments of maintainers are shown as theirs."""

from __future__ import annotations

import pytest

from annotate.dataset.proposals import ConsentedRow, HubStore
from annotate.review.reviewer import Reviewer
from annotate.rows.record import to_parquet
from segface_hf.labels import CELEBAMASK_HQ
from tests.annotate.conftest import REPO


@pytest.fixture
def outsider(hub, dataset):
    return HubStore(REPO, token=hub.token("outsider"))


def test_a_comment_of_another_account_is_not_shown_as_a_question(guest, owner, outsider, drawn):
    number = guest.propose(ConsentedRow(to_parquet(drawn(1)))).number
    outsider.repo.comment(number, "Verify your account at evil.example")
    assert guest.said(number) == ""
    Reviewer(owner).ask(number, "The left ear?")
    outsider.repo.comment(number, "Verify your account at evil.example")
    assert guest.said(number) == "The left ear?"


def test_a_comment_of_another_account_is_not_shown_as_a_reason(guest, owner, outsider, drawn):
    number = guest.propose(ConsentedRow(to_parquet(drawn(1)))).number
    owner.repo.close(number, comment="")
    outsider.repo.comment(number, "Your face is ugly")
    assert guest.reason(number) == "the maintainer gave no reason"


def test_a_comment_of_an_organization_member_is_shown(hub, drawn):
    member = HubStore("lab/faces", token=hub.token("member", organizations=("lab",)))
    member.create(CELEBAMASK_HQ)
    guest = HubStore("lab/faces", token=hub.token("guest"))
    number = guest.propose(ConsentedRow(to_parquet(drawn(1)))).number
    Reviewer(member).ask(number, "The left ear?")
    assert guest.said(number) == "The left ear?"
