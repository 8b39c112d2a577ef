"""The facts of a dataset on the Hub are counted in small requests, and once."""

from __future__ import annotations

import pytest

from annotate.dataset.compact import compact
from annotate.dataset.index import RowIndex
from annotate.dataset.layout import row_path
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.ranged import TAIL
from annotate.dataset.refresh import count_rows, mirror
from annotate.dataset.takedown import take_down
from annotate.errors import RecordError, RemoteBusyError
from annotate.rows.photo_hash import photo_hash
from annotate.rows.record import to_parquet


def put(store, *corrections):
    return store.commit([ConsentedRow(to_parquet(correction)) for correction in corrections])


def asked(hub):
    return hub.requests("/resolve/")


def test_counting_a_row_reads_its_last_kilobytes_and_only_once(owner, hub, drawn):
    put(owner, *[drawn(n, size=(256, 256)) for n in range(3)])
    row_index = RowIndex()
    hub.log.clear()
    assert row_index.update(owner.repo) == 0
    assert len(asked(hub)) == 3
    assert sum(request["received"] for request in asked(hub)) <= 3 * TAIL
    assert len(hub.log) == 3 + 2  # the head and the list of files
    put(owner, drawn(9))
    hub.log.clear()
    row_index.update(owner.repo)
    row_index.update(owner.repo)
    assert len(asked(hub)) == 1
    assert len(hub.log) == 1 + 2 + 1


def test_the_numbers_are_those_of_the_whole_dataset(owner, drawn, tmp_path):
    put(owner, *[drawn(n, contributor=f"guest{n % 2}") for n in range(5)])
    compact(owner.repo, at_least=2)
    put(owner, drawn(9))
    row_index = RowIndex()
    row_index.update(owner.repo)
    assert count_rows(row_index) == count_rows(mirror(owner.repo, tmp_path))


def test_what_was_taken_down_is_not_counted(owner, drawn):
    put(owner, drawn(1), drawn(2))
    row_index = RowIndex()
    row_index.update(owner.repo)
    take_down(owner.repo, [drawn(1).content_id])
    row_index.update(owner.repo)
    assert [row["content_id"] for row in row_index.columns(["content_id"])] == [drawn(2).content_id]


def test_an_interrupted_count_resumes_where_it_stopped(owner, hub, drawn, tmp_path):
    put(owner, *[drawn(n) for n in range(5)])
    assert RowIndex(tmp_path / "facts").update(owner.repo, most=2) == 3
    again = RowIndex(tmp_path / "facts")
    assert again.update(owner.repo, most=2) == 1
    assert again.update(owner.repo, most=2) == 0
    assert len(asked(hub)) == 5 + 1  # the card, which the commit above read
    assert len(list(again.columns(["content_id"]))) == 5


def test_a_failure_keeps_what_was_read(owner, hub, drawn):
    put(owner, *[drawn(n) for n in range(4)])
    row_index = RowIndex()
    hub.fail(row_path(sorted(drawn(n).content_id for n in range(4))[2]), 429)
    with pytest.raises(RemoteBusyError):
        row_index.update(owner.repo)
    assert len(list(row_index.columns(["content_id"]))) == 2
    assert row_index.update(owner.repo) == 0
    assert len(list(row_index.columns(["content_id"]))) == 4


def test_a_file_that_is_not_a_row_is_named(owner, drawn):
    owner.repo.commit({row_path(drawn(1).content_id): b"no parquet"}, title="x")
    with pytest.raises(RecordError, match="is not a whole parquet file"):
        RowIndex().update(owner.repo)


def test_a_look_alike_in_the_dataset_is_found(owner, drawn):
    put(owner, drawn(1))
    row_index = RowIndex()
    row_index.update(owner.repo)
    assert row_index.near_duplicates(photo_hash(drawn(1).image)) == (drawn(1).content_id,)
    assert row_index.near_duplicates(photo_hash(drawn(2).image)) == ()
