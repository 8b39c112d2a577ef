"""A command with --head decides on that commit only."""

from __future__ import annotations

import re

import pytest

from annotate.dataset.layout import row_path
from annotate.dataset.proposals import ConsentedRow
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO
from tests.annotate.review.test_review_races import when


@pytest.fixture
def replace(guest):
    """Replaces the row of an open pull request by another one."""

    def run(number, old, new):
        guest.repo.commit(
            {row_path(new.content_id): to_parquet(new)},
            deleted=[row_path(old.content_id)],
            title="y",
            revision=f"refs/pr/{number}",
        )

    return run


def repainted(drawn, rows):
    mask = drawn(1).prediction.copy()
    mask[:rows] = 14
    return drawn(1, mask=mask)


def test_only_the_shown_commit_is_accepted(say, guest, dataset, drawn, replace):
    number = guest.propose(ConsentedRow(to_parquet(drawn(1)))).number
    (head,) = re.findall(r"commit (\w{40})", say("show", "--repo", REPO, number)[1])
    assert f"commit {head}" in say("list", "--repo", REPO, "--check")[1]
    replace(number, drawn(1), repainted(drawn, 1))
    code, _, complaint = say("accept", "--repo", REPO, number, "--head", head)
    assert (code, "was changed since it was looked at" in complaint) == (1, True)
    code, _, complaint = say("fix", "--repo", REPO, number, "--swap-sides", "--head", head)
    assert (code, "was changed since it was looked at" in complaint) == (2, True)
    assert dataset.discussions[number].status != "merged"
    (head,) = re.findall(r"commit (\w{40})", say("show", "--repo", REPO, number)[1])
    assert say("accept", "--repo", REPO, number, "--head", head)[0] == 0


def test_a_single_head_is_refused_for_two_contributions(say):
    code, _, complaint = say("accept", "--repo", REPO, 1, 2, "--head", "0" * 40)
    assert (code, "--head is the commit of one contribution" in complaint) == (2, True)


def test_a_fix_never_puts_the_mask_of_one_photo_on_another(
    say, guest, hub, dataset, drawn, replace
):
    number = guest.propose(ConsentedRow(to_parquet(drawn(1)))).number
    when(hub, "GET", "/revision/", lambda: replace(number, drawn(1), drawn(2)), time=2)
    code, _, complaint = say("fix", "--repo", REPO, number, "--swap-sides")
    assert (code, "was changed since it was looked at" in complaint) == (2, True)
    assert dataset.discussions[number].status != "merged"


def test_disputes_are_settled_as_they_were_numbered(say, guest, dataset, drawn, replace):
    first, second = drawn(1), repainted(drawn, 2)
    numbers = [guest.propose(ConsentedRow(to_parquet(each))).number for each in (first, second)]
    heads = re.findall(r"commit (\w{40})", say("compare", "--repo", REPO, *numbers)[1])
    replace(numbers[1], second, repainted(drawn, 1))
    settling = ("compare", "--repo", REPO, *numbers, "--take-second", 1, "--head", *heads)
    code, _, complaint = say(*settling)
    assert (code, "#2 was changed since it was looked at, so nothing is" in complaint) == (2, True)
    assert [dataset.discussions[number].status for number in numbers] == ["open", "open"]


def test_compare_needs_a_head_for_every_pull_request(say, guest, owner, drawn):
    merged, open_one = drawn(1), repainted(drawn, 2)
    owner.commit([ConsentedRow(to_parquet(merged))])
    number = guest.propose(ConsentedRow(to_parquet(open_one))).number
    words = ("compare", "--repo", REPO, number, merged.content_id, "--take-second", "--head")
    code, _, complaint = say(*words, "0" * 40, "0" * 40)
    assert (code, "for each pull request: expected 1, got 2" in complaint) == (2, True)
    code, _, complaint = say(*words, "0" * 40)
    assert (code, f"#{number} was changed since it was looked at" in complaint) == (2, True)
    assert guest.repo.pull_request(number).status == "open"
