import dataclasses

import numpy as np
import pytest

from annotate.correction import Consent, Correction, ModelUsed
from annotate.dataset.index import RowIndex
from annotate.dataset.proposals import ConsentedRow, HubStore
from annotate.errors import ReviewError, WireError
from annotate.rows.record import to_parquet
from segface_hf.labels import CELEBAMASK_HQ
from space.errors import NotAllowedError
from space.handlers.review import (
    DECISIONS,
    Looking,
    changes,
    compared,
    findings,
    fix,
    partners,
    reviewer_for,
    settled,
    waiting,
)
from space.settings import Settings
from space.state.tokens import sign_in_texts
from space.ui.review_compare import report_of as compare_report
from space.ui.review_parts import row_report
from tests.space.conftest import noise, painted_face, payload_of

REPO = "owner/faces"
ON_SPACE = Settings(dataset=REPO, space_id="owner/app", maintainers=("owner",), oauth=True)


@pytest.fixture
def proposed(hub):
    """A dataset with one contribution by ada in pull request 1."""
    HubStore(REPO, token=hub.token("owner")).create(CELEBAMASK_HQ)
    mask = painted_face()
    correction = Correction(
        image=np.asarray(noise(64, 64)),
        mask=mask,
        prediction=np.where(mask == 17, 0, mask),
        schema=CELEBAMASK_HQ,
        model=ModelUsed("embedded"),
        contributor="ada",
        consent=Consent(right="own", people="agreed"),
    )
    HubStore(REPO, token=hub.token("ada")).propose(ConsentedRow(to_parquet(correction)))
    return correction


def test_a_maintainer_sees_open_contributions_and_their_changes(hub, proposed):
    reviewer = reviewer_for(ON_SPACE, hub.token("owner"))
    assert waiting(reviewer.open()) == [("#1 by ada", 1)]
    seen = reviewer.inspect(1)
    count = int((proposed.mask == 17).sum())
    assert ("earring", 0, count, 0.0) in changes(seen)
    assert findings(seen)
    assert f"<td>earring</td><td>0</td><td>{count}</td>" in row_report(seen)


def looked_at(reviewer, number=1):
    return Looking(number, reviewer.inspect(number).contribution.head)


def test_accepting_merges_and_rejecting_says_why(hub, proposed):
    reviewer = reviewer_for(ON_SPACE, hub.token("owner"))
    now = looked_at(reviewer)
    assert DECISIONS["ask"][1](reviewer, now, "Look at the ear.") == "#1 was asked for changes."
    assert DECISIONS["accept"][1](reviewer, now, "") == "#1 is merged."
    assert waiting(reviewer.open()) == []


def test_a_decision_applies_to_the_shown_commit(hub, proposed):
    reviewer = reviewer_for(ON_SPACE, hub.token("owner"))
    stale = Looking(1, "0" * 40)
    with pytest.raises(ReviewError, match="was changed since it was looked at"):
        DECISIONS["accept"][1](reviewer, stale, "")
    with pytest.raises(ReviewError, match="was changed since you looked at it"):
        fix(reviewer, stale, {})
    with pytest.raises(ReviewError, match="look at it first"):
        Looking().checked()
    with pytest.raises(ReviewError, match="#8 is still being opened"):
        looked_at(reviewer).shown(8)
    assert looked_at(reviewer).shown(1) == looked_at(reviewer)
    assert waiting(reviewer.open()) == [("#1 by ada", 1)]


def test_a_fix_is_checked_like_any_map_from_a_browser(hub, proposed):
    reviewer = reviewer_for(ON_SPACE, hub.token("owner"))
    now, mask = looked_at(reviewer), proposed.prediction
    with pytest.raises(ReviewError, match="belongs to another contribution"):
        fix(reviewer, now, payload_of("0" * 32, mask))
    with pytest.raises(WireError):
        fix(reviewer, now, payload_of(proposed.content_id, mask, crc=1))
    assert "#1 is merged as you fixed it" in fix(
        reviewer, now, payload_of(proposed.content_id, mask)
    )


def test_only_compared_contributions_are_settled(hub, proposed):
    reviewer = reviewer_for(ON_SPACE, hub.token("owner"))
    now = looked_at(reviewer)
    assert partners(reviewer, now) == []
    with pytest.raises(ReviewError, match="Choose the contribution to compare with"):
        compared(reviewer, now, None)
    with pytest.raises(ReviewError, match="Compare two contributions first"):
        settled(reviewer, now, [1])


def test_a_merged_mask_of_the_photo_is_compared_too(hub, proposed):
    owner = HubStore(REPO, token=hub.token("owner"))
    row = dataclasses.replace(proposed, mask=proposed.prediction, contributor="bob")
    owner.commit([ConsentedRow(to_parquet(row))])
    row_index = RowIndex()
    row_index.update(owner.repo)
    reviewer = reviewer_for(ON_SPACE, hub.token("owner"), row_index=row_index)
    now = looked_at(reviewer)
    assert partners(reviewer, now) == [(f"in the dataset: {row.content_id[:8]}", row.content_id)]
    message = compare_report(compared(reviewer, now, row.content_id))
    assert f"settling merges it and leaves {row.content_id[:8]} in the dataset" in message
    now = dataclasses.replace(now, other=row.content_id)
    assert settled(reviewer, now, []).endswith(f"#1 is merged, {row.content_id[:8]} stays.")


def test_only_maintainers_may_review_on_a_space(hub, proposed):
    with pytest.raises(NotAllowedError, match="ada is not among the maintainers"):
        reviewer_for(ON_SPACE, hub.token("ada"))
    with pytest.raises(
        NotAllowedError, match="Reviewing is for maintainers: sign in under Contribute"
    ):
        reviewer_for(ON_SPACE, None)
    service = Settings(dataset=REPO, space_id="owner/app", service_token=hub.token("owner"))
    with pytest.raises(NotAllowedError):
        reviewer_for(service, None)
    with pytest.raises(NotAllowedError):
        reviewer_for(service, hub.token("owner"))


def test_on_a_local_machine_its_owners_token_reviews(hub, proposed):
    local = Settings(dataset=REPO)
    assert len(waiting(reviewer_for(local, hub.token("owner")).open())) == 1
    with pytest.raises(NotAllowedError, match="run `hf auth login`, then restart"):
        reviewer_for(local, None, needs=sign_in_texts(local, own_token=False).review)


def test_without_a_dataset_the_view_says_how_to_name_one():
    with pytest.raises(NotAllowedError, match="SEGFACE_DATASET"):
        reviewer_for(Settings(), None)
