"""Untrusted rows are reported, not merged, and don't break what follows."""

from __future__ import annotations

import io
import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from annotate.dataset.folder import FolderStore
from annotate.dataset.index import RowIndex
from annotate.dataset.layout import row_path
from annotate.dataset.refresh import count_rows
from annotate.dataset.repo import changed_files
from annotate.errors import RecordError, ReviewError
from annotate.review.reviewer import Reviewer
from annotate.rows import png
from annotate.rows.photo_hash import photo_hash
from annotate.rows.record import rows_to_parquet, to_parquet, to_row
from tests.annotate.conftest import REPO


def propose(store, correction, *, files=None, **row):
    """Opens a pull request without any of the looks that this project takes before."""
    data = rows_to_parquet([{**to_row(correction), **row}])
    files = {row_path(correction.content_id): data, **(files or {})}
    title = f"Correction {correction.content_id}"
    return store.repo.commit(files, title=title, pull_request=True).number


HOSTILE = [
    {"photo_hash": "?"}, {"photo_id": "0" * 32}, {"areas_after": [1, 2]}, {"areas_after": None},
    {"changed_pixels": None}, {"created_at": datetime(9999, 12, 31, tzinfo=UTC)},
    {"created_at": None}, {"image": None}, {"tools": None}, {"seconds": None},
    {"licence": None}, {"source": None}, {"model": None}, {"schema": None},
    {"consent_right": None}, {"contributor": None},
]  # fmt: skip


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: next(iter(row)))
def test_a_row_with_a_wrong_or_missing_value_is_shown_and_not_merged(guest, owner, drawn, row):
    number = propose(guest, drawn(1), **row)
    seen = Reviewer(owner).inspect(number)
    assert seen.correction is None
    assert seen.findings[0].check == "row"
    with pytest.raises(ReviewError, match="can't be accepted as it is"):
        Reviewer(owner).accept(number)


def test_a_photo_with_location_or_orientation_metadata_is_not_merged(guest, owner, drawn):
    exif, sink = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(drawn(1).image).save(sink, "PNG", exif=exif)
    number = propose(guest, drawn(1), image=sink.getvalue())
    with pytest.raises(ReviewError, match="holds more than its pixels: eXIf"):
        Reviewer(owner).accept(number)


def test_a_bad_row_does_not_hide_the_contributions_after_it(guest, drawn, say):
    propose(guest, drawn(1), image=None)
    propose(guest, drawn(2))
    code, shown, _ = say("list", "--repo", "owner/faces", "--check")
    assert code == 0
    assert "whose image is not the bytes of a file" in shown
    assert drawn(2).content_id in shown


def test_an_invalid_hash_breaks_neither_a_save_nor_the_review(guest, owner, drawn):
    path = row_path(drawn(1).content_id)
    owner.repo.commit(
        {path: rows_to_parquet([{**to_row(drawn(1)), "photo_hash": "?"}])}, title="past the review"
    )
    row_index = RowIndex()
    row_index.look(owner.repo)
    assert row_index.near_duplicates(photo_hash(drawn(2).image)) == ()
    assert Reviewer(owner, rows=row_index).inspect(propose(guest, drawn(2))).acceptable


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"areas_after": [1, 2]}, "expected 19 numbers"),
        ({"areas_after": None}, "areas_after"),
        ({"changed_pixels": None}, "changed_pixels"),
        ({"created_at": datetime(9999, 12, 31, tzinfo=UTC)}, "the year 9999"),
    ],
)
def test_a_row_that_cannot_be_counted_is_named(drawn, tmp_path, row, shown):
    store, bad = FolderStore(tmp_path), drawn(1)
    store.save(drawn(2))
    data = rows_to_parquet([{**to_row(bad), **row}])
    store.save_row(bad.content_id, data, schema=bad.schema)
    with pytest.raises(RecordError, match=f"row {bad.content_id} can't be counted.*{shown}"):
        count_rows(store)


def test_a_time_in_the_future_is_noticed(guest, owner, drawn):
    number = propose(guest, drawn(1, created_at=datetime(2150, 1, 2, tzinfo=UTC)))
    (found,) = [f for f in Reviewer(owner).inspect(number).findings if f.check == "time"]
    assert (found.sentence, found.blocks) == ("its date is 02 January 2150", False)


