"""The maintainer's reviewer over HTTP: list, look, accept, ask, reject, fix."""

from __future__ import annotations

import numpy as np
import pytest

from annotate.correction import Consent
from annotate.dataset.layout import row_path
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.refresh import mirror
from annotate.errors import RemoteRefusedError, ReviewError
from annotate.review.inspection import side_by_side
from annotate.review.reviewer import Reviewer
from annotate.rows.record import rows_to_parquet, to_parquet, to_row
from tests.annotate.conftest import REPO


@pytest.fixture
def reviewer(owner):
    return Reviewer(owner)


def sent(store, correction, **row):
    return store.propose(ConsentedRow(rows_to_parquet([{**to_row(correction), **row}]))).number


def noticed(reviewer, number):
    return {finding.check: finding.sentence for finding in reviewer.inspect(number).findings}


def test_open_contributions_are_listed_oldest_first(reviewer, guest, drawn):
    sent(guest, drawn(1))
    sent(guest, drawn(2))
    assert [(c.request.number, c.id) for c in reviewer.open()] == [
        (1, drawn(1).content_id),
        (2, drawn(2).content_id),
    ]


def test_an_inspection_shows_pictures_and_numbers(reviewer, guest, drawn):
    correction = drawn(1)
    seen = reviewer.inspect(sent(guest, correction))
    assert seen.acceptable
    hat = seen.classes[correction.schema.id_of("hat")]
    assert (hat.first, hat.second, hat.iou) == (0, 6 * 16, 0.0)
    pictures = seen.pictures()
    assert list(pictures) == ["photo", "prediction", "correction", "difference"]
    assert {(p.mode, p.size) for p in pictures.values()} == {("RGB", (32, 24))}
    assert np.array_equal(np.asarray(pictures["photo"]), correction.image)


def test_the_difference_shows_the_new_class_where_something_changed(drawn):
    correction = drawn(1)
    difference = np.asarray(side_by_side(correction)["difference"])
    changed = correction.mask != correction.prediction
    assert (difference[changed] == correction.schema.colors[16]).all()
    assert (difference[~changed] >= 128).all()


def test_accepting_merges_the_pull_request(reviewer, guest, dataset, drawn):
    reviewer.accept(sent(guest, drawn(1)))
    assert row_path(drawn(1).content_id) in dataset.tree()
    with pytest.raises(ReviewError, match="#1 is merged already"):
        reviewer.accept(1)


def test_asking_and_rejecting_say_why(reviewer, guest, dataset, drawn):
    number = sent(guest, drawn(1))
    with pytest.raises(ReviewError, match="say why"):
        reviewer.reject(number, " ")
    reviewer.ask(number, "Please look at the left ear.")
    reviewer.reject(number, "The photo shows no face.")
    said = [
        e["data"]["latest"]["raw"] for e in dataset.discussions[1].events if e["type"] == "comment"
    ]
    assert said == ["Please look at the left ear.", "The photo shows no face."]
    assert dataset.discussions[1].status == "closed"
    assert reviewer.open() == ()


def test_an_account_without_rights_cannot_accept(guest, drawn):
    number = sent(guest, drawn(1))
    with pytest.raises(RemoteRefusedError, match="may not do that"):
        Reviewer(guest).accept(number)


def test_fix_and_accept_replaces_the_row_and_keeps_its_contributor(
    reviewer, guest, hub, drawn, tmp_path
):
    number, mask = sent(guest, drawn(1)), drawn(1).prediction.copy()
    mask[:3] = 14
    new = reviewer.fix_and_accept(number, mask)
    store = mirror(reviewer.store.repo, tmp_path)
    assert store.ids() == (new,)
    assert store.load(new).contributor == "guest"
    assert np.array_equal(store.load(new).mask, mask)
    assert guest.propose(ConsentedRow(to_parquet(drawn(1)))).merged


def test_a_fix_whose_answer_was_lost_is_still_accepted(reviewer, guest, hub, drawn):
    number, mask = sent(guest, drawn(1)), drawn(1).prediction.copy()
    mask[:3] = 14
    hub.fail("/commit/refs", 500, after=True)
    new = reviewer.fix_and_accept(number, mask)
    assert row_path(new) in hub.files("dataset", REPO)
    assert row_path(drawn(1).content_id) not in hub.files("dataset", REPO)


