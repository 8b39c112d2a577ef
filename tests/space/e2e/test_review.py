"""A maintainer reviews a pull request in the browser, against a Hub on this machine."""

from __future__ import annotations

import numpy as np

from annotate.consent import Consent
from annotate.correction import Correction, ModelUsed
from annotate.parcel import Parcel
from annotate.record import to_parquet
from annotate.store_hub import HubStore
from segface_hf.labels import CELEBAMASK_HQ
from tests.space.conftest import noise, painted_face
from tests.space.e2e.conftest import start, stop

REPO = "owner/faces"


def test_a_contribution_is_looked_at_and_merged(hub, open_page, tmp_path):
    HubStore(REPO, token=hub.token("owner")).create(CELEBAMASK_HQ)
    mask = painted_face()
    correction = Correction(
        image=np.asarray(noise(64, 64)), mask=mask, prediction=np.where(mask == 17, 0, mask),
        schema=CELEBAMASK_HQ, model=ModelUsed("embedded"),
        consent=Consent(right="own", people="agreed"),
    )  # fmt: skip
    guest = HubStore(REPO, token=hub.token("ada"))
    guest.propose(Parcel(to_parquet(correction)))
    running = start(
        tmp_path, SEGFACE_DATASET=REPO, SEGFACE_DATASET_TOKEN=hub.token("owner"), HF_HUB_OFFLINE="0"
    )
    try:
        page = open_page(url=running.url, view="review")
        page.wait_for_selector("#review-report table td")
        assert "earring" in page.locator("#review-report").inner_text()
        assert page.locator("#review-pictures img").count() >= 4
        page.click("#review-accept")
        page.wait_for_selector("#review-message [role=status]")
        assert "#1 is merged" in page.locator("#review-message").inner_text()
    finally:
        stop(running)
    assert guest.repo.pull_request(1).status == "merged"
