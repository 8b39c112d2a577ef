"""All anonymous queues together hold a bounded number of rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from annotate.errors import StoreError
from annotate.outbox.queue import AnonymousLimit, Outbox


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path)


def put(outbox, correction, key, number=0):
    mask = correction.mask.copy()
    mask[0, 0] = number
    return outbox.queue(key).put(replace(correction, mask=mask)).id


def test_a_new_session_for_every_row_does_not_lift_the_limit(outbox, now, correction):
    unclaimed = AnonymousLimit(outbox, 3, clock=lambda: now[0])
    for number in range(3):
        unclaimed.admit(outbox.queue(f"session:{number}"))
        put(outbox, correction, f"session:{number}")
    with pytest.raises(StoreError, match="3 corrections without an account wait here already"):
        unclaimed.admit(outbox.queue("session:new"))
    assert not outbox.queue("session:new").folder.exists()
    again = AnonymousLimit(outbox, 3, clock=lambda: now[0])  # after a restart
    with pytest.raises(StoreError, match="save with an account, or ask the operator of this app"):
        again.admit(outbox.queue("session:new"))


def test_sent_rows_and_rows_of_accounts_do_not_count_against_the_limit(outbox, now, correction):
    unclaimed = AnonymousLimit(outbox, 1, clock=lambda: now[0])
    for number in range(5):
        put(outbox, correction, "ada", number)
    unclaimed.admit(outbox.queue("session:a"))
    sent = put(outbox, correction, "session:a")
    with pytest.raises(StoreError):
        unclaimed.admit(outbox.queue("session:b"))
    outbox.queue("session:a").forget(sent)
    now[0] = 11.0
    unclaimed.admit(outbox.queue("session:b"))
    assert len(outbox.queues()) == 3
