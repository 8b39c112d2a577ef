"""An answer of the Hub that nobody foresaw stops one contribution, and the courier goes on."""

from __future__ import annotations

import time

import pytest

from annotate.outbox.sender import UNFORESEEN
from tests.annotate.outbox.test_courier import Desk


@pytest.mark.parametrize("service_token", [None, "hf_owner"])
def test_an_unforeseen_answer_is_logged_without_its_words_and_the_next_one_is_sent(
    dataset, hub, tmp_path, drawn, caplog, service_token
):
    desk = Desk(tmp_path, service_token=service_token)
    desk.courier.lend("guest", "hf_guest")
    # The account, or the head of the dataset, is asked first.
    hub.fail("/revision/" if service_token else "/whoami", 200)
    first, second = drawn(1), drawn(2)
    desk.tray.put(first)
    desk.courier.step()
    assert desk.told(first) == f"Saved here and waiting to be sent: {UNFORESEEN}."
    assert "unforeseen " in caplog.text
    assert "hf_" not in caplog.text.replace("hf_api", "")
    desk.tray.put(second)
    desk.courier.step()
    assert desk.told(second) == ("Merged." if service_token else "Pull request #1 is open.")


class Broken(Exception):
    """What nobody foresaw."""


def test_the_courier_outlives_what_nobody_foresaw(dataset, tmp_path, drawn, caplog):
    desk = Desk(tmp_path)
    desk.courier.lend("guest", "hf_guest")
    real, turns = desk.outbox.trays, []

    def trays():
        turns.append(1)
        if len(turns) == 1:
            raise Broken("hf_secret")
        return real()

    desk.outbox.trays = trays
    desk.tray.put(drawn(1))
    desk.courier.start()
    until = time.monotonic() + 30
    while desk.told(drawn(1)) != "Pull request #1 is open." and time.monotonic() < until:
        time.sleep(0.05)
    desk.courier.stop()
    assert desk.told(drawn(1)) == "Pull request #1 is open."
    assert "unforeseen Broken at test_unforeseen.py" in caplog.text
    assert "hf_secret" not in caplog.text
