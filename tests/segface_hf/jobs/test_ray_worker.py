"""A worker of Ray, called without Ray: an error that must stop the job is returned as a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segface_hf.checkpoints.files import WEIGHTS_FILE, embedded_folder, file_digest
from segface_hf.errors import ConfigError, DataError, OutputError
from segface_hf.jobs.on_ray import ShardParser, summary_row
from segface_hf.jobs.shards import Shard
from tests.segface_hf.jobs.pictures import read_results, write_table

ROWS = 4


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table; workers may go elsewhere and log in, which the test must not keep."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return write_table(tmp_path / "in" / "photos.parquet", ROWS, bad=False)


def work(table: Path, **options: Any) -> list[dict[str, Any]]:
    """Lets a worker parse a table as one shard; returns the rows that it tells."""
    given = {
        "revision": None,
        "digest": file_digest(embedded_folder() / WEIGHTS_FILE),
        "column": "image",
        "out": str(table.parents[1] / "out"),
        "folder": str(table.parent),
        "token": None,
        **options,
    }
    parser = ShardParser(None, {"whole_image": True, "classes": None}, **given)
    shown = parser({"shard": [Shard("photos-0", table.name, 0, ROWS).to_json()]})
    return [dict(zip(shown, values, strict=True)) for values in zip(*shown.values(), strict=True)]


def test_relative_paths_start_where_the_job_was_started(table: Path) -> None:
    rows = list(map(summary_row, work(table)))
    assert [(row["source"], row["row"], row["error"]) for row in rows] == [
        ("photos.parquet", row, None) for row in range(ROWS)
    ]
    assert [len(row["faces"]) for row in rows] == [1] * ROWS
    assert len(read_results(table.parents[1] / "out")) == ROWS


def test_other_weights_stop_the_job(table: Path) -> None:
    (row,) = work(table, digest="sha256:other")
    with pytest.raises(ConfigError, match=r"sha256:other: install the same version on all"):
        summary_row(row)


def test_a_folder_that_a_machine_does_not_see_stops_the_job(table: Path) -> None:
    (row,) = work(table, folder="/not here")
    with pytest.raises(DataError, match="'/not here' isn't on this machine: all machines"):
        summary_row(row)


def test_an_unwritable_folder_stops_the_job(table: Path) -> None:
    (table.parent / "file").write_text("in the way")
    rows = work(table, out=str(table.parent / "file" / "out"))
    assert [row["error"] for row in rows[:-1]] == [None] * ROWS
    with pytest.raises(OutputError, match=r"can't write .*: run the same command again"):
        summary_row(rows[-1])
