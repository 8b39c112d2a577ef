"""A correction as one dataset row: the columns, their version, and the parquet file of a row."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.correction import MAX_TEXT, Consent, Correction, Effort, ModelUsed
from annotate.errors import CorrectionError, RecordError, StoreError
from annotate.rows import png
from annotate.rows.parquet_limits import Stream, check_group, groups_of
from annotate.rows.photo_hash import NEAR_BITS, distance, is_hash, photo_hash
from segface_hf.labels import SCHEMAS, LabelSchema


def check_values(row: Mapping[str, Any], *, names: Iterable[str]) -> None:
    """Checks that every column has a value; parquet allows null in each.

    Raises:
        RecordError: A column has none, or its text is too long.
    """
    empty = [name for name in names if _is_null(row[name])]
    if empty:
        raise RecordError(f"row {row['content_id']!r:.50} has no value in {', '.join(empty)}")
    for name, value in row.items():
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise RecordError(
                f"a row's {name} has {len(value)} characters, at most {MAX_TEXT} are read"
            )


def _is_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_null(each) for each in value.values())
    return value is None or (isinstance(value, list) and any(_is_null(each) for each in value))


def check_derived(row: Mapping[str, Any], *, facts: Mapping[str, Any]) -> None:
    """Checks the columns that are derived from others; statistics count by them.

    Args:
        row: The row, which is untrusted input.
        facts: The columns that are not images, computed from its content.

    Raises:
        RecordError: They differ.
    """
    wrong = [name for name, value in facts.items() if name != "photo_hash" and row[name] != value]
    # Another version of the image library may round a cell of the hash the other way.
    held = row["photo_hash"]
    if not is_hash(held) or distance(held, facts["photo_hash"]) > NEAR_BITS:
        wrong.append("photo_hash")
    if wrong:
        raise RecordError(
            f"row {row['content_id']!r:.50} has a wrong value in {', '.join(wrong)}: its content "
            "gives another one, so it was altered"
        )


RECORD_VERSION = 1
MAX_FILE_BYTES = 256 * 2**20
GROUP_ROWS, GROUP_BYTES = 32, 16 * 2**20
IMAGES = ("image", "mask", "prediction")


@cache
def features() -> Any:
    """Returns the `datasets.Features` of a row; columns never change within a record version."""
    from datasets import Features, Image, List, Value

    text, count = Value("string"), Value("int64")
    return Features(
        {
            "content_id": text,
            "record_version": Value("int32"),
            "image": Image(mode="RGB"),
            "mask": Image(mode="L"),
            "prediction": Image(mode="L"),
            "schema": text,
            "schema_version": text,
            "model": text,
            "model_revision": text,
            "model_digest": text,
            "areas_before": List(count),
            "areas_after": List(count),
            "changed_pixels": count,
            "seconds": Value("float64"),
            "tools": List({"tool": text, "steps": count}),
            "contributor": text,
            "consent_right": text,
            "consent_people": text,
            "photo_licence": text,
            "licence": text,
            "source": text,
            "created_at": Value("timestamp[ms, tz=UTC]"),
            "app_version": text,
            "photo_id": text,
            "photo_hash": text,
        }
    )


def to_row(correction: Correction) -> dict[str, Any]:
    """Returns the row of a correction, images as the bytes of PNG files without metadata."""
    images = {name: png.encode(getattr(correction, name)) for name in IMAGES}
    return {**_facts(correction), **images}


def _facts(correction: Correction) -> dict[str, Any]:
    """Returns the columns that are not images."""
    consent = correction.consent
    return {
        "content_id": correction.content_id,
        "record_version": RECORD_VERSION,
        "schema": correction.schema.name,
        "schema_version": correction.schema.version,
        "model": correction.model.id,
        "model_revision": correction.model.revision,
        "model_digest": correction.model.digest,
        "areas_before": list(correction.areas_before),
        "areas_after": list(correction.areas_after),
        "changed_pixels": correction.changed_pixels,
        "seconds": correction.effort.seconds,
        "tools": [{"tool": name, "steps": steps} for name, steps in correction.effort.tools],
        "contributor": correction.contributor,
        "consent_right": consent.right if consent else "",
        "consent_people": consent.people if consent else "",
        "photo_licence": consent.photo_license if consent else "",
        "licence": consent.license if consent else "",
        "source": correction.source,
        "created_at": correction.created_at,
        "app_version": correction.app_version,
        "photo_id": correction.photo_id,
        "photo_hash": photo_hash(correction.image),
    }


def from_row(row: Mapping[str, Any], *, schema: LabelSchema | None = None) -> Correction:
    """Returns the correction of a row, treating it as untrusted input.

    Texts, numbers and the sizes in the images' headers are checked before an image is decoded.

    Args:
        row: What `to_row` or `from_parquet` gave.
        schema: The label schema of a dataset that doesn't use a built-in one.

    Raises:
        RecordError: Another record or label version, images that are more than a plain PNG, a
            column without a value, or one that does not follow from the content.
        CorrectionError: A text, number or size is not valid for a correction.
        LabelError: The mask holds unknown ids.
    """
    check_values(row, names=features())
    schema = _schema_of(row, schema)
    model = ModelUsed(row["model"], revision=row["model_revision"], digest=row["model_digest"])
    effort = Effort(row["seconds"], tuple((t["tool"], t["steps"]) for t in row["tools"]))
    consent = consent_of(row)
    _check_sizes(row)
    correction = Correction(
        image=png.decode(row["image"], mode="RGB"),
        mask=png.decode(row["mask"], mode="L"),
        prediction=png.decode(row["prediction"], mode="L"),
        schema=schema,
        model=model,
        effort=effort,
        contributor=row["contributor"],
        consent=consent,
        source=row["source"],
        created_at=row["created_at"],
        app_version=row["app_version"],
    )
    if correction.content_id != row["content_id"]:
        raise RecordError(
            f"row {row['content_id']!r:.50} holds the content of {correction.content_id}: it was "
            "altered"
        )
    check_derived(row, facts=_facts(correction))
    return correction


def _check_sizes(row: Mapping[str, Any]) -> None:
    """Checks by headers and columns that the images of a row have one size."""
    width, height = size = png.size_of(row["image"], mode="RGB")
    for name in ("mask", "prediction"):
        if png.size_of(row[name], mode="L") != size:
            raise CorrectionError(f"the {name} and the photo of a row must be of one size")
    for name in ("areas_before", "areas_after"):
        if sum(row[name]) != width * height:
            raise RecordError(
                f"row {row['content_id']!r:.50} has a wrong value in {name}: its sum is not the "
                "number of pixels, so it was altered"
            )


def consent_of(row: Mapping[str, Any]) -> Consent | None:
    """Returns the consent of a row, or None.

    Raises:
        ConsentError: It is incomplete.
    """
    if row["consent_right"] == "" and row["consent_people"] == "":
        return None
    return Consent(
        right=row["consent_right"],
        people=row["consent_people"],
        photo_license=row["photo_licence"],
        license=row["licence"],
    )


def _schema_of(row: Mapping[str, Any], schema: LabelSchema | None) -> LabelSchema:
    schema = schema or SCHEMAS.get(row["schema"])
    if schema is None or schema.name != row["schema"]:
        raise RecordError(
            f"the row's labels are {row['schema']!r:.60}, known are {sorted(SCHEMAS)}"
        )
    if row["schema_version"] != schema.version:
        raise RecordError(
            f"the row's '{schema.name}' labels are of version {row['schema_version']!r:.60}, "
            f"this app knows {schema.version}: update whichever is older"
        )
    return schema


def one_row(data: bytes, content_id: str, *, source: str) -> dict[str, Any]:
    """Returns the one row of a contribution's own file, images as PNG bytes.

    Raises:
        RecordError: As from `from_parquet`, or it does not hold exactly that row.
    """
    rows = from_parquet(data, source=source, most=1)
    if len(rows) != 1 or rows[0]["content_id"] != content_id:
        raise RecordError(f"{source} does not hold the one row that its name says")
    return rows[0]


def to_parquet(correction: Correction) -> bytes:
    """Returns the file of one row, the datasets features inside."""
    return rows_to_parquet([to_row(correction)])


def rows_to_parquet(rows: Iterable[dict[str, Any]]) -> bytes:
    """Returns a parquet file of rows in small row groups, so that readers can stream it."""
    sink, schema = io.BytesIO(), features().arrow_schema
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _grouped(rows):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
    return sink.getvalue()


def _grouped(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if group and (len(group) == GROUP_ROWS or size + image_bytes(row) > GROUP_BYTES):
            yield group
            group, size = [], 0
        size += image_bytes(row)
        pictures = {k: {"bytes": v, "path": None} for k, v in row.items() if isinstance(v, bytes)}
        group.append({**row, **pictures})
    if group:
        yield group


def image_bytes(row: Mapping[str, Any]) -> int:
    """Returns the bytes of a row's images, which are nearly all of it."""
    return sum(len(row[name] or b"") for name in IMAGES)


