"""An open contribution is compared with what the dataset already has of its photo."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from annotate.dataset.index import RowIndex
from annotate.dataset.layout import row_path
from annotate.dataset.proposals import ConsentedRow
from annotate.errors import ReviewError
from annotate.review.compare import compare
from annotate.review.reviewer import Reviewer
from annotate.rows.record import to_parquet
from tests.annotate.conftest import REPO


@pytest.fixture
def again(guest, owner, drawn):
    """A row of the dataset, and an open contribution of its photo with more cloth."""
    mask = drawn(1).mask.copy()
    mask[20:, 10:20] = 3
    row, proposed = drawn(1), drawn(1, mask=mask)
    owner.commit([ConsentedRow(to_parquet(each)) for each in (row, drawn(2))])
    guest.propose(ConsentedRow(to_parquet(proposed)))
    return row, proposed


@pytest.fixture
def reviewer(owner):
    row_index = RowIndex()
    row_index.update(owner.repo)
    return Reviewer(owner, rows=row_index)


def test_a_contribution_is_settled_against_a_merged_row_that_stays(say, again, dataset, tmp_path):
    row, _ = again
    words = ("compare", "--repo", REPO, 1, row.content_id)
    code, out, _ = say(*words, "--map", tmp_path / "map.png")
    assert code == 0
    assert "dispute 1: cloth or skin, 40 pixels in (10, 20, 20, 24)" in out
    with Image.open(tmp_path / "map.png") as differs:
        assert np.asarray(differs).sum() == 40 * 255
    code, out, _ = say(*words, "--take-second")
    assert code == 0
    assert f"#1 is merged, row {row.content_id} stays: take it down where" in out
    assert dataset.discussions[1].status == "merged"
    assert {row_path(each.content_id) for each in again} <= set(dataset.tree())


def test_a_row_is_found_in_a_merged_file(say, again, reviewer):
    row, _ = again
    assert say("compact", "--repo", REPO, "--at-least", 2)[0] == 0
    found = compare(reviewer, 1, row.content_id)
    assert list(found.pictures()) == ["photo", "#1", row.content_id[:8], "disagreement"]
    assert (found.second.correction.mask == row.mask).all()


def test_the_reviewer_finds_the_rows_of_a_photo(again, reviewer, guest, drawn):
    guest.propose(ConsentedRow(to_parquet(drawn(3))))
    assert reviewer.merged(reviewer.inspect(1)) == (again[0].content_id,)
    assert reviewer.merged(reviewer.inspect(2)) == ()


@pytest.mark.parametrize(
    ("second", "sentence"),
    [("f" * 32, "the dataset has no row ffff"), ("no", "is not a content id")],
)
def test_what_is_not_a_row_is_refused(again, reviewer, second, sentence):
    with pytest.raises(ReviewError, match=sentence):
        compare(reviewer, 1, second)


def test_a_row_of_another_photo_is_not_compared(say, again, drawn):
    other = drawn(2).content_id
    code, _, complaint = say("compare", "--repo", REPO, 1, other)
    assert (code, f"#1 and {other[:8]} are of different photos" in complaint) == (2, True)


def test_a_second_argument_that_is_neither_number_nor_id_is_refused(say, capsys):
    with pytest.raises(SystemExit):
        say("compare", "--repo", REPO, 1, "3f2a")
    assert "expected the number of a pull request or the first 8 to 32" in capsys.readouterr().err
