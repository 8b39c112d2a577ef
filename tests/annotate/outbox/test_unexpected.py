"""An unexpected answer of the Hub stops one contribution, and the sender continues."""

from __future__ import annotations

import time

import pytest

from annotate.outbox.sender import UNEXPECTED
from tests.annotate.outbox.test_sender import Sending


@pytest.mark.parametrize("service_token", [None, "hf_owner"])
def test_an_unexpected_answer_is_logged_without_its_message_and_the_next_row_is_sent(
    dataset, hub, tmp_path, drawn, caplog, service_token
):
    sending = Sending(tmp_path, service_token=service_token)
    sending.sender.set_token("guest", "hf_guest")
    # The account, or the head of the dataset, is asked first.
    hub.fail("/revision/" if service_token else "/whoami", 200)
    first, second = drawn(1), drawn(2)
    sending.queue.put(first)
    sending.sender.step()
    assert sending.shown(first) == f"Saved here and waiting to be sent: {UNEXPECTED}."
    assert "unexpected " in caplog.text
    assert "hf_" not in caplog.text.replace("hf_api", "")
    sending.queue.put(second)
    sending.sender.step()
    assert sending.shown(second) == ("Merged." if service_token else "Pull request #1 is open.")


class Broken(Exception):
    """An error of a kind that no handler expects."""


def test_the_sender_survives_an_unexpected_error(dataset, tmp_path, drawn, caplog):
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    real, turns = sending.outbox.queues, []

    def queues():
        turns.append(1)
        if len(turns) == 1:
            raise Broken("hf_secret")
        return real()

    sending.outbox.queues = queues
    sending.queue.put(drawn(1))
    sending.sender.start()
    until = time.monotonic() + 30
    while sending.shown(drawn(1)) != "Pull request #1 is open." and time.monotonic() < until:
        time.sleep(0.05)
    sending.sender.stop()
    assert sending.shown(drawn(1)) == "Pull request #1 is open."
    assert "unexpected Broken at test_unexpected.py" in caplog.text
    assert "hf_secret" not in caplog.text
