"""A Hub that is busy, refuses or is unreachable: waits, early refusals, and no row lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi

from segface_hf.errors import DataError, OutputError, UnreachableError
from segface_hf.hub_client import ATTEMPTS, upload
from segface_hf.jobs.shards import Shard, photos_of
from segface_hf.jobs.storage import StoragePath
from tests.hub_double.state import Hub
from tests.segface_hf.jobs.pictures import parse_here, read_results, write_table

COMMIT = "/api/datasets/ada/masks/commit/"


@pytest.fixture
def masks(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub with an empty dataset of the one who is logged in."""
    monkeypatch.setenv("HF_TOKEN", hub.token("ada"))
    hub.create("dataset", "ada/masks")
    return hub


@pytest.mark.parametrize("status", [409, 412, 429, 503])
def test_a_commit_waits_for_a_busy_hub_and_for_as_long_as_it_says(masks: Hub, status: int) -> None:
    waits: list[float] = []
    masks.fail(COMMIT, status, headers={"Retry-After": "7"})
    masks.fail(COMMIT, status)
    upload("hf://datasets/ada/masks/a.parquet", b"data", sleep=waits.append)
    assert masks.files("dataset", "ada/masks")["a.parquet"] == b"data"
    assert waits == [7.0, 2.0]


def test_a_commit_whose_answer_was_lost_is_not_made_twice(masks: Hub) -> None:
    masks.fail(COMMIT, 503, after=True)
    upload("hf://datasets/ada/masks/a.parquet", b"data", sleep=lambda _: None)
    assert len(masks.repos["dataset", "ada/masks"].commits) == 2  # the first one is empty


def test_an_unreachable_or_refusing_hub_is_reported_with_a_remedy(masks: Hub) -> None:
    place = StoragePath("hf://datasets/ada/masks/a.parquet")
    masks.fail(COMMIT, 403)
    with pytest.raises(OutputError, match="run the same command again to resume"):
        place.write(b"data")
    assert len(masks.requests(COMMIT)) == 1
    masks.fail(COMMIT, 503, times=99)
    with pytest.raises(OSError, match="503"):
        upload(place.address, b"data", sleep=lambda _: None)
    assert len(masks.requests(COMMIT)) == 1 + ATTEMPTS


def test_a_dataset_without_write_access_is_refused_before_any_work(
    masks: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_table(tmp_path / "photos.parquet", 1, bad=False)
    for name, account in (("bob", {}), ("ada", {"role": "read"})):
        monkeypatch.setenv("HF_TOKEN", masks.token(name, **account))
        with pytest.raises(OutputError, match="this login may not write to ada/masks"):
            parse_here(table, "--out", "hf://datasets/ada/masks")


def test_a_table_that_is_unreachable_is_not_reported_as_damaged(masks: Hub, tmp_path: Path) -> None:
    table = write_table(tmp_path / "photos.parquet", 8, bad=False)
    HfApi().upload_file(
        path_or_fileobj=table, path_in_repo="a.parquet", repo_id="ada/masks", repo_type="dataset"
    )
    source = "hf://datasets/ada/masks/a.parquet"
    shard = Shard("a-0", source, 0, 8)
    masks.fail("/resolve/", 524, times=99)  # the client itself waits for other troubles
    with pytest.raises(UnreachableError, match="What is done is kept"):
        list(photos_of(shard, column="image"))
    with pytest.raises(UnreachableError, match="can't be read at the moment"):
        parse_here(source, "--out", tmp_path / "out")
    masks.faults.clear()
    parse_here(source, "--out", tmp_path / "out")
    assert [row["error"] for row in read_results(tmp_path / "out")] == [None] * 8
    masks.fail("/resolve/", 403, times=99)
    errors = list(photos_of(shard, column="image"))
    assert [type(error) for error in errors] == [DataError] * 8
