"""From the outbox to the dataset over HTTP: patiently, truthfully, and never twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import pytest

from annotate.correction import Correction
from annotate.dataset.layout import row_path
from annotate.dataset.proposals import ConsentedRow
from annotate.outbox.queue import Outbox, State
from annotate.outbox.sender import LAST_BATCH, Pace, Sender
from annotate.rows.record import to_parquet
from bench import outbox_direct
from bench.outbox import run
from tests.annotate.conftest import REPO

QUICK = Pace(first=0.0, longest=0.0, held=60.0, confirm=0.0, batch=0.0, poll=0.0, idle=0.01)


class Sending:
    """An app's outbox with its sender, and a clock that a test can turn."""

    def __init__(self, root, **sender):
        self.now = 1_000_000.0
        self.outbox = Outbox(root, clock=lambda: self.now)
        self.queue = self.outbox.queue("guest")
        self.sender = Sender(self.outbox, REPO, **{"pace": QUICK, **sender})

    def saved(self, correction: Correction, *, steps: int = 1) -> str:
        """Saves, runs the sender, and returns the sentence that the contributor sees."""
        self.queue.put(correction)
        for _ in range(steps):
            self.sender.step()
        return self.shown(correction)

    def shown(self, correction: Correction) -> str:
        return self.queue.entry(correction.content_id).sentence


@pytest.fixture
def sending(dataset, tmp_path):
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    return sending


def titles(dataset):
    return [discussion.title for discussion in dataset.discussions.values()]


def test_the_state_shown_to_a_contributor_is_true_from_saved_to_merged(
    dataset, owner, tmp_path, correction
):
    sending = Sending(tmp_path)
    assert sending.saved(correction, steps=0) == "Saved here."
    sending.sender.step()
    assert (
        sending.shown(correction) == "Saved here and waiting to be sent: sign in again to send it."
    )
    sending.sender.set_token("guest", "hf_guest")
    assert sending.sender.step() == 1
    assert sending.shown(correction) == "Pull request #1 is open."
    assert dataset.discussions[1].author == "guest"
    owner.repo.merge(1)
    sending.sender.step()
    assert sending.shown(correction) == "Merged (pull request #1)."
    assert row_path(correction.content_id) in dataset.tree()


def test_a_rejected_contribution_says_why(sending, owner, correction):
    sending.saved(correction)
    owner.repo.close(1, comment="The left ear is the right one.")
    sending.sender.step()
    assert sending.shown(correction) == "Refused: The left ear is the right one."
    assert sending.saved(correction) == "Refused: The left ear is the right one."


def test_what_the_maintainer_asks_for_reaches_the_contributor(sending, owner, correction):
    sending.saved(correction)
    owner.repo.comment(1, "Is the left ear right?")
    sending.sender.step()
    shown = "Pull request #1 is open, and you are asked: Is the left ear right?."
    assert sending.shown(correction) == shown.replace("?.", "?")
    owner.repo.merge(1)
    sending.sender.step()
    assert sending.shown(correction) == "Merged (pull request #1)."


def test_without_consent_nothing_leaves_the_machine(sending, dataset, hub, drawn):
    assert sending.saved(drawn(1, consent=None)) == "Saved here: you have not agreed to share it."
    assert hub.requests() == []
    assert dataset.discussions == {}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"status": 429}, "the Hub asks to slow down"),
        ({"status": 409}, "another change to the dataset came first"),
        ({"status": 412}, "another change to the dataset came first"),
        ({"status": 500}, "the Hub has trouble"),
        ({"status": 503}, "the Hub has trouble"),
        ({"cut": True}, "the Hub can't be reached"),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_after_a_transient_failure_one_pull_request_is_opened(
    sending, dataset, hub, correction, fault, sentence, after
):
    hub.fail("/commit/", after=after, times=2 - after, **fault)
    assert sending.saved(correction) == f"Saved here and waiting to be sent: {sentence}."
    for _ in range(2):
        sending.sender.step()
    assert sending.shown(correction) == "Pull request #1 is open."
    assert titles(dataset) == [f"Correction {correction.content_id}"]


@pytest.mark.parametrize("restarted", [False, True], ids=["same app", "restarted app"])
def test_after_a_lost_answer_a_hub_that_lags_does_not_get_a_second_pull_request(
    dataset, hub, tmp_path, correction, restarted
):
    pace = replace(QUICK, confirm=120.0)
    sending = Sending(tmp_path, pace=pace)
    sending.sender.set_token("guest", "hf_guest")
    hub.listing_lag = hub.details_lag = 3600.0
    hub.fail("/commit/", after=True, cut=True)
    assert sending.saved(correction).endswith("the Hub can't be reached.")
    if restarted:
        now, sending = sending.now, Sending(tmp_path, pace=pace)
        sending.now = now
        sending.sender.set_token("guest", "hf_guest")
    for _ in range(6):
        sending.now += 16.0
        sending.sender.step()
        assert sending.shown(correction).endswith("the Hub has not confirmed it yet.")
    hub.details_lag = 0.0
    sending.now += 16.0
    sending.sender.step()
    assert sending.shown(correction) == "Pull request #1 is open."
    assert titles(dataset) == [f"Correction {correction.content_id}"]


