"""A merge takes what was inspected, even if its contributor pushes meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from annotate.dataset.layout import row_path, tombstone_path
from annotate.dataset.proposals import ConsentedRow
from annotate.errors import RemoteBusyError, ReviewError
from annotate.review.compare import compare, settle
from annotate.review.reviewer import Reviewer
from annotate.rows.record import to_parquet
from segface_hf.labels import LAPA


@pytest.fixture
def reviewer(owner):
    return Reviewer(owner)


def sent(store, correction):
    return store.propose(ConsentedRow(to_parquet(correction))).number


def push(guest, number, path="README.md"):
    guest.repo.commit({path: b"mine now"}, title="x", revision=f"refs/pr/{number}")


def when(hub, method, pattern, act, *, time=1):
    """Does something once, just before the Hub answers the n-th request of a kind."""
    seen = []

    def chaos(asked, path):
        if asked == method and pattern in path:
            seen.append(path)
            if len(seen) == time:
                act()

    hub.chaos = chaos


def test_a_push_between_the_look_and_the_merge_is_refused(reviewer, guest, hub, dataset, drawn):
    number = sent(guest, drawn(1))
    when(hub, "GET", "/revision/", lambda: push(guest, number), time=2)
    with pytest.raises(ReviewError, match="#1 was changed since it was looked at, so it is not"):
        reviewer.accept(number)
    assert dataset.discussions[1].status != "merged"
    assert row_path(drawn(1).content_id) not in dataset.tree()


def test_a_push_during_the_merge_is_not_merged(reviewer, guest, hub, drawn):
    """The Hub merges what is there then, so all that can be done is to say so."""
    number = sent(guest, drawn(1))
    when(hub, "POST", "/merge", lambda: push(guest, number))
    with pytest.raises(ReviewError, match="#1 is merged, but something was pushed to it at that"):
        reviewer.accept(number)


def test_a_maintainer_merges_the_commit_that_was_shown(reviewer, guest, dataset, drawn):
    number = sent(guest, drawn(1))
    head = reviewer.inspect(number).contribution.head
    mask = drawn(1).prediction.copy()
    mask[0] = 14
    new = drawn(1, mask=mask)
    guest.repo.commit(
        {row_path(new.content_id): to_parquet(new)},
        deleted=[row_path(drawn(1).content_id)],
        title="another mask",
        revision=f"refs/pr/{number}",
    )
    for decide in (
        lambda: reviewer.accept(number, head=head),
        lambda: reviewer.fix_and_accept(number, mask, head=head),
    ):
        with pytest.raises(ReviewError, match="was changed since it was looked at"):
            decide()
    seen = reviewer.inspect(number)
    assert np.array_equal(seen.correction.mask, mask)
    reviewer.accept(number, head=seen.contribution.head)
    assert row_path(new.content_id) in dataset.tree()


def test_a_push_while_fixing_is_refused(reviewer, guest, hub, dataset, drawn):
    number, mask = sent(guest, drawn(1)), drawn(1).prediction.copy()
    mask[:3] = 14
    when(hub, "POST", "/preupload/refs", lambda: push(guest, number))
    with pytest.raises(ReviewError, match="was changed since it was looked at"):
        reviewer.fix_and_accept(number, mask)
    hub.chaos = None
    assert dataset.discussions[1].status != "merged"


def test_a_push_after_the_fix_is_refused(reviewer, guest, hub, dataset, drawn):
    number, mask = sent(guest, drawn(1)), drawn(1).prediction.copy()
    mask[:3] = 14
    when(hub, "GET", "/revision/", lambda: push(guest, number), time=2)
    with pytest.raises(ReviewError, match="was changed since it was looked at"):
        reviewer.fix_and_accept(number, mask)
    assert dataset.discussions[1].status != "merged"


def test_repeating_a_fix_finishes_its_failed_merge(reviewer, guest, hub, dataset, drawn):
    number, mask = sent(guest, drawn(1)), drawn(1).prediction.copy()
    mask[:3] = 14
    hub.fail("/merge", 500)
    with pytest.raises(RemoteBusyError):
        reviewer.fix_and_accept(number, mask)
    new = reviewer.fix_and_accept(number, mask)
    assert row_path(new) in dataset.tree()
    assert row_path(drawn(1).content_id) not in dataset.tree()


def test_a_fix_cannot_make_a_row_acceptable_that_has_no_consent(reviewer, guest, drawn):
    correction = drawn(1, consent=None)
    guest.repo.commit(
        {row_path(correction.content_id): to_parquet(correction)},
        title=f"Correction {correction.content_id}",
        pull_request=True,
    )
    with pytest.raises(ReviewError, match="can't be fixed: it has no consent"):
        reviewer.fix_and_accept(1, drawn(1).prediction)
    sent(guest, drawn(2))
    with pytest.raises(ReviewError, match="can't be fixed: everything is background"):
        reviewer.fix_and_accept(2, np.zeros_like(drawn(2).mask))


def test_a_removed_row_is_not_accepted_again_by_hand(reviewer, guest, owner, drawn):
    number = sent(guest, drawn(1))
    owner.repo.commit({tombstone_path(drawn(1).content_id): b"{}"}, title="x")
    with pytest.raises(ReviewError, match="it was taken down from the dataset before"):
        reviewer.accept(number)


def test_a_valid_row_of_other_labels_is_stopped(reviewer, guest, drawn):
    empty = np.zeros((24, 32), np.uint8)
    other = drawn(1, schema=LAPA, mask=empty + 1, prediction=empty)
    guest.repo.commit(
        {row_path(other.content_id): to_parquet(other)},
        title=f"Correction {other.content_id}",
        pull_request=True,
    )
    with pytest.raises(ReviewError, match="it belongs in another dataset"):
        reviewer.accept(1)


def test_two_open_contributions_of_one_photo_find_each_other(reviewer, guest, hub, drawn):
    other = drawn(1).mask.copy()
    other[20:, 10:20] = 3
    sent(guest, drawn(1))
    sent(guest, drawn(1, mask=other))
    sent(guest, drawn(2))
    assert [c.request.number for c in reviewer.partners(reviewer.inspect(1))] == [2]
    assert [c.request.number for c in reviewer.partners(reviewer.inspect(2))] == [1]
    assert reviewer.partners(reviewer.inspect(3)) == ()
    hub.log.clear()
    reviewer.partners(reviewer.inspect(1))
    assert len(hub.requests("/resolve/.*2Fpr%2F[23]")) == 0  # each was read once


def test_settling_is_refused_where_either_changed(reviewer, guest, dataset, drawn):
    other = drawn(1).mask.copy()
    other[20:, 10:20] = 3
    for mask in (drawn(1).mask, other):
        sent(guest, drawn(1, mask=mask))
    found = compare(reviewer, 1, 2)
    assert list(found.pictures()) == ["photo", "#1", "#2", "disagreement"]
    heads = {side.number: side.head for side in (found.first, found.second)}
    push(guest, 2)
    with pytest.raises(ReviewError, match="#2 was changed since it was looked at"):
        settle(reviewer, 1, 2, takes_second=[1], heads=heads)
    assert dataset.discussions[1].status != "merged"
    new = settle(reviewer, 1, 2, takes_second=[1], heads={})
    assert new == drawn(1, mask=other).content_id
    assert [dataset.discussions[n].status for n in (1, 2)] == ["merged", "closed"]
    with pytest.raises(ReviewError, match="can't be compared with itself"):
        compare(reviewer, 1, 1)
