"""Results as parquet: one row a photo, masks as PNG of class ids, written shard by shard."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from segface_hf.errors import ConfigError, DataError, SegFaceError
from segface_hf.faces import FaceParse
from segface_hf.jobs.files import report
from segface_hf.jobs.photos import Photo
from segface_hf.jobs.shards import STAMP, Shard
from segface_hf.jobs.storage import PARQUET, StoragePath
from segface_hf.jobs.streams import HubDataset

_PNG_LEVEL = 3
_WHAT = ("source", "column", "content")  # keys of a stamp that identify the photos of a table
_COLUMNS = ("width", "height", "schema", "model", "revision", "digest")

Row = dict[str, Any]


def schema() -> Any:
    """Returns the pyarrow schema of a result file, which `datasets` reads masks of ids from."""
    from datasets import Features, List, Value
    from datasets import Image as Picture

    text, whole, real = Value("string"), Value("int64"), Value("float64")
    face = {"box": List(real), "landmarks": List(List(real)), "confidence": real, "problem": text}
    area = {"name": text, "id": whole, "pixels": whole, "share": real}
    return Features(
        {
            "source": text,
            "row": whole,
            "photo": text,
            "mask": Picture(mode="L"),
            "width": whole,
            "height": whole,
            "schema": text,
            "model": text,
            "revision": text,
            "digest": text,
            "faces": List(face),
            "classes": List(area),
            "error": text,
        }
    ).arrow_schema


def row_of(shard: Shard, photo: Photo, parse: FaceParse, settings: Mapping[str, Any]) -> Row:
    """Returns the result row of a photo."""
    values = report(photo, parse, dict(settings))
    return {
        **_named(shard, photo),
        "mask": {"bytes": _png(parse.mask), "path": None},
        **{name: values[name] for name in _COLUMNS},
        "faces": values["faces"],
        "classes": [{"name": name, **area} for name, area in values["classes"].items()],
        "error": None,
    }


def row_of_error(shard: Shard, photo: Photo, error: SegFaceError) -> Row:
    """Returns the row of a photo that could not be parsed: its names and the error."""
    return {**_named(shard, photo), "error": _encodable(str(error))}


def _named(shard: Shard, photo: Photo) -> Row:
    names = {"source": shard.source, "photo": photo.name}
    return {**{key: _encodable(name) for key, name in names.items()}, "row": photo.row}


def _encodable(text: str) -> str:
    """Escapes bytes in a file name that are not valid text, which tables don't accept."""
    return text.encode("utf-8", "backslashreplace").decode()


def _png(mask: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG", compress_level=_PNG_LEVEL)
    return stream.getvalue()


def write_shard(
    out: StoragePath, shard: Shard, rows: Sequence[Row], settings: Mapping[str, Any]
) -> None:
    """Writes a shard's rows; the same shard again replaces them.

    Raises:
        OutputError: The file can't be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = schema()
    table = pa.Table.from_pylist(list(rows), schema=columns)
    made = {**columns.metadata, STAMP: json.dumps(_stamp(shard, settings)).encode()}
    stream = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(made), stream)
    (out / f"{shard.name}{PARQUET}").write(stream.getvalue())


def _stamp(shard: Shard, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Values that identify the result file of a shard and its settings."""
    photos = {photo.name: photo.fingerprint() for photo in shard.photos}
    place = {"source": shard.source, "start": shard.start, "stop": shard.stop, "photos": photos}
    table = {} if shard.photos else {"column": shard.column, "content": shard.content}
    return {**place, **table, **settings}


def done(
    out: StoragePath,
    shards: Sequence[Shard],
    settings: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> dict[str, list[Row]]:
    """Returns the rows, without masks, of the shards that were written with the same settings.

    Args:
        out: Where results are.
        shards: What should be there in the end.
        settings: Of the job.
        overwrite: Removes results of the same sources instead.

    Raises:
        ConfigError: The folder holds files of the same sources with another number of rows, or
            results of other photos under the same names.
    """
    wanted = {shard.name: shard for shard in shards}
    sources = {shard.source for shard in shards}
    known: dict[str, list[Row]] = {}
    for name, place in out.listed().items():
        stamp = _stamp_of(place)
        if overwrite:
            if stamp.get("source") in sources and name not in wanted:
                place.remove()
        elif name in wanted:
            expected = _stamp(wanted[name], settings)
            _check_same_photos(place, stamp, expected)
            if stamp == expected:
                known[name] = _summaries(place)
        elif stamp.get("source") in sources:
            raise ConfigError(
                f"'{place}' holds results of the same photos in files of another size: repeat "
                "--rows as it was, or choose another --out"
            )
    return known


def _check_same_photos(place: StoragePath, stamp: Row, expected: Row) -> None:
    """Refuses to replace results of photos that this run doesn't parse."""
    if not stamp:
        return
    lost = set(stamp["photos"].items()) - set(expected["photos"].items())
    if lost or any(stamp.get(key) != expected.get(key) for key in _WHAT):
        what = sorted(name for name, _ in lost)[:3] or {key: stamp.get(key) for key in _WHAT[:2]}
        raise ConfigError(
            f"'{place}' holds results of other photos, or of some before they changed ({what}): "
            "choose another --out, or replace what is there with --overwrite"
        )


def done_of_stream(
    out: StoragePath, dataset: HubDataset, settings: Mapping[str, Any], *, column: str
) -> tuple[int, list[Row]]:
    """Returns how many rows of a dataset are done from its start on, and these rows.

    Raises:
        ConfigError: The folder holds results of other photos under the same names.
    """
    listed = out.listed()
    rows: list[Row] = []
    while True:
        start = len(rows)
        place = listed.get(dataset.shard(start, start, column=column).name)
        if place is None:
            return start, rows
        stamp = _stamp_of(place)
        # A file without a stamp is not a result, and may have other columns.
        there = _summaries(place) if stamp else []
        expected = _stamp(dataset.shard(start, start + len(there), column=column), settings)
        _check_same_photos(place, stamp, expected)
        if not there or stamp != expected:
            return start, rows
        rows += there


def _stamp_of(place: StoragePath) -> dict[str, Any]:
    """The stamp of a result file; empty for other files."""
    import pyarrow.parquet as pq

    try:
        with place.reading(), place.open() as stream:
            metadata = pq.read_schema(stream).metadata or {}
            return dict(json.loads(metadata.get(STAMP, b"{}")))
    except DataError:
        return {}


def _summaries(place: StoragePath) -> list[Row]:
    """Rows of a result file without masks, for a summary."""
    import pyarrow.parquet as pq

    with place.reading(), place.open() as stream:
        rows = pq.read_table(stream, columns=["source", "row", "photo", "faces", "error"])
    return list(rows.to_pylist())