def from_parquet(
    data: bytes, *, source: str = "file", most: int | None = None
) -> list[dict[str, Any]]:
    """Returns the rows of a parquet file, images as PNG bytes.

    Args:
        data: The file.
        source: Its name in errors.
        most: The most rows to allow; None allows as many as the size can hold.

    Raises:
        RecordError: Too large, also when unpacked, not a parquet file, other columns, or another
            record version.
    """
    if len(data) > MAX_FILE_BYTES:
        raise RecordError(f"{source} is {len(data)} bytes, at most {MAX_FILE_BYTES} are read")
    groups = row_groups(io.BytesIO(data), size=len(data), source=source, most=most)
    return [row for group in groups for row in group]


def row_groups(
    stream: Stream, *, size: int, source: str, most: int | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of a parquet file of any size, a row group at a time.

    Raises:
        RecordError: As from `from_parquet`, but for the size.
    """
    try:
        file = pq.ParquetFile(stream)
        check_columns(file.schema_arrow, source=source)
        groups = groups_of(stream, size=size, source=source, most=most)
        for index, group in enumerate(groups):
            check_group(stream, group, schema=file.schema, source=source)
            yield _rows_of(file.read_row_group(index, use_threads=False), source=source)
    except (RecordError, StoreError, FileNotFoundError):
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise RecordError(f"{source} is not a whole parquet file ({error})") from error


def _rows_of(table: pa.Table, *, source: str) -> list[dict[str, Any]]:
    versions = set(table.column("record_version").to_pylist())
    if versions - {RECORD_VERSION}:
        raise RecordError(
            f"{source} holds rows of version {sorted(versions, key=str)}, this app reads "
            f"{RECORD_VERSION}: update whichever is older"
        )
    try:
        rows = table.to_pylist()
    except (ValueError, OverflowError) as error:
        raise RecordError(f"{source} holds a text or time that can't be read ({error})") from error
    for row in rows:
        for name in IMAGES:
            # A path beside the bytes names a file on another machine.
            if row[name] is None or row[name]["bytes"] is None or row[name]["path"] is not None:
                raise RecordError(f"{source} holds a row whose {name} is not the bytes of a file")
            row[name] = row[name]["bytes"]
    return rows


def check_columns(schema: pa.Schema, *, source: str) -> None:
    """Checks that a parquet file has the columns of this record version, in type and order.

    Raises:
        RecordError: It hasn't. One such file would break `load_dataset` for every user.
    """
    expected = features().arrow_schema
    if not schema.equals(expected):
        different = set(schema.names) ^ set(expected.names)
        what = f"columns {sorted(different)}" if different else "column types"
        raise RecordError(
            f"{source} is not of record version {RECORD_VERSION}: it differs in {what}"
        )
