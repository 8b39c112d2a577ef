"""A merged file stays small, and one of any size can still be read, row group by row group."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotate.cli.program import main
from annotate.dataset.compact import compact, merged_files
from annotate.dataset.folder import FolderStore
from annotate.dataset.layout import MERGED
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.ranged import rows_in
from annotate.dataset.takedown import take_down
from annotate.rows.record import (
    GROUP_BYTES,
    MAX_FILE_BYTES,
    from_parquet,
    image_bytes,
    rows_to_parquet,
    to_parquet,
    to_row,
)
from tests.annotate.conftest import AGREED


@pytest.fixture
def sparse(drawn, tmp_path):
    """A folder with a merged file that is larger than what is read as a whole, mostly a hole."""
    store = FolderStore(tmp_path / "faces")
    store.save(drawn(1))
    path = store.root / MERGED / f"{'0' * 32}.parquet"
    path.parent.mkdir()
    rows = [to_row(drawn(2)), to_row(drawn(3, consent=None))]
    data = rows_to_parquet(rows)
    footer = 8 + int.from_bytes(data[-8:-4], "little")
    with path.open("wb") as file:
        file.write(data[:-footer])
        file.seek(MAX_FILE_BYTES)
        file.write(data[-footer:])
    index = store.root / "index"
    index.mkdir()
    for row in rows:
        with (index / f"{row['content_id'][:2]}.txt").open("a") as lines:
            lines.write(row["content_id"] + "\n")
    assert path.stat().st_size > MAX_FILE_BYTES
    return store


def test_a_merged_file_of_any_size_is_read_loaded_and_exported(sparse, drawn, tmp_path, capsys):
    assert {row["content_id"] for row in sparse.rows()} == {drawn(n).content_id for n in (1, 2, 3)}
    assert sparse.load(drawn(2).content_id).photo_id == drawn(2).photo_id
    words = ["export", "--folder", str(sparse.root), "--format", "folder"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert "3 contributions written" in capsys.readouterr().out


def test_a_row_of_a_large_merged_file_takes_up_consent(sparse, drawn):
    assert sparse.save(drawn(3, consent=AGREED)).agreed
    assert sparse.load(drawn(3).content_id).consent == AGREED
    assert len(sparse.ids()) == 3


def test_a_row_of_a_large_merged_file_is_taken_down(sparse, drawn):
    taken = drawn(2).content_id
    assert take_down(sparse, [taken], reason="asked").removed == (taken,)
    assert sparse.ids() == tuple(sorted(drawn(n).content_id for n in (1, 3)))
    assert all(path.stat().st_size < MAX_FILE_BYTES for path in sparse.files())


def test_compaction_keeps_merged_files_below_a_number_of_bytes(drawn, tmp_path):
    store, corrections = FolderStore(tmp_path), [drawn(n, size=(64, 64)) for n in range(10)]
    for correction in corrections:
        store.save(correction)
    most = 3 * max(image_bytes(to_row(correction)) for correction in corrections)
    counts = []
    while (done := compact(store, at_least=2, most_bytes=most)).files:
        counts.append(done.files)
        held = sum(image_bytes(row) for row in rows_in(store, done.path))
        assert 0 < held <= most
    assert sum(counts) + len(store.files()) - len(counts) == 10
    assert counts[0] == 3
    assert store.ids() == tuple(sorted(c.content_id for c in corrections))


def test_a_row_above_the_bound_has_a_merged_file_of_its_own(drawn, tmp_path):
    store = FolderStore(tmp_path)
    for n in range(3):
        store.save(drawn(n))
    assert [compact(store, at_least=1, most_bytes=1).files for _ in range(4)] == [1, 1, 1, 0]
    assert len(store.ids()) == 3


def test_rows_are_split_over_as_many_merged_files_as_they_need(drawn):
    rows = [to_row(drawn(n)) for n in range(5)]
    files = merged_files(iter(rows), most=2 * max(map(image_bytes, rows)))
    assert [len(from_parquet(data)) for data in files.values()] == [2, 2, 1]
    assert all(path.startswith(f"{MERGED}/") for path in files)
    assert merged_files([]) == {}


def test_large_rows_are_in_row_groups_of_few(drawn):
    row = to_row(drawn(1))
    large = {**row, "image": bytes(GROUP_BYTES // 2 - 10_000)}
    data = rows_to_parquet([large] * 3 + [row] * 40)
    file = pq.ParquetFile(pa.BufferReader(data))
    assert [file.metadata.row_group(i).num_rows for i in range(3)] == [2, 32, 9]


def test_a_merged_file_on_the_hub_is_read_in_parts(owner, hub, drawn):
    corrections = [drawn(n, size=(128, 128)) for n in range(40)]
    owner.commit([ConsentedRow(to_parquet(correction)) for correction in corrections])
    path = compact(owner.repo, at_least=2).path
    size = len(hub.files("dataset", "owner/faces")[path])
    hub.log.clear()
    rows = list(rows_in(owner.repo, path))
    assert {row["content_id"] for row in rows} == {c.content_id for c in corrections}
    received = [request["received"] for request in hub.requests("/resolve/")]
    assert max(received) < size
    assert sum(received) < 1.5 * size