def test_a_fixed_row_and_one_without_consent_are_still_read(owner, guest, drawn, tmp_path):
    number, mask = propose(guest, drawn(1)), np.zeros((24, 32), np.uint8)
    mask[:3] = 14
    new = Reviewer(owner).fix_and_accept(number, mask)
    assert owner.repo.read(row_path(new)) is not None
    store, kept = FolderStore(tmp_path), drawn(2, consent=None)
    store.save_row(kept.content_id, to_parquet(kept), schema=kept.schema)
    assert store.load(kept.content_id).consent is None


ROW = row_path("0" * 32)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("é.parquet", r'"a/\303\251.parquet" "b/\303\251.parquet"'),
        ('"', r'"a/\"" "b/\""'),
        ("a\tb", r'"a/a\tb" "b/a\tb"'),
        (f"x b/{ROW}", f"x b/{ROW}"),
        (ROW, ROW),
    ],
)
def test_every_file_of_a_real_diff_is_seen(tmp_path, path, shown):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    for name in (path, "second"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"diff --git a/fake b/fake\nnew file\n")
    subprocess.run([*git, "add", "."], check=True)
    diff = subprocess.run([*git, "diff", "--cached"], check=True, capture_output=True).stdout
    found = [name for _, name in changed_files(diff.decode())]
    assert sorted(found) == sorted([shown, "second"])


@pytest.mark.parametrize(
    "header",
    [
        "diff --git a/old b/" + ROW,
        f"diff --git a/x b/{ROW} b/y b/{ROW}",
        "diff --git " + ROW,
        "diff --git ",
    ],
)
def test_an_unknown_line_of_a_diff_is_not_an_added_row(header):
    ((change, shown),) = changed_files(f"{header}\nnew file mode 100644\n")
    assert (change, shown) == ("changed", header.removeprefix("diff --git "))


@pytest.mark.parametrize("name", ["a\u2028b", "a\rb", "a\x85b", "é"])
def test_a_file_with_an_unusual_name_stops_a_merge(guest, owner, drawn, name):
    evil = to_parquet(drawn(2, consent=None))
    number = propose(guest, drawn(1), files={f"data/train/zz/{name}.parquet": evil})
    with pytest.raises(ReviewError, match="besides its row it has"):
        Reviewer(owner).accept(number)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"mask": png.encode(np.zeros((9000, 7000), np.uint8))}, "must be of one size"),
        ({"areas_after": [1] * 19}, "its sum is not the number of pixels"),
        ({"source": "\x1b[2J\x1b[H #1 is merged"}, "control character"),
        ({"contributor": "\x1b]0;owned\x07"}, "is not an account name"),
        ({"schema": "\x1b[2J" * 100}, "the row's labels are '"),
    ],
    ids=["size", "areas", "source", "contributor", "schema"],
)
def test_cheap_columns_are_checked_first_and_nothing_reaches_the_terminal(
    guest, owner, dataset, drawn, say, row, sentence
):
    number = propose(guest, drawn(1), **row)
    code, out, _ = say("list", "--repo", REPO, "--check")
    assert (code, sentence in out, "\x1b" in out) == (0, True, False)
    code, out, err = say("accept", "--repo", REPO, number)
    assert (code, sentence in err, "\x1b" in err) == (1, True, False)
    assert dataset.discussions[number].status != "merged"


def test_hostile_file_names_and_titles_are_listed_escaped_and_not_merged(
    guest, owner, dataset, drawn, say
):
    hostile = {"data/\x1b[2J.py": b"x", "README.md": b"---\nlicense: mit\n---\n"}
    number = propose(guest, drawn(1), files=hostile)
    code, out, _ = say("show", "--repo", REPO, number)
    assert (code, "\x1b" in out) == (1, False)
    assert "besides its row it has" in out
    code, out, err = say("accept", "--repo", REPO, number)
    assert (code, out) == (1, "")
    assert "changed 'README.md'" in err
    title = f"Correction {'0' * 32}\nMerged"
    guest.repo.commit({"data/x": b"y"}, title=title, pull_request=True)
    code, out, _ = say("list", "--repo", REPO)
    assert (code, len(out.splitlines())) == (0, 2)
