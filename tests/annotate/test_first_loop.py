"""From a correction to a pull request to a loaded dataset, with the real client over HTTP."""

from __future__ import annotations

from annotate.courier import Courier
from annotate.outbox import Outbox, State
from annotate.store_hub import HubStore
from segface_hf.labels import CELEBAMASK_HQ


def test_a_saved_correction_becomes_a_pull_request_and_is_merged(hub, tmp_path, correction):
    owner, guest = hub.token("owner"), hub.token("guest")
    HubStore("owner/faces", token=owner).create(CELEBAMASK_HQ)
    outbox = Outbox(tmp_path)
    tray = outbox.tray("guest")
    assert tray.put(correction).sentence == "Saved here."

    courier = Courier(outbox, "owner/faces")
    assert courier.step() == 0
    assert tray.entry(correction.content_id).sentence == (
        "Saved here and waiting to be sent: sign in again to send it."
    )
    courier.lend("guest", guest)
    assert courier.step() == 1
    assert tray.entry(correction.content_id).sentence == "Pull request #1 is open."

    HubStore("owner/faces", token=owner).repo.merge(1)
    courier.lend("guest", guest)
    assert courier.step() == 1
    assert tray.entry(correction.content_id).state is State.MERGED
    path = f"data/train/{correction.content_id[:2]}/{correction.content_id}.parquet"
    assert path in hub.files("dataset", "owner/faces")
