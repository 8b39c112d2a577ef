"""Trouble that a person must mend: a clear sentence each, and nothing lost meanwhile."""

from __future__ import annotations

import pytest

from tests.annotate.conftest import REPO
from tests.annotate.outbox.test_sender import Sending


@pytest.mark.parametrize("trouble", ["role", "expired", "gated", "missing", "version", "labels"])
def test_rows_wait_while_a_person_must_change_something(
    dataset, owner, hub, tmp_path, correction, trouble
):
    """Each says what is wrong, keeps the row, and goes on once it is mended."""
    card, guest = hub.files("dataset", REPO)["README.md"], hub.accounts["hf_guest"]
    wrong = {
        "version": card.replace(b"record_version: 1", b"record_version: 2"),
        "labels": card.replace(b"schema: celebamask_hq", b"schema: lapa"),
    }
    shown = {
        "role": "this account may not do that on owner/faces",
        "expired": "the sign-in is missing or has expired: sign in again; off a Space run `hf auth",
        "gated": "the dataset owner/faces is gated: ask its owner for access",
        "missing": "the dataset owner/faces does not exist or is hidden from this account",
        "version": "holds rows of version 2, this app writes 1: update whichever is older",
        "labels": "it belongs in another dataset",
    }

    def mend(broken):
        guest.role = "read" if broken and trouble == "role" else "write"
        dataset.gated = "manual" if broken and trouble == "gated" else False
        dataset.private = broken and trouble == "missing"
        hub.accounts.pop("hf_guest", None)
        if not (broken and trouble == "expired"):
            hub.accounts["hf_guest"] = guest
        if trouble in wrong:
            owner.repo.commit({"README.md": wrong[trouble] if broken else card}, title="x")

    mend(broken=True)
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    assert shown[trouble] in sending.saved(correction)
    assert sending.shown(correction).startswith("Saved here and waiting to be sent: ")
    assert sending.queue.load(correction.content_id).content_id == correction.content_id
    mend(broken=False)
    again = Sending(tmp_path)
    again.sender.set_token("guest", "hf_guest")
    again.sender.step()
    assert again.shown(correction) == "Pull request #1 is open."


def test_a_row_that_cannot_be_read_waits_until_it_is_saved_again(dataset, tmp_path, correction):
    sending = Sending(tmp_path)
    sending.sender.set_token("guest", "hf_guest")
    sending.queue.put(correction)
    row = sending.queue.folder / f"{correction.content_id}.parquet"
    row.write_bytes(row.read_bytes()[:-8])
    sending.sender.step()
    shown = sending.shown(correction)
    assert shown.startswith("Saved here and waiting to be sent: the contribution is not a whole ")
    assert shown.endswith("save it again.")
    assert row.is_file()
    assert sending.saved(correction) == "Pull request #1 is open."
