"""Take-down on the Hub finds every pull request and every id that a contribution went by."""

from __future__ import annotations

import pytest

from annotate.cli.program import main
from annotate.dataset.compact import compact
from annotate.dataset.layout import row_path, tombstone_path
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.traces import FIXED
from annotate.review.compare import settle
from annotate.review.reviewer import Reviewer
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO


@pytest.fixture
def takedown(owner, tmp_path, monkeypatch, capsys):
    """Runs the command as the signed-in owner and returns its output."""
    (tmp_path / "token").write_text("hf_owner")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))

    def run(*words):
        assert main(["takedown", "--repo", REPO, *words]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def reviewer(owner):
    return Reviewer(owner)


def sent(store, correction):
    return store.propose(ConsentedRow(to_parquet(correction))).number


def other_mask(correction, label):
    mask = correction.prediction.copy()
    mask[:3] = label
    return mask


def fixed(reviewer, guest, correction, label=14):
    return reviewer.fix_and_accept(sent(guest, correction), other_mask(correction, label))


def refs_named(out):
    (line,) = [line for line in out.splitlines() if "refs of their pull requests" in line]
    return line.split(": ")[1]


def rows_at(hub):
    return {path for path in hub.files("dataset", REPO) if path.endswith(".parquet")}


def marked(hub, *ids):
    return [tombstone_path(content_id) in hub.files("dataset", REPO) for content_id in ids]


@pytest.mark.parametrize("compacted", [False, True], ids=["single", "merged"])
def test_taking_down_a_fixed_contribution_names_its_request_and_marks_both_ids(
    takedown, reviewer, guest, hub, drawn, compacted
):
    sent(guest, drawn(3))
    old, new = drawn(1).content_id, fixed(reviewer, guest, drawn(1))
    if compacted:
        compact(reviewer.store.repo, at_least=1)
    out = takedown(new)
    assert out.startswith("1 row removed, 2 tombstones left\n")
    assert f"{old} is the same contribution under another id: it gets a tombstone too\n" in out
    assert refs_named(out) == "refs/pr/2"
    assert (rows_at(hub), marked(hub, old, new)) == (set(), [True, True])


def test_the_id_that_its_contributor_knows_takes_the_fixed_row_down_too(
    takedown, reviewer, guest, hub, drawn
):
    old, new = drawn(1).content_id, fixed(reviewer, guest, drawn(1))
    out = takedown(old)
    assert out.startswith("1 row removed, 2 tombstones left\n")
    assert refs_named(out) == "refs/pr/1"
    assert (rows_at(hub), marked(hub, old, new)) == (set(), [True, True])


def test_a_fixed_contribution_is_found_after_a_takedown_without_its_first_id(
    takedown, reviewer, guest, hub, drawn
):
    old, new = drawn(1).content_id, fixed(reviewer, guest, drawn(1))
    takedown(new)
    reviewer.store.repo.commit({}, deleted=[tombstone_path(old)], title="x")
    assert refs_named(takedown(new)) == "refs/pr/1"
    assert marked(hub, old) == [True]


def test_without_a_diff_the_comment_identifies_the_pull_request(
    takedown, reviewer, guest, hub, drawn, monkeypatch
):
    old, new = drawn(1).content_id, fixed(reviewer, guest, drawn(1))
    reviewer.store.repo.comment(1, FIXED.format(new))  # the double drops the one of a merge
    monkeypatch.setattr("annotate.dataset.repo.changed_files", lambda diff: [])
    assert refs_named(takedown(new)) == "refs/pr/1"
    assert marked(hub, old, new) == [True, True]


@pytest.mark.parametrize("right", [[], [1], [1, 2]], ids=["first", "some", "second"])
def test_taking_down_a_settled_contribution_names_both_requests(
    takedown, reviewer, guest, hub, drawn, right
):
    mask = other_mask(drawn(1), 14)
    mask[20:, 10:20] = 3
    first, second = drawn(1).content_id, drawn(1, mask=mask).content_id
    sent(guest, drawn(1)), sent(guest, drawn(1, mask=mask))
    out = takedown(settle(reviewer, 1, 2, takes_second=right, heads={}))
    assert marked(hub, first) == [True]
    if not marked(hub, second)[0]:
        assert f"refs/pr/2 (closed) holds the same photo, as {second}: take that id down" in out
        assert refs_named(out) == "refs/pr/1"
        out = takedown(first, second)
    assert refs_named(out) == "refs/pr/1, refs/pr/2"
    assert (rows_at(hub), marked(hub, first, second)) == (set(), [True, True])


def test_other_rows_of_the_photo_are_named_and_stay(takedown, reviewer, guest, hub, drawn):
    gone, row, waits, refused = (
        drawn(1, mask=other_mask(drawn(1), label)) for label in (14, 15, 16, 17)
    )
    reviewer.store.commit([ConsentedRow(to_parquet(correction)) for correction in (gone, row)])
    for correction in (waits, refused, drawn(2)):
        sent(guest, correction)
    reviewer.reject(2, "No.")
    out = takedown(gone.content_id)
    shown = [
        line.split(": take that id down too")[0]
        for line in out.splitlines()
        if "same photo" in line
    ]
    assert shown == [
        f"{row.content_id} stays and holds the same photo",
        f"refs/pr/1 (open) holds the same photo, as {waits.content_id}",
        f"refs/pr/2 (closed) holds the same photo, as {refused.content_id}",
    ]
    assert rows_at(hub) == {row_path(row.content_id)}


def test_photos_of_open_contributions_are_searched_too(takedown, guest, drawn):
    other = drawn(1, mask=other_mask(drawn(1), 14))
    sent(guest, drawn(1)), sent(guest, other)
    out = takedown(drawn(1).content_id)
    assert "#1 is closed\n" in out
    assert f"refs/pr/2 (open) holds the same photo, as {other.content_id}" in out


def test_a_ref_removed_by_the_hubs_support_does_not_stop_a_takedown(
    takedown, reviewer, guest, dataset, drawn
):
    sent(guest, drawn(2))
    reviewer.reject(1, "No.")
    del dataset.pull_refs["refs/pr/1"]
    fixed(reviewer, guest, drawn(1))
    assert refs_named(takedown(drawn(1).content_id)) == "refs/pr/2"
    assert refs_named(takedown(drawn(2).content_id)) == "refs/pr/1"


def test_a_damaged_row_can_be_taken_down(takedown, reviewer, guest, hub, drawn):
    old, new = drawn(1).content_id, fixed(reviewer, guest, drawn(1))
    reviewer.store.repo.commit({row_path("0" * 32): b"PAR1"}, title="x")
    assert takedown(new, "0" * 32).startswith("2 rows removed, 3 tombstones left\n")
    assert (rows_at(hub), marked(hub, old)) == (set(), [True])


def test_a_request_that_was_renamed_is_found_by_its_row(takedown, reviewer, guest, dataset, drawn):
    sent(guest, drawn(1))
    reviewer.accept(1)
    dataset.discussions[1].title = "Nothing to see"
    assert refs_named(takedown(drawn(1).content_id)) == "refs/pr/1"


def test_a_title_cannot_remove_the_row_of_another_account(
    takedown, reviewer, guest, dataset, hub, drawn
):
    """By a title, a comment, or a row of their own request that was not merged."""
    mine, later = drawn(1).content_id, drawn(3).content_id
    both = {row_path(content_id): b"" for content_id in (mine, later)}
    guest.repo.commit(both, title="An idea", pull_request=True)
    fixed_of_another = fixed(reviewer, guest, drawn(2))
    reviewer.store.commit([ConsentedRow(to_parquet(drawn(3, contributor="other")))])
    stays = {row_path(fixed_of_another), row_path(later)}
    guest.repo.comment(2, FIXED.format(mine))
    reviewer.accept(sent(guest, drawn(1)))
    dataset.discussions[3].title = f"Correction {later}"
    path = row_path(drawn(4).content_id)
    guest.repo.commit({path: b""}, title=f"Correction {mine}", pull_request=True)
    takedown(mine)
    assert rows_at(hub) == stays
    assert marked(hub, drawn(2).content_id, later, drawn(4).content_id) == [False] * 3


def test_a_takedown_by_account_finds_all_its_rows_and_no_others(
    takedown, reviewer, guest, dataset, hub, drawn
):
    reviewer.store.commit([ConsentedRow(to_parquet(drawn(3, contributor="other")))])
    old, new = drawn(1).content_id, fixed(reviewer, guest, drawn(1))
    sent(guest, drawn(2))
    reviewer.reject(2, "No.")
    sent(guest, drawn(4))
    dataset.discussions[3].title = f"Correction {drawn(3).content_id}"
    out = takedown("--contributor", "guest")
    assert "#3 is closed\n" in out
    assert refs_named(out) == "refs/pr/1, refs/pr/2, refs/pr/3"
    assert marked(hub, old, new, drawn(2).content_id) == [True] * 3
    assert rows_at(hub) == {row_path(drawn(3).content_id)}
