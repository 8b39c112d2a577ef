import numpy as np
import pytest

from annotate.consent import Consent
from annotate.correction import Correction, ModelUsed
from annotate.parcel import Parcel
from annotate.record import to_parquet
from annotate.store_hub import HubStore
from segface_hf.labels import CELEBAMASK_HQ
from space.errors import NotAllowedError
from space.handlers_review import DECISIONS, changes, desk_for, findings, waiting
from space.settings import Settings
from space.ui_review import report_of
from tests.space.conftest import noise, painted_face

REPO = "owner/faces"
ON_SPACE = Settings(dataset=REPO, space_id="owner/app", maintainers=("owner",), oauth=True)


@pytest.fixture
def proposed(hub):
    """A dataset with one contribution by ada in pull request 1."""
    HubStore(REPO, token=hub.token("owner")).create(CELEBAMASK_HQ)
    mask = painted_face()
    correction = Correction(
        image=np.asarray(noise(64, 64)), mask=mask, prediction=np.where(mask == 17, 0, mask),
        schema=CELEBAMASK_HQ, model=ModelUsed("embedded"), contributor="ada",
        consent=Consent(right="own", people="agreed"),
    )  # fmt: skip
    HubStore(REPO, token=hub.token("ada")).propose(Parcel(to_parquet(correction)))
    return correction


def test_a_maintainer_sees_what_waits_and_what_it_changes(hub, proposed):
    desk = desk_for(ON_SPACE, hub.token("owner"))
    assert waiting(desk) == [("#1 by ada", 1)]
    seen = desk.inspect(1)
    count = int((proposed.mask == 17).sum())
    assert ("earring", 0, count, 0.0) in changes(seen)
    assert findings(seen)
    assert f"<td>earring</td><td>0</td><td>{count}</td>" in report_of(seen)


def test_accepting_merges_and_rejecting_says_why(hub, proposed):
    desk = desk_for(ON_SPACE, hub.token("owner"))
    assert DECISIONS["ask"][1](desk, 1, "Look at the ear.") == "#1 was asked for changes."
    assert DECISIONS["accept"][1](desk, 1, "") == "#1 is merged."
    assert waiting(desk) == []


def test_only_maintainers_may_review_on_a_space(hub, proposed):
    with pytest.raises(NotAllowedError, match="ada is not among the maintainers"):
        desk_for(ON_SPACE, hub.token("ada"))
    with pytest.raises(NotAllowedError, match="Sign in"):
        desk_for(ON_SPACE, None)
    nobody = Settings(dataset=REPO, space_id="owner/app", service_token=hub.token("owner"))
    with pytest.raises(NotAllowedError):
        desk_for(nobody, None)
    with pytest.raises(NotAllowedError):
        desk_for(nobody, hub.token("owner"))


def test_on_a_local_machine_its_owners_token_reviews(hub, proposed):
    local = Settings(dataset=REPO, service_token=hub.token("owner"))
    assert len(waiting(desk_for(local, None))) == 1


def test_without_a_dataset_the_view_says_how_to_name_one():
    with pytest.raises(NotAllowedError, match="SEGFACE_DATASET"):
        desk_for(Settings(), None)
