"""One row in two files: how it comes about, and that neither stays when it should go."""

from __future__ import annotations

import pytest

from annotate.dataset import layout
from annotate.dataset.compact import compact
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.takedown import take_down
from annotate.rows.record import to_parquet
from tests.annotate.dataset.test_upkeep import ids_of, put
from tests.annotate.review.test_review_races import when


def test_a_row_in_its_own_and_in_a_merged_file_is_taken_down_from_both(owner, drawn, tmp_path):
    put(owner, drawn(1), drawn(2))
    compact(owner.repo, at_least=2)
    twice = drawn(1).content_id
    owner.repo.commit({layout.row_path(twice): to_parquet(drawn(1))}, title="x")
    assert take_down(owner.repo, [twice]).removed == (twice,)
    assert ids_of(owner, tmp_path) == [drawn(2).content_id]


def test_a_damaged_merged_file_is_named_and_other_rows_are_taken_down(owner, drawn):
    put(owner, drawn(1))
    owner.repo.commit({f"{layout.MERGED}/bad.parquet": b"PAR1"}, title="x")
    done = take_down(owner.repo, [drawn(1).content_id])
    assert done.removed == (drawn(1).content_id,)
    assert "merged/bad.parquet is not a whole parquet file" in done.unread[0]


class Stopped(Exception):
    """Something ends the program."""


class DyingStore(FolderStore):
    """A folder whose program is stopped after some files of a commit."""

    def commit(self, added, *, title, deleted=(), parent):
        first = dict(list(added.items())[: self.written])
        gone = list(deleted)[: self.deleted]
        super().commit(first, title=title, deleted=gone, parent=parent)
        raise Stopped


@pytest.mark.parametrize(("written", "deleted"), [(99, 2), (99, 0), (4, 0), (2, 0)])
def test_a_stopped_compaction_of_a_folder_duplicates_no_row(tmp_path, drawn, written, deleted):
    store = DyingStore(tmp_path)
    store.written, store.deleted = written, deleted
    wanted = {store.save(drawn(number)).id for number in range(4)}
    with pytest.raises(Stopped):
        compact(store, at_least=2)
    store = FolderStore(tmp_path)
    while compact(store, at_least=2).files:
        pass
    assert set(store.ids()) == wanted
    assert len(store.ids()) == 4
    assert take_down(store, [drawn(1).content_id]).removed == (drawn(1).content_id,)
    assert set(store.ids()) == wanted - {drawn(1).content_id}


def test_a_takedown_after_a_stopped_compaction_removes_both_copies(tmp_path, drawn):
    store = DyingStore(tmp_path)
    store.written, store.deleted = 99, 0
    for number in range(3):
        store.save(drawn(number))
    with pytest.raises(Stopped):
        compact(store, at_least=2)
    take_down(FolderStore(tmp_path), [drawn(1).content_id])
    assert drawn(1).content_id not in store.ids()


def test_a_duplicated_row_keeps_the_consent_of_either_copy(tmp_path, drawn):
    store = DyingStore(tmp_path)
    store.written, store.deleted = 99, 0
    for number in range(2):
        store.save(drawn(number, consent=None))
    with pytest.raises(Stopped):
        compact(store, at_least=2)
    store.save(drawn(1))
    compact(FolderStore(tmp_path), at_least=2)
    assert len(store.files()) == 1
    assert store.load(drawn(1).content_id).consent == drawn(1).consent
    assert store.load(drawn(0).content_id).consent is None


def test_a_takedown_during_the_upload_of_a_batch_is_respected(owner, hub, dataset, drawn):
    def down():
        hub.chaos = None
        take_down(owner.repo, [drawn(1).content_id])

    when(hub, "PUT", "/_lfs/", down)
    results = owner.commit([ConsentedRow(to_parquet(drawn(n))) for n in (1, 2)])
    assert "was taken down" in str(results[drawn(1).content_id])
    assert results[drawn(2).content_id].merged
    assert layout.row_path(drawn(1).content_id) not in dataset.tree()
    assert layout.row_path(drawn(2).content_id) in dataset.tree()
