"""A file that would unpack into much more than it is isn't unpacked, whatever its footer says."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotate.dataset.index import facts_of
from annotate.dataset.layout import row_path
from annotate.errors import RecordError
from annotate.rows.record import from_parquet, one_row, rows_to_parquet, to_parquet, to_row


def written(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def with_column(correction, name, values, **options):
    """Returns the file of a row with other values in one column."""
    table = pq.read_table(io.BytesIO(to_parquet(correction)))
    at = table.schema.get_field_index(name)
    column = pa.array(values, table.schema.field(at).type)
    return written(table.set_column(at, table.schema.field(at), column), **options)


def varint(value, length=0):
    """Returns a whole number as Thrift packs it, in at least so many bytes."""
    value, packed = value << 1, bytearray()
    while value > 0x7F or len(packed) + 1 < length:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*packed, value])


def with_lying_footer(data):
    """Returns a file whose footer says that its longest column unpacks to ten bytes."""
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    size = max(group.column(i).total_uncompressed_size for i in range(group.num_columns))
    length = int.from_bytes(data[-8:-4], "little")
    pages, footer = data[: -8 - length], data[-8 - length :]
    said = varint(size)
    assert said in footer
    return pages + footer.replace(said, varint(10, len(said)))


BOMBS = {
    "text": ("model", ["x" * 20_000_000]),
    "image": ("image", [{"bytes": bytes(100_000_000), "path": None}]),
    "path": ("image", [{"bytes": b"", "path": "x" * 20_000_000}]),
    "list": ("areas_after", [np.zeros(3_000_000, np.int64)]),
    "tools": ("tools", [[{"tool": "pen", "steps": 1}] * 100_000]),
}


@pytest.mark.parametrize("honest", [True, False], ids=["shown", "hidden"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(drawn, bomb, honest):
    data = with_column(drawn(1), *BOMBS[bomb])
    data = data if honest else with_lying_footer(data)
    assert len(data) < 200_000
    before = pa.total_allocated_bytes()
    with pytest.raises(RecordError, match="would unpack"):
        from_parquet(data)
    assert pa.total_allocated_bytes() - before < 10**6


def test_too_many_empty_rows_are_refused_by_their_count():
    schema = pq.read_schema(io.BytesIO(rows_to_parquet([])))
    empty = pa.Table.from_arrays([pa.nulls(50_000, field.type) for field in schema], schema=schema)
    with pytest.raises(RecordError, match="says it has 50000 rows in 1 groups"):
        from_parquet(written(empty))


def test_a_contribution_of_two_rows_is_refused_before_it_is_read(drawn):
    data = rows_to_parquet([to_row(drawn(1)), to_row(drawn(2))])
    with pytest.raises(RecordError, match="says it has 2 rows in 1 groups, at most 1"):
        one_row(data, drawn(1).content_id, source="x")
    assert len(from_parquet(data)) == 2


def test_a_page_of_a_kind_that_this_project_does_not_write_is_refused(drawn):
    data = with_column(drawn(1), "model", ["m"], data_page_version="2.0")
    with pytest.raises(RecordError, match="a page of a kind that is not read"):
        from_parquet(data)
    data = with_column(
        drawn(1),
        "seconds",
        [1.0],
        use_dictionary=False,
        column_encoding={"seconds": "BYTE_STREAM_SPLIT"},
    )
    with pytest.raises(RecordError, match="a page of a kind that is not read"):
        from_parquet(data)


def test_a_bomb_in_the_columns_of_a_pull_request_is_not_read(guest, drawn):
    path = row_path(drawn(1).content_id)
    data = with_column(drawn(1), *BOMBS["text"])
    guest.repo.commit({path: data}, title="x", pull_request=True)
    with pytest.raises(RecordError, match="would unpack model"):
        facts_of(guest.repo, path, revision="refs/pr/1")


def test_a_damaged_file_is_read_or_refused_with_a_typed_error(drawn):
    whole, rng = to_parquet(drawn(1)), np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            assert len(from_parquet(bytes(data), most=1)) <= 1
        except RecordError:
            continue


@pytest.mark.parametrize("size", [(1, 1), (2000, 2000)])
def test_the_smallest_and_the_most_uniform_row_are_read(drawn, size):
    image = np.zeros((*size, 3), np.uint8)
    correction = drawn(1, size=size, image=image, source="x" * 500)
    assert one_row(to_parquet(correction), correction.content_id, source="x")


def test_rows_that_are_all_alike_but_for_their_ids_are_read(drawn):
    rows = [to_row(drawn(n, size=(4, 4))) for n in range(70)]
    assert from_parquet(rows_to_parquet(rows)) == from_parquet(rows_to_parquet(iter(rows)))
    assert len(from_parquet(rows_to_parquet(rows))) == 70
