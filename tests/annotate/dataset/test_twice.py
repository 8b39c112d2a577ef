"""A contribution that the dataset has already is not merged a second time."""

from __future__ import annotations

import pytest
from datasets import load_dataset

from annotate.dataset.compact import compact
from annotate.dataset.layout import tombstone_path
from annotate.dataset.proposals import ConsentedRow, HubStore
from annotate.errors import ReviewError
from annotate.review.reviewer import Reviewer
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO


@pytest.fixture
def other(hub, dataset):
    """A second account without rights."""
    return HubStore(REPO, token=hub.token("other"))


@pytest.fixture
def twice(guest, other, owner, drawn):
    """The same mask of one photo, proposed by two accounts, the first of them merged."""
    first = guest.propose(ConsentedRow(to_parquet(drawn(1)))).number
    second = other.propose(ConsentedRow(to_parquet(drawn(1, contributor="other")))).number
    Reviewer(owner).accept(first)
    return second


@pytest.mark.parametrize("compacted", [False, True])
def test_the_second_of_two_equal_contributions_is_not_merged(owner, drawn, twice, compacted):
    if compacted:
        owner.commit([ConsentedRow(to_parquet(drawn(9)))])
        assert compact(owner.repo, at_least=2).files == 2
    found = {f.check: (f.sentence, f.blocks) for f in Reviewer(owner).inspect(twice).findings}
    assert found["duplicate"] == ("the dataset has it already", True)
    with pytest.raises(ReviewError, match="as it is: the dataset has it already"):
        Reviewer(owner).accept(twice)
    ids = load_dataset(REPO, split="train")["content_id"][:]
    assert ids.count(drawn(1).content_id) == 1


def test_equal_first_digits_do_not_make_a_duplicate(owner, guest, drawn, twice):
    owner.repo.commit({f"index/{drawn(2).content_id[:2]}.txt": b"0" * 32}, title="x")
    number = guest.propose(ConsentedRow(to_parquet(drawn(2)))).number
    assert Reviewer(owner).inspect(number).acceptable


def test_a_duplicate_can_be_fixed_and_accepted(owner, drawn, twice):
    mask = drawn(1).prediction.copy()
    mask[:3] = 14
    new = Reviewer(owner).fix_and_accept(twice, mask)
    assert sorted(load_dataset(REPO, split="train")["content_id"][:]) == sorted(
        [drawn(1).content_id, new]
    )


def test_a_fix_equal_to_a_merged_or_removed_row_changes_nothing(owner, guest, drawn, twice):
    mask = drawn(1).prediction.copy()
    mask[:3] = 14
    number = guest.propose(ConsentedRow(to_parquet(drawn(1, mask=mask)))).number
    head = owner.repo.head(revision=f"refs/pr/{number}")
    with pytest.raises(ReviewError, match="can't be fixed: the dataset has it already"):
        Reviewer(owner).fix_and_accept(number, drawn(1).mask)
    mask[3:4] = 14
    gone = drawn(1, mask=mask).content_id
    owner.repo.commit({tombstone_path(gone): b"{}"}, title="x")
    with pytest.raises(ReviewError, match="can't be fixed: it was taken down"):
        Reviewer(owner).fix_and_accept(number, mask)
    assert owner.repo.head(revision=f"refs/pr/{number}") == head
