"""The outbox keeps what was saved, and shows its state to its contributor only."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from annotate.errors import ConsentError, StoreError
from annotate.outbox.queue import MOST_PER_QUEUE, Entry, Outbox, State, queue_name
from annotate.rows.photo_hash import photo_hash


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "outbox")


def test_a_saved_correction_is_on_disk_when_put_returns(outbox, correction):
    entry = outbox.queue("guest").put(correction)
    assert (entry.state, entry.sentence) == (State.SAVED, "Saved here.")
    again = Outbox(outbox.root).queue("guest")
    assert np.array_equal(again.load(correction.content_id).mask, correction.mask)


def test_putting_a_row_twice_changes_nothing(outbox, correction):
    queue = outbox.queue("guest")
    queue.put(correction)
    noted = queue.note(Entry(correction.content_id, state=State.PROPOSED, number=12))
    assert queue.put(correction) == noted
    assert [entry.sentence for entry in queue.entries()] == ["Pull request #12 is open."]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (Entry("0" * 32), "Saved here."),
        (Entry("0" * 32, reason="you have not agreed"), "Saved here: you have not agreed."),
        (Entry("0" * 32, State.WAITING, "busy"), "Saved here and waiting to be sent: busy."),
        (Entry("0" * 32, State.PROPOSED, number=12), "Pull request #12 is open."),
        (Entry("0" * 32, State.MERGED, number=12), "Merged (pull request #12)."),
        (Entry("0" * 32, State.MERGED), "Merged."),
        (Entry("0" * 32, State.REFUSED, "no face"), "Refused: no face."),
    ],
)
def test_every_state_is_a_sentence(entry, sentence):
    assert entry.sentence == sentence


@pytest.mark.parametrize("state", [State.MERGED, State.REFUSED])
def test_a_decided_contribution_loses_its_photo_and_keeps_its_state(outbox, correction, state):
    queue = outbox.queue("guest")
    queue.put(correction)
    queue.note(Entry(correction.content_id, state=State.PROPOSED, number=12))
    queue.note(Entry(correction.content_id, state=state, reason="why", number=12))
    assert list(outbox.root.rglob("*.parquet")) == []
    (entry,) = queue.entries()
    assert (entry.state, entry.reason) == (state, "why")
    assert list(queue.open_entries()) == []
    with pytest.raises(StoreError, match="no contribution"):
        queue.load(correction.content_id)
    assert queue.put(correction) == entry
    assert list(outbox.root.rglob("*.parquet")) == []


def test_a_decided_photo_that_a_crash_left_behind_is_removed_later(outbox, correction):
    """Earlier versions left those that were refused."""
    queue = outbox.queue("guest")
    queue.put(correction)
    row = (queue.folder / f"{correction.content_id}.parquet").read_bytes()
    queue.note(Entry(correction.content_id, state=State.REFUSED, reason="why"))
    (queue.folder / f"{correction.content_id}.parquet").write_bytes(row)
    assert list(queue.open_entries()) == []
    assert list(outbox.root.rglob("*.parquet")) == []
    assert queue.entry(correction.content_id).sentence == "Refused: why."


def test_consent_given_later_replaces_the_row_saved_without(outbox, drawn):
    queue = outbox.queue("guest")
    queue.put(drawn(1, consent=None))
    with pytest.raises(ConsentError, match="has no consent to share it"):
        queue.consented(drawn(1).content_id)
    queue.put(drawn(1))
    assert queue.consented(drawn(1).content_id).facts["consent_right"] == "own"
    queue.put(drawn(1, consent=None))
    assert queue.consented(drawn(1).content_id).facts["consent_right"] == "own"


def test_a_contributor_cannot_read_the_queue_of_another(outbox, correction):
    outbox.queue("guest").put(correction)
    for key in ("Guest", "guest ", "", "../guest", queue_name("guest")):
        outsider = outbox.queue(key)
        assert outsider.entries() == ()
        for reading in (outsider.load, outsider.entry, outsider.consented):
            with pytest.raises(StoreError, match=r"no contribution .* of yours"):
                reading(correction.content_id)


def test_a_contributor_cannot_write_to_the_queue_of_another(outbox, correction):
    mine = outbox.queue("guest")
    entry = mine.put(correction)
    outbox.queue("other").put(correction)
    outbox.queue("other").note(Entry(correction.content_id, state=State.REFUSED, reason="spite"))
    assert mine.entry(correction.content_id) == entry


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "", "A" * 32, "0" * 31])
def test_an_id_is_never_a_path(outbox, name):
    queue = outbox.queue("guest")
    for reading in (queue.load, queue.entry, queue.consented):
        with pytest.raises(StoreError, match="32 hexadecimal digits"):
            reading(name)


def test_the_folder_of_a_queue_has_a_hashed_name_and_no_access_for_others(outbox, correction):
    outbox.queue("guest").put(correction)
    (folder,) = (path for path in outbox.root.iterdir() if path.is_dir())
    assert "guest" not in folder.name
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_damaged_notes_are_ignored(outbox, correction):
    queue = outbox.queue("guest")
    queue.put(correction)
    for notes in ("", "{", "[]", '{"state": "lost"}', json.dumps({"state": "saved", "x": 1})):
        (queue.folder / f"{correction.content_id}.json").write_text(notes)
        assert queue.entry(correction.content_id).state is State.SAVED


def test_a_clock_that_jumps_back_does_not_postpone_anything():
    waiting = Entry("0" * 32, State.WAITING, since=1000.0, delay=60.0)
    assert not waiting.is_due(1030.0)
    assert waiting.is_due(1060.0)
    assert waiting.is_due(999.0)
    assert replace(waiting, delay=0.0).is_due(1000.0)


def test_a_contributor_cannot_fill_the_disk_alone(outbox, drawn):
    queue = outbox.queue("guest")
    queue.folder.mkdir(parents=True)
    for number in range(MOST_PER_QUEUE):
        (queue.folder / f"{number:032x}.parquet").touch()
    with pytest.raises(StoreError, match="500 contributions wait here already"):
        queue.put(drawn(1))
    assert outbox.queue("other").put(drawn(1)).state is State.SAVED


def test_sent_rows_do_not_count_against_the_limit_of_waiting_rows(outbox, drawn):
    queue = outbox.queue("guest")
    queue.folder.mkdir(parents=True)
    for number in range(MOST_PER_QUEUE):
        (queue.folder / f"{number:032x}.parquet").touch()
    queue.note(Entry("0" * 32, state=State.PROPOSED, number=1))
    assert queue.put(drawn(1)).state is State.SAVED
    with pytest.raises(StoreError, match="500 contributions wait here already"):
        queue.put(drawn(2))
    queue.note(Entry(f"{1:032x}", state=State.REFUSED, reason="why"))
    assert queue.put(drawn(2)).state is State.SAVED


def test_look_alike_photos_of_all_contributors_are_found(outbox, drawn):
    outbox.queue("other").put(drawn(1))
    brighter = np.clip(drawn(1).image.astype(int) + 2, 0, 255).astype(np.uint8)
    assert outbox.near_duplicates(photo_hash(brighter)) == (drawn(1).content_id,)
    assert outbox.near_duplicates(photo_hash(drawn(2).image)) == ()


def test_an_unwritable_folder_is_reported_in_one_sentence(tmp_path, correction):
    (tmp_path / "outbox").write_text("")
    with pytest.raises(StoreError, match="can't be written"):
        Outbox(tmp_path / "outbox").queue("guest").put(correction)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on file sizes")
def test_a_full_disk_is_reported_and_leaves_no_partial_row(tmp_path, correction):
    """A process that may not write more than 8 kB a file stands for one whose disk is full."""
    script = """
        import resource, signal, sys
        from annotate.errors import StoreError
        from annotate.outbox.queue import Outbox
        from tests.annotate.conftest import draw
        correction = draw(1)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        try:
            Outbox(sys.argv[1]).queue("guest").put(correction)
        except StoreError as error:
            print(error)
    """
    run = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "is full: free some space and save again" in done.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert Outbox(tmp_path).queue("guest").entries() == ()
    assert Outbox(tmp_path).queue("guest").put(correction).sentence == "Saved here."