def test_a_pull_request_that_the_hub_never_lists_is_found_by_its_number(
    sending, dataset, hub, owner, drawn
):
    hub.listing_lag = 3600.0
    sending.saved(drawn(1))
    hub.fail("/commit/", after=True, cut=True)
    assert sending.saved(drawn(2)).endswith("the Hub can't be reached.")
    owner.propose(ConsentedRow(to_parquet(drawn(2))))  # the same row from another account
    sending.now += 121.0
    sending.sender.step()
    assert sending.shown(drawn(2)) == "Pull request #2 is open."
    assert [d.author for d in dataset.discussions.values()] == ["guest", "guest", "owner"]


def test_a_sign_in_that_expires_does_not_forget_the_request_without_an_answer(
    dataset, hub, tmp_path, correction
):
    sending = Sending(tmp_path, pace=replace(QUICK, confirm=120.0))
    sending.sender.set_token("guest", "hf_guest")
    hub.listing_lag = 3600.0
    hub.fail("/commit/", after=True, cut=True)
    sending.saved(correction)
    guest = hub.accounts.pop("hf_guest")
    sending.now += 16.0
    sending.sender.step()
    assert "sign in again" in sending.shown(correction)
    hub.accounts["hf_new"] = guest
    sending.sender.set_token("guest", "hf_new")
    sending.sender.step()
    assert sending.shown(correction) == "Pull request #1 is open."
    assert len(dataset.discussions) == 1


def test_a_failed_lookup_keeps_the_note_of_an_unanswered_request(
    dataset, hub, tmp_path, correction
):
    sending = Sending(tmp_path, pace=replace(QUICK, confirm=120.0))
    sending.sender.set_token("guest", "hf_guest")
    hub.listing_lag = 3600.0
    hub.fail("/commit/", after=True, status=500)
    sending.saved(correction)
    hub.fail("/discussions", 429, times=2)
    for _ in range(9):
        sending.now += 16.0
        sending.sender.step()
    assert len(dataset.discussions) == 1


def test_a_request_that_never_arrived_is_sent_again_after_some_time(
    dataset, hub, tmp_path, correction
):
    sending = Sending(tmp_path, pace=replace(QUICK, confirm=120.0))
    sending.sender.set_token("guest", "hf_guest")
    hub.fail("/commit/", cut=True)
    sending.saved(correction)
    sending.now += 121.0
    sending.sender.step()
    assert sending.shown(correction) == "Pull request #1 is open."


def test_retry_after_is_respected(dataset, hub, tmp_path, drawn):
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    hub.fail("/commit/", 429, headers={"Retry-After": "3600"})
    sending.saved(drawn(1))
    before = len(hub.log)
    sending.saved(drawn(2), steps=3)
    assert len(hub.log) == before
    assert sending.shown(drawn(2)) == "Saved here."
    assert sending.queue.entry(drawn(1).content_id).delay >= 3600


def test_delays_double_up_to_a_limit(dataset, hub, tmp_path, correction):
    sending = Sending(tmp_path, pace=Pace(first=2.0, longest=10.0))
    sending.sender.set_token("guest", "hf_guest")
    hub.fail("/commit/", 429, times=5)
    delays = []
    for _ in range(5):
        sending.saved(correction)
        delays.append(sending.queue.entry(correction.content_id).delay)
        sending.now += 11.0
    for delay, limit in zip(delays, (2, 4, 8, 10, 10), strict=True):
        assert limit / 2 <= delay <= limit


def test_a_clock_set_back_by_a_year_does_not_stop_the_sender(sending, hub, correction):
    hub.fail("/commit/", 500)
    sending.saved(correction)
    sending.now -= 365 * 86_400
    sending.sender.step()
    assert sending.shown(correction) == "Pull request #1 is open."


def test_notes_that_cannot_be_written_do_not_open_a_second_pull_request(
    sending, dataset, correction
):
    sending.queue.put(correction)
    in_the_way = sending.queue.folder / f"{correction.content_id}.json" / "x"
    in_the_way.mkdir(parents=True)
    with pytest.raises(OSError, match="can't be written"):
        sending.sender.step()
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    sending.sender.step()
    assert sending.shown(correction) == "Pull request #1 is open."
    assert len(dataset.discussions) == 1


def test_a_lost_outbox_finds_the_earlier_pull_request(sending, dataset, tmp_path, correction):
    sending.saved(correction)
    other = Sending(tmp_path / "fresh")
    other.sender.set_token("guest", "hf_guest")
    assert other.saved(correction) == "Pull request #1 is open."
    assert len(dataset.discussions) == 1


def test_a_service_token_batches_rows_into_one_commit(dataset, hub, tmp_path, drawn):
    sending = Sending(tmp_path, service_token="hf_owner")
    for number in range(5):
        sending.outbox.queue(f"guest{number}").put(drawn(number, contributor=f"guest{number}"))
    sending.outbox.queue("x").put(drawn(9, consent=None))
    assert sending.sender.step() == 5
    assert len(hub.requests("/commit/main")) == 1
    rows = [path for path in dataset.tree() if path.startswith("data/")]
    assert sorted(rows) == sorted(row_path(drawn(n).content_id) for n in range(5))
    assert sending.outbox.queue("guest3").entry(drawn(3).content_id).sentence == "Merged."