def test_a_pull_request_that_touches_anything_else_is_stopped(reviewer, guest, owner, hub, drawn):
    number = sent(guest, drawn(1))
    guest.repo.commit({"README.md": b"mine now"}, title="x", revision=f"refs/pr/{number}")
    assert noticed(reviewer, number)["files"] == "besides its row it has changed 'README.md'"
    with pytest.raises(ReviewError, match="can't be accepted as it is: besides its row"):
        reviewer.accept(number)
    with pytest.raises(ReviewError, match="can't be fixed: besides its row"):
        reviewer.fix_and_accept(number, drawn(1).prediction)


def test_a_row_that_was_altered_is_stopped(reviewer, guest, drawn):
    number = sent(guest, drawn(1), mask=to_row(drawn(1))["prediction"])
    seen = reviewer.inspect(number)
    assert not seen.acceptable
    assert "it was altered" in seen.findings[0].sentence
    with pytest.raises(ReviewError, match="no row can be shown"):
        seen.pictures()


def test_a_row_without_consent_from_another_client_is_stopped(reviewer, guest, drawn):
    correction = drawn(1, consent=None)
    path = row_path(correction.content_id)
    title = f"Correction {correction.content_id}"
    guest.repo.commit({path: to_parquet(correction)}, title=title, pull_request=True)
    assert noticed(reviewer, 1)["consent"] == "it has no consent to share it"
    with pytest.raises(ReviewError, match="has no consent"):
        reviewer.accept(1)


def test_a_row_that_names_another_contributor_is_reported(reviewer, guest, drawn):
    number = sent(guest, drawn(1, contributor="famous"))
    assert noticed(reviewer, number)["contributor"] == "guest opened it, the row names famous"


def test_a_missing_row_is_stopped(reviewer, guest, drawn):
    title = f"Correction {drawn(1).content_id}"
    guest.repo.commit({"data/train/x.parquet": b""}, title=title, pull_request=True)
    found = noticed(reviewer, 1)
    assert "does not hold data/train" in found["row"]
    assert found["files"] == "besides its row it has added 'data/train/x.parquet'"


def test_pull_requests_without_a_contribution_are_not_listed_or_accepted(reviewer, guest):
    guest.repo.commit({"x.txt": b""}, title="An idea", pull_request=True)
    assert reviewer.open() == ()
    with pytest.raises(ReviewError, match="#1 proposes no correction"):
        reviewer.accept(1)


def test_two_annotators_of_one_photo_are_recognized(owner, guest, hub, drawn, tmp_path):
    other = drawn(1, mask=drawn(1).prediction)
    owner.commit([ConsentedRow(to_parquet(drawn(1)))])
    reviewer = Reviewer(owner, rows=mirror(owner.repo, tmp_path))
    mask = drawn(1).prediction.copy()
    mask[0, :9] = 14
    seen = reviewer.inspect(sent(guest, drawn(1, mask=mask)))
    assert seen.same_photo == (drawn(1).content_id,)
    assert any(f.check == "near-duplicate" for f in seen.findings)
    assert reviewer.inspect(sent(guest, other)).same_photo == (
        drawn(1).content_id,
        seen.correction.content_id,
    )


def test_a_row_under_another_license_than_the_cards_is_not_accepted(reviewer, guest, owner, drawn):
    other = drawn(1, consent=Consent(right="own", people="agreed", license="cc0-1.0"))
    number = sent(guest, other)
    sentence = "its license is 'cc0-1.0', but the card promises cc-by-4.0 for every contribution"
    assert noticed(reviewer, number)["license"] == sentence
    with pytest.raises(ReviewError, match="as it is: its license is 'cc0"):
        reviewer.accept(number)
    with pytest.raises(ReviewError, match="can't be fixed: its license is 'cc0"):
        reviewer.fix_and_accept(number, other.prediction)
    refused = owner.commit([ConsentedRow(to_parquet(other))])[other.content_id]
    assert (str(refused), refused.held) == (sentence, True)
    assert "license" not in noticed(reviewer, sent(guest, drawn(2)))
