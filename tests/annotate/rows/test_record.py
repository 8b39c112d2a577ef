"""A row holds a whole correction, its images as plain PNG; an untrusted row is checked."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from annotate.errors import ConsentError, CorrectionError, RecordError
from annotate.rows import record
from segface_hf.errors import LabelError
from segface_hf.labels import CELEBAMASK_HQ


def rewritten(correction, **fields):
    return record.rows_to_parquet([{**record.to_row(correction), **fields}])


def test_a_correction_round_trips_through_its_row(drawn):
    correction = drawn(3, source="https://example.org/photo", app_version="0.1")
    (row,) = record.from_parquet(record.to_parquet(correction))
    back = record.from_row(row)
    for name in ("image", "mask", "prediction"):
        assert np.array_equal(getattr(back, name), getattr(correction, name))
    for name in ("schema", "model", "effort", "contributor", "consent", "source", "created_at"):
        assert getattr(back, name) == getattr(correction, name)
    assert row["areas_after"] == list(correction.areas_after)
    assert row["schema_version"] == CELEBAMASK_HQ.version


def test_masks_are_mode_l_and_no_image_has_metadata(drawn):
    row = record.to_row(drawn(1))
    for name, mode in (("image", "RGB"), ("mask", "L"), ("prediction", "L")):
        image = Image.open(io.BytesIO(row[name]))
        assert (image.format, image.mode) == ("PNG", mode)
        assert image.info == {}


def test_the_columns_of_version_1_never_change():
    assert record.RECORD_VERSION == 1
    assert list(record.features()) == [
        "content_id",
        "record_version",
        "image",
        "mask",
        "prediction",
        "schema",
        "schema_version",
        "model",
        "model_revision",
        "model_digest",
        "areas_before",
        "areas_after",
        "changed_pixels",
        "seconds",
        "tools",
        "contributor",
        "consent_right",
        "consent_people",
        "photo_licence",
        "licence",
        "source",
        "created_at",
        "app_version",
        "photo_id",
        "photo_hash",
    ]


def test_an_altered_row_is_refused(drawn):
    other = record.to_row(drawn(2))
    (row,) = record.from_parquet(rewritten(drawn(1), mask=record.to_row(drawn(1))["prediction"]))
    with pytest.raises(RecordError, match="it was altered"):
        record.from_row(row)
    (row,) = record.from_parquet(rewritten(drawn(1), image=other["image"]))
    with pytest.raises(RecordError, match="it was altered"):
        record.from_row(row)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("photo_id", "0" * 32),
        ("photo_hash", "?"),
        ("photo_hash", "0" * 64),
        ("areas_before", [1, 2]),
        ("areas_after", [-1] * 19),
        ("changed_pixels", 3),
        ("licence", ""),
    ],
)
def test_a_column_that_does_not_follow_from_the_content_is_refused(drawn, name, value):
    (row,) = record.from_parquet(rewritten(drawn(1), **{name: value}))
    with pytest.raises((RecordError, ConsentError)):
        record.from_row(row)


@pytest.mark.parametrize("name", list(record.features()))
def test_a_column_without_a_value_is_refused(drawn, name):
    with pytest.raises(RecordError, match=name if name != "record_version" else "of version"):
        record.from_row(record.from_parquet(rewritten(drawn(1), **{name: None}))[0])


@pytest.mark.parametrize("tools", [[None], [{"tool": None, "steps": 1}], [{"tool": "a"}]])
def test_a_list_with_a_missing_value_is_refused(drawn, tools):
    (row,) = record.from_parquet(rewritten(drawn(1), tools=tools))
    with pytest.raises(RecordError, match="no value in tools"):
        record.from_row(row)


def test_a_very_long_text_is_refused(drawn):
    (row,) = record.from_parquet(rewritten(drawn(1), app_version="x" * 5000))
    with pytest.raises(RecordError, match="app_version has 5000 characters"):
        record.from_row(row)


@pytest.mark.parametrize("year", [9999, 1])
def test_a_year_out_of_range_is_refused(drawn, year):
    moment = datetime(year, 12, 31, tzinfo=UTC)
    (row,) = record.from_parquet(rewritten(drawn(1), created_at=moment))
    with pytest.raises(CorrectionError, match=f"got {year}"):
        record.from_row(row)


def test_a_hash_rounded_differently_by_another_image_library_is_accepted(drawn):
    held = record.to_row(drawn(1))["photo_hash"]
    close = f"{int(held, 16) ^ 0b101:064x}"
    (row,) = record.from_parquet(rewritten(drawn(1), photo_hash=close))
    assert record.from_row(row).photo_id == drawn(1).photo_id


def test_a_row_whose_photo_names_a_file_is_refused(drawn):
    table = pq.read_table(io.BytesIO(record.to_parquet(drawn(1))))
    photo = [{"bytes": record.to_row(drawn(1))["image"], "path": "jane_doe_berlin.png"}]
    at = table.schema.get_field_index("image")
    named = table.set_column(at, table.schema.field(at), pa.array(photo, table.schema[at].type))
    sink = io.BytesIO()
    pq.write_table(named, sink)
    with pytest.raises(RecordError, match="whose image is not the bytes of a file"):
        record.from_parquet(sink.getvalue(), source="x")


def test_a_time_beyond_the_calendar_is_refused(drawn):
    table = pq.read_table(io.BytesIO(record.to_parquet(drawn(1))))
    at = table.schema.get_field_index("created_at")
    never = pa.array([2**60], pa.int64()).cast(table.schema[at].type)
    sink = io.BytesIO()
    pq.write_table(table.set_column(at, table.schema.field(at), never), sink)
    with pytest.raises(RecordError, match="a text or time that can't be read"):
        record.from_parquet(sink.getvalue(), source="x")


def test_an_unknown_id_in_a_row_is_refused(drawn):
    sink = io.BytesIO()
    Image.fromarray(np.full((24, 32), 200, np.uint8)).save(sink, "PNG")
    (row,) = record.from_parquet(rewritten(drawn(1), mask=sink.getvalue()))
    with pytest.raises(LabelError, match="id 200 is not a class"):
        record.from_row(row)


def test_other_labels_of_the_same_name_are_refused(drawn):
    (row,) = record.from_parquet(rewritten(drawn(1), schema_version="00000000"))
    with pytest.raises(RecordError, match="are of version '00000000', this app knows"):
        record.from_row(row)


def test_another_record_version_is_refused_by_name(drawn):
    with pytest.raises(RecordError, match=r"rows of version \[2\], this app reads 1"):
        record.from_parquet(rewritten(drawn(1), record_version=2), source="x")


def test_other_columns_are_refused_because_they_would_break_every_load(drawn):
    table = pq.read_table(io.BytesIO(record.to_parquet(drawn(1))))
    sink = io.BytesIO()
    pq.write_table(table.append_column("extra", pa.array([1])), sink)
    with pytest.raises(RecordError, match=r"differs in columns \['extra'\]"):
        record.from_parquet(sink.getvalue(), source="x.parquet")


@pytest.mark.parametrize("cut", [0, 3, 200, -1])
def test_a_truncated_file_is_refused_with_a_typed_error(drawn, cut):
    with pytest.raises(RecordError, match="not a whole parquet file"):
        record.from_parquet(record.to_parquet(drawn(1))[:cut])