def test_a_batch_whose_answer_was_lost_is_not_sent_again(dataset, hub, tmp_path, drawn):
    sending = Sending(tmp_path, service_token="hf_owner")
    hub.fail("/commit/", 500, after=True)
    for number in range(3):
        sending.queue.put(drawn(number))
    assert sending.sender.step() == 3
    assert len(hub.requests("/commit/")) == 1


def test_direct_commits_stay_below_the_limit_of_128_an_hour(dataset, hub, tmp_path, drawn):
    assert 3600 / Pace().batch <= 64
    sending = Sending(tmp_path, service_token="hf_owner", pace=Pace())
    assert sending.saved(drawn(1), steps=3) == "Merged."
    assert sending.saved(drawn(2), steps=3) == "Saved here."
    assert len(hub.requests("/commit/")) == 1


def test_the_rate_of_direct_commits_survives_a_crash(dataset, hub, tmp_path, drawn):
    """An app that is restarted again and again would spend the Hub's 128 an hour in no time."""
    for number in range(4):
        restarted = Sending(tmp_path, service_token="hf_owner", pace=Pace())
        restarted.saved(drawn(number))
    assert len(hub.requests("/commit/")) == 1
    past = time.time() - 61
    os.utime(tmp_path / LAST_BATCH, (past, past))
    restarted = Sending(tmp_path, service_token="hf_owner", pace=Pace())
    restarted.sender.step()
    assert len(hub.requests("/commit/")) == 2
    assert restarted.shown(drawn(3)) == "Merged."
    ahead = time.time() + 86_400  # and the clock jumps back
    os.utime(tmp_path / LAST_BATCH, (ahead, ahead))
    assert Sending(tmp_path, service_token="hf_owner", pace=Pace()).saved(drawn(9)) == "Merged."


def test_without_the_owner_s_choice_nothing_is_pushed_with_a_server_token(
    dataset, hub, tmp_path, drawn
):
    sending = Sending(tmp_path)
    sending.saved(drawn(1), steps=3)
    assert hub.requests() == []


def test_tokens_are_never_written_to_disk(sending, correction):
    sending.saved(correction)
    files = [path for path in sending.outbox.root.rglob("*") if path.is_file()]
    assert files
    assert not any(b"hf_guest" in path.read_bytes() for path in files)


def test_the_thread_sends_what_is_put_and_stops_cleanly(dataset, tmp_path, correction):
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    sending.sender.start()
    try:
        sending.queue.put(correction)
        sending.sender.wake()
        for _ in range(500):
            if sending.queue.entry(correction.content_id).state is State.PROPOSED:
                break
            threading.Event().wait(0.02)
    finally:
        sending.sender.stop()
    assert sending.shown(correction) == "Pull request #1 is open."


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_the_next_sender_sends_what_a_killed_one_left(dataset, hub, tmp_path, drawn, ending):
    script = """
        import sys
        from annotate.outbox.sender import LAST_BATCH, Sender, Pace
        from annotate.outbox.queue import Outbox
        sender = Sender(Outbox(sys.argv[1]), "owner/faces", pace=Pace(first=0.0, idle=0.01))
        sender.set_token("guest", "hf_guest")
        sender.run()
    """
    sending = Sending(tmp_path)
    for number in range(6):
        sending.queue.put(drawn(number))
    run = [sys.executable, "-c", textwrap.dedent(script), str(sending.outbox.root)]
    with subprocess.Popen(run, stderr=subprocess.DEVNULL) as sender:
        while len(dataset.discussions) < 2:
            assert sender.poll() is None
        os.kill(sender.pid, ending)
    sending.sender.set_token("guest", "hf_guest")
    sending.sender.step()
    assert sorted(titles(dataset)) == sorted(f"Correction {drawn(n).content_id}" for n in range(6))
    assert all(entry.state is State.PROPOSED for entry in sending.queue.entries())


@pytest.mark.slow
def test_a_killed_app_neither_loses_nor_duplicates_a_row(tmp_path):
    """The Hub fails, and its lists lag; the same at full size is `python -m bench.outbox`."""
    result = run(48, writers=8, kills=3, share=0.1, lag=2.0, folder=tmp_path / "outbox")
    assert result.exact, result
    assert result.faults > 0
    assert result.kills == 3


@pytest.mark.slow
def test_a_kill_during_a_commit_with_the_owners_token_neither_loses_nor_duplicates_a_row(
    tmp_path,
):
    """The same at full size and pace is `python -m bench.outbox_direct`."""
    result = outbox_direct.run(
        64, writers=16, kills=3, share=0.3, folder=tmp_path / "outbox", batch=(8, 0.5)
    )
    assert result.exact, result
    assert result.faults > 0
    assert result.kills == 3
    assert result.commits >= 64 / 8 + 3
