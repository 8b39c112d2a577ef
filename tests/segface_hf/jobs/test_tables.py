"""`segface parse` on parquet files: rows as parquet or files, resumed, bad ones listed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from PIL import Image

from segface_hf.errors import ConfigError, DataError, OutputError
from segface_hf.jobs.shards import Shard, photos_of, table_shards
from segface_hf.jobs.storage import StoragePath
from segface_hf.parser import FaceParser
from tests.segface_hf.jobs.pictures import (
    BROKEN,
    EMPTY,
    assert_same_rows,
    mask_of,
    parse_here,
    portraits,
    read_results,
    write_table,
)


@pytest.fixture(scope="module")
def parser() -> FaceParser:
    return FaceParser.from_pretrained()


def test_each_row_gives_a_row_and_bad_ones_are_listed_and_stop_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], parser: FaceParser
) -> None:
    table = write_table(tmp_path / "in" / "photos.parquet", 8)
    assert parse_here(table, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr()
    assert "6 photos parsed, 6 faces" in shown.out
    failures = [line for line in shown.err.splitlines() if line.startswith("failed: ")]
    assert [
        f"photos.parquet#{row}" in line for row, line in zip((BROKEN, EMPTY), failures, strict=True)
    ]
    rows = read_results(tmp_path / "out")
    assert [row["row"] for row in rows] == list(range(8))
    for row, data in zip(rows, portraits(8), strict=True):
        if row["row"] in (BROKEN, EMPTY):
            assert row["mask"] is None
            assert "picture" in row["error"]
            continue
        alone = parser.parse(data)
        assert (mask_of(row) == alone.mask).mean() > 0.9999
        assert row["error"] is None
        assert len(row["faces"]) == 1
        np.testing.assert_allclose(row["faces"][0]["box"], alone.faces[0].box, atol=0.01)
        assert {entry["name"] for entry in row["classes"]} == set(alone.areas())
        assert row["digest"].startswith("sha256:")


def test_datasets_loads_the_results_with_ids_intact(
    tmp_path: Path, parse_fast: Callable[..., int]
) -> None:
    table = write_table(tmp_path / "photos.parquet", 3, bad=False)
    parse_fast(table, "--out", tmp_path / "out")
    rows = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    expected = [mask_of(row) for row in read_results(tmp_path / "out")]
    for row, mask in zip(rows, expected, strict=True):
        assert row["mask"].mode == "L"
        assert all("problem" in face for face in row["faces"])
        np.testing.assert_array_equal(np.asarray(row["mask"]), mask)


def test_a_run_resumes_and_other_settings_parse_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], parse_fast: Callable[..., int]
) -> None:
    table, out = write_table(tmp_path / "photos.parquet", 8), tmp_path / "out"
    arguments = (table, "--out", out, "--rows", 4)
    parse_fast(*arguments)
    first = read_results(out)
    (out / "photos-0000004.parquet").unlink()
    untouched = (out / "photos-0000000.parquet").stat().st_mtime_ns
    capsys.readouterr()
    assert parse_fast(*arguments) == 1
    shown = capsys.readouterr()
    assert "3 photos parsed, 3 faces, 3 done before" in shown.out
    assert shown.err.count("failed: ") == 2
    assert (out / "photos-0000000.parquet").stat().st_mtime_ns == untouched
    assert_same_rows(read_results(out), first)
    parse_fast(*arguments, "--classes", "hair")
    assert "6 photos parsed" in capsys.readouterr().out


def test_results_with_other_row_counts_are_refused_without_overwrite(
    tmp_path: Path, parse_fast: Callable[..., int]
) -> None:
    table, out = write_table(tmp_path / "photos.parquet", 8, bad=False), tmp_path / "out"
    parse_fast(table, "--out", out, "--rows", 4)
    with pytest.raises(ConfigError, match="repeat --rows"):
        parse_fast(table, "--out", out, "--rows", 8)
    parse_fast(table, "--out", out, "--rows", 8, "--overwrite")
    assert [path.name for path in out.glob("*")] == ["photos-0000000.parquet"]


def test_rows_may_become_files_and_photos_may_become_rows(
    tmp_path: Path, parse_fast: Callable[..., int]
) -> None:
    table = write_table(tmp_path / "in" / "photos.parquet", 4, bad=False)
    parse_fast(table, "--out", tmp_path / "files", "--format", "files")
    names = sorted(path.name for path in (tmp_path / "files" / "photos").iterdir())
    assert names[:3] == ["0000000.json", "0000000_mask.png", "0000000_overlay.jpg"]
    assert len(names) == 12
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, data in enumerate(portraits(4)):
        (folder / f"{index:07}.jpg").write_bytes(data)
    parse_fast(folder, "--out", tmp_path / "table", "--format", "parquet")
    for row in read_results(tmp_path / "table"):
        mask = Image.open(tmp_path / "files" / "photos" / f"{row['photo']}_mask.png")
        assert (np.asarray(mask) == mask_of(row)).mean() > 0.9999


def test_a_damaged_table_is_listed_and_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], parse_fast: Callable[..., int]
) -> None:
    folder = tmp_path / "in"
    write_table(folder / "sub" / "good.parquet", 2, bad=False)
    (folder / "bad.parquet").write_bytes(b"PAR1 is not enough")
    pq.write_table(pa.table({"picture": [b""]}), folder / "other.parquet")
    assert parse_fast(folder, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr()
    assert "2 photos parsed" in shown.out
    assert "bad.parquet" in shown.err
    assert "no column 'image', it has ['picture']" in shown.err
    assert [row["photo"] for row in read_results(tmp_path / "out")] == [
        "sub/good/0000000",
        "sub/good/0000001",
    ]


def test_a_truncated_table_gives_errors_for_its_missing_rows(
    tmp_path: Path, parse_fast: Callable[..., int]
) -> None:
    table = write_table(tmp_path / "photos.parquet", 8, bad=False)
    data = bytearray(table.read_bytes())
    start = pq.ParquetFile(table).metadata.row_group(1).column(0).data_page_offset
    data[start - 40 : start + 60] = bytes(100)
    table.write_bytes(bytes(data))
    parse_fast(table, "--out", tmp_path / "out", "--rows", 4)
    rows = read_results(tmp_path / "out")
    assert [row["row"] for row in rows] == list(range(8))
    assert [row["error"] is None for row in rows[:4]] == [True] * 4
    assert all(row["error"] for row in rows[4:])


def test_no_input_mixed_inputs_and_a_missing_column_are_refused(
    tmp_path: Path, parse_fast: Callable[..., int]
) -> None:
    mixed = tmp_path / "mixed"
    table = write_table(mixed / "photos.parquet", 2, bad=False)
    (mixed / "a.jpg").write_bytes(portraits(1)[0])
    with pytest.raises(DataError, match="both pictures and parquet"):
        parse_fast(mixed, "--out", tmp_path / "out")
    with pytest.raises(DataError, match="one after the other"):
        parse_fast(table, mixed / "a.jpg", "--out", tmp_path / "out")
    with pytest.raises(DataError, match="nothing to parse"):
        parse_fast("--out", tmp_path / "out")
    with pytest.raises(DataError, match="no such file"):
        parse_fast(tmp_path / "none.parquet", "--out", tmp_path / "out")
    with pytest.raises(DataError, match="no column 'face', it has"):
        parse_fast(table, "--out", tmp_path / "out", "--image-column", "face")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        parse_fast(table, "--out", tmp_path / "file" / "out")


def test_groups_of_rows_stay_whole_unless_they_are_large(tmp_path: Path) -> None:
    for group, expected in ((3, [(0, 6), (6, 12)]), (40, [(0, 5), (5, 10), (10, 12)])):
        table = write_table(tmp_path / f"{group}.parquet", 12, group=group, bad=False)
        rows = 5 if group == 3 else 2
        shards, _ = table_shards({"t": StoragePath.of(table)}, rows=rows, column="image")
        found = [(shard.start, shard.stop) for shard in shards]
        assert found == (expected if group == 3 else [(i, i + 2) for i in range(0, 12, 2)])
        read = [photo.row for shard in shards for photo in photos_of(shard, column="image")]
        assert read == list(range(12))


def test_a_cell_may_be_bytes_or_name_a_file_beside_the_table_but_none_outside(
    tmp_path: Path,
) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    data = portraits(1)[0]
    (inside / "a.jpg").write_bytes(data)
    (tmp_path / "secret.jpg").write_bytes(data)
    cells = ["a.jpg", "../secret.jpg", str(tmp_path / "secret.jpg"), None, "missing.jpg"]
    pq.write_table(pa.table({"image": cells}), inside / "paths.parquet")
    pq.write_table(pa.table({"image": [data]}), inside / "bytes.parquet")
    shard = Shard("paths-0", str(inside / "paths.parquet"), 0, 5)
    assert [photo.data for photo in photos_of(shard, column="image")] == [data, b"", b"", b"", b""]
    shard = Shard("bytes-0", str(inside / "bytes.parquet"), 0, 1)
    assert [photo.data for photo in photos_of(shard, column="image")] == [data]


def write_pairs(path: Path, *, first: bytes, second: bytes) -> Path:
    """A parquet file of two columns of photos and one row."""
    pq.write_table(pa.table({"image": [first], "second": [second]}), path)
    return path


def test_results_of_another_column_or_of_a_changed_table_are_not_reused(
    tmp_path: Path, parse_fast: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = portraits(2)
    table, out = tmp_path / "t.parquet", tmp_path / "out"
    arguments = (table, "--out", out)
    write_pairs(table, first=first, second=second)
    parse_fast(*arguments)
    before = (out / "t-0000000.parquet").read_bytes()
    with pytest.raises(ConfigError, match=r"'column': 'image'.*--overwrite"):
        parse_fast(*arguments, "--image-column", "second")
    write_pairs(table, first=first[:-3] + b"\0" + first[-2:], second=second)
    with pytest.raises(ConfigError, match="before they changed"):
        parse_fast(*arguments)
    assert (out / "t-0000000.parquet").read_bytes() == before
    write_pairs(table, first=first, second=second)
    capsys.readouterr()
    parse_fast(*arguments)
    assert "1 done before" in capsys.readouterr().out
    parse_fast(*arguments, "--image-column", "second", "--overwrite")
    assert "1 photo parsed" in capsys.readouterr().out


def test_results_without_a_recorded_column_are_not_replaced(
    tmp_path: Path, parse_fast: Callable[..., int]
) -> None:
    table, out = write_table(tmp_path / "t.parquet", 1, bad=False), tmp_path / "out"
    parse_fast(table, "--out", out)
    (path,) = out.glob("*.parquet")
    written = pq.read_table(path)
    stamp = json.loads(written.schema.metadata[b"segface"])
    old = {key: value for key, value in stamp.items() if key not in ("column", "content")}
    metadata = {**written.schema.metadata, b"segface": json.dumps(old).encode()}
    pq.write_table(written.replace_schema_metadata(metadata), path)
    with pytest.raises(ConfigError, match="--overwrite"):
        parse_fast(table, "--out", out)


def test_a_result_file_records_its_settings(tmp_path: Path) -> None:
    table = write_table(tmp_path / "photos.parquet", 2, bad=False)
    parse_here(table, "--out", tmp_path / "out", "--whole-image", "--classes", "hair")
    (path,) = (tmp_path / "out").glob("*.parquet")
    made = json.loads(pq.read_schema(path).metadata[b"segface"])
    assert (made["source"], made["start"], made["stop"]) == (str(table), 0, 2)
    assert made["whole_image"] is True
    assert made["only_classes"] == ["hair"]
    ids = {value for row in read_results(tmp_path / "out") for value in np.unique(mask_of(row))}
    assert ids <= {0, 14}
    assert io.BytesIO(path.read_bytes()).read(4) == b"PAR1"
