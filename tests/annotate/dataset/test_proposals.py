"""What may be pushed, by whom, to where; and a sentence for everything that stands in the way."""

from __future__ import annotations

import pytest
from datasets import load_dataset

from annotate.dataset.layout import row_path, tombstone_path
from annotate.dataset.proposals import ConsentedRow, HubStore
from annotate.errors import ConsentError, RecordError, RemoteBusyError, RemoteRefusedError
from annotate.rows.record import rows_to_parquet, to_parquet, to_row
from segface_hf.labels import HELEN, LAPA
from tests.annotate.conftest import REPO
from tests.hub_double.state import Account


def consented(correction, **fields):
    return ConsentedRow(rows_to_parquet([{**to_row(correction), **fields}]))


def refusal(store, correction):
    with pytest.raises(RemoteRefusedError) as caught:
        store.propose(consented(correction))
    assert caught.value.held
    return str(caught.value)


def test_an_account_without_rights_opens_a_pull_request_in_its_own_name(guest, dataset, correction):
    delivery = guest.propose(consented(correction))
    assert (delivery.merged, delivery.number) == (False, 1)
    assert delivery.url.endswith("/datasets/owner/faces/discussions/1")
    assert dataset.discussions[1].author == "guest"
    assert row_path(correction.content_id) not in dataset.tree()
    assert row_path(correction.content_id) in dataset.tree("refs/pr/1")


def test_load_dataset_reads_the_repository_and_a_pull_request(guest, owner, drawn, tmp_path):
    guest.propose(consented(drawn(1)))
    owner.repo.merge(1)
    guest.propose(consented(drawn(2)))
    for revision, ids in (
        ("main", {drawn(1).content_id}),
        ("refs/pr/2", {drawn(1).content_id, drawn(2).content_id}),
    ):
        rows = load_dataset(REPO, split="train", revision=revision, cache_dir=str(tmp_path))
        assert set(rows["content_id"]) == ids
        assert rows[0]["mask"].mode == "L"


def test_a_row_without_consent_is_never_pushed_by_any_caller(drawn):
    with pytest.raises(ConsentError, match="has no consent to share it: it stays"):
        ConsentedRow(to_parquet(drawn(1, consent=None)))
    with pytest.raises(ConsentError, match="the people in it agree"):
        consented(drawn(1), consent_people="")
    with pytest.raises(RecordError, match="is one row, this file holds 2"):
        ConsentedRow(rows_to_parquet([to_row(drawn(1)), to_row(drawn(2))]))
    with pytest.raises(RecordError, match="not a whole parquet file"):
        ConsentedRow(to_parquet(drawn(1))[:-9])


def test_a_taken_down_contribution_cannot_come_back(guest, owner, correction):
    owner.repo.commit({tombstone_path(correction.content_id): b"{}"}, title="x")
    with pytest.raises(RemoteRefusedError, match="was taken down") as caught:
        guest.propose(consented(correction))
    assert not caught.value.held
    (result,) = owner.commit([consented(correction)]).values()
    assert isinstance(result, RemoteRefusedError)


def test_a_member_without_rights_gets_an_error_that_says_so(dataset, hub, correction):
    hub.accounts["hf_guest"] = Account("guest", role="read")
    sentence = refusal(HubStore(REPO, token="hf_guest"), correction)
    assert sentence.startswith("this account may not do that on owner/faces: sign in with")


def test_a_direct_commit_without_rights_is_refused(guest, dataset, correction):
    with pytest.raises(RemoteRefusedError, match="or ask its owner for write access"):
        guest.commit([consented(correction)])
    assert not any(path.startswith("data/") for path in dataset.tree())


def test_an_expired_token_asks_to_sign_in_again(dataset, correction):
    store = HubStore(REPO, token="hf_expired")
    assert refusal(store, correction) == (
        "the sign-in is missing or has expired: sign in again; off a Space run `hf auth login`, "
        "and restart the app"
    )


def test_a_gated_dataset_says_whom_to_ask(guest, dataset, correction):
    dataset.gated = "manual"
    assert "is gated: ask its owner for access" in refusal(guest, correction)


def test_a_missing_or_private_dataset_is_named(dataset, hub, correction):
    expected = "the dataset owner/other does not exist or is hidden from this account"
    assert refusal(HubStore("owner/other", token="hf_guest"), correction) == expected
    dataset.private = True
    assert "the dataset owner/faces does not exist" in refusal(
        HubStore(REPO, token="hf_guest"), correction
    )


def test_a_malformed_repository_name_is_refused(dataset, correction):
    assert "is not a repository name" in refusal(HubStore("a/b/../c", token="hf_guest"), correction)


def test_a_dataset_that_was_never_set_up_is_refused(hub, dataset, correction):
    hub.create("dataset", "owner/plain")
    sentence = refusal(HubStore("owner/plain", token="hf_guest"), correction)
    assert sentence == (
        "owner/plain is not set up for contributions: its maintainer runs "
        "`python -m annotate init` once"
    )


def test_a_dataset_of_another_record_version_is_refused(guest, owner, hub, correction):
    card = hub.files("dataset", REPO)["README.md"].decode()
    newer = card.replace("record_version: 1", "record_version: 2")
    owner.repo.commit({"README.md": newer.encode()}, title="x")
    assert "holds rows of version 2, this app writes 1" in refusal(guest, correction)


def test_a_dataset_of_other_labels_is_refused(dataset, drawn):
    HubStore("owner/lapa", token="hf_owner").create(LAPA)
    sentence = refusal(HubStore("owner/lapa", token="hf_guest"), drawn(1))
    assert "it belongs in another dataset" in sentence
    lapa = drawn(1, schema=HELEN, mask=drawn(1).mask * 0, prediction=drawn(1).mask * 0)
    assert "'helen' labels" in refusal(HubStore("owner/lapa", token="hf_guest"), lapa)


def test_an_unreachable_hub_is_a_transient_error(correction):
    store = HubStore(REPO, token="hf_guest", endpoint="http://127.0.0.1:9")
    with pytest.raises(RemoteBusyError, match="the Hub can't be reached"):
        store.propose(consented(correction))


def test_setting_up_twice_changes_nothing(owner, dataset):
    before = dict(dataset.branches)
    owner.create(LAPA)
    assert dataset.branches == before


def test_a_contribution_takes_five_requests_and_a_batch_one_more_per_row(guest, owner, hub, drawn):
    """docs/dataset.md names these numbers."""
    guest.propose(consented(drawn(1)))
    first = [entry for entry in hub.log if "agent-harnesses" not in entry["path"]]
    # The card, the account, its pull requests so far, and those that are not listed yet.
    assert len(first) == 5 + 3 + 4
    hub.log.clear()
    guest.propose(consented(drawn(2)))
    assert len(hub.log) == 5
    owner.commit([consented(drawn(3))])
    hub.log.clear()
    owner.commit([consented(drawn(number)) for number in range(10, 30)])
    assert len(hub.log) == 5 + 20
