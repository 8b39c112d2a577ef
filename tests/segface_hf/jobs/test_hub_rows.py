"""`segface parse` streams a dataset of the Hub, and reads and writes parquet at `hf://`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi, snapshot_download

from segface_hf.errors import ConfigError, DataError, OutputError
from segface_hf.jobs.inputs import dataset_tables
from segface_hf.jobs.streams import HubDataset
from tests.hub_double.state import Hub
from tests.segface_hf.jobs.pictures import (
    assert_same_rows,
    parse_here,
    portraits,
    read_results,
    write_table,
)


@pytest.fixture
def faces(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A dataset of six rows, the fourth and the last of which are bad."""
    monkeypatch.setenv("HF_TOKEN", hub.token("ada"))
    api = HfApi()
    api.create_repo("ada/faces", repo_type="dataset")
    table = write_table(tmp_path / "up" / "data" / "train-00000.parquet", 6)
    api.upload_folder(repo_id="ada/faces", repo_type="dataset", folder_path=table.parents[1])
    return "ada/faces"


def test_a_dataset_is_streamed_and_a_second_run_resumes(
    faces: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("--dataset", faces, "--out", out, "--rows", 2, "--whole-image")
    assert parse_here(*arguments) == 1
    assert "4 photos parsed, 4 faces" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        "train-0000000.parquet",
        "train-0000002.parquet",
        "train-0000004.parquet",
    ]
    rows = read_results(out)
    assert {row["source"] for row in rows} == {"hf://datasets/ada/faces:train"}
    (out / "train-0000004.parquet").unlink()
    parse_here(*arguments)
    shown = capsys.readouterr()
    assert "1 photo parsed, 1 face, 3 done before" in shown.out
    assert shown.err.count("failed: ") == 2
    assert_same_rows(read_results(out), rows)
    parse_here("hf://datasets/ada/faces", *arguments[2:])
    assert "0 photos parsed, 0 faces, 4 done before" in capsys.readouterr().out


def test_results_of_another_column_or_content_are_kept(
    faces: str, tiny: Path, tmp_path: Path
) -> None:
    table = tmp_path / "0.parquet"
    first, second = portraits(2)
    pq.write_table(pa.table({"image": [first], "second": [second]}), table)
    api = HfApi()
    api.create_repo("ada/pairs", repo_type="dataset")
    where = {"repo_id": "ada/pairs", "repo_type": "dataset", "path_in_repo": "data/train-0.parquet"}
    api.upload_file(path_or_fileobj=table, **where)
    fast = ("--whole-image", "--model", tiny, "--out")
    streamed = ("--dataset", "ada/pairs", *fast, tmp_path / "streamed")
    read = ("hf://datasets/ada/pairs/data/*.parquet", *fast, tmp_path / "read")
    for arguments in (streamed, read):
        assert parse_here(*arguments) == 0
        with pytest.raises(ConfigError, match="'column': 'image'"):
            parse_here(*arguments, "--image-column", "second")
    pq.write_table(pa.table({"image": [second], "second": [first]}), table)
    api.upload_file(path_or_fileobj=table, **where)
    with pytest.raises(ConfigError, match="before they changed"):
        parse_here(*read)


def test_parquet_is_read_from_the_hub_and_written_to_it(
    faces: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    HfApi().create_repo("ada/masks", repo_type="dataset")
    arguments = (f"hf://datasets/{faces}/data/*.parquet", "--whole-image", "--rows", 4, "--out")
    parse_here(*arguments, "hf://datasets/ada/masks/parsed")
    assert "4 photos parsed" in capsys.readouterr().out
    copy = Path(snapshot_download("ada/masks", repo_type="dataset", local_dir=tmp_path / "copy"))
    written = sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*.parquet"))
    assert written == [
        "parsed/data/train-00000-0000000.parquet",
        "parsed/data/train-00000-0000004.parquet",
    ]
    parse_here(*arguments, tmp_path / "here")
    assert_same_rows(read_results(copy), read_results(tmp_path / "here"))
    parse_here(*arguments, "hf://datasets/ada/masks/parsed")
    assert "4 done before" in capsys.readouterr().out


def test_many_machines_share_the_parquet_files_of_a_dataset(faces: str) -> None:
    tables = dataset_tables(HubDataset(faces))
    assert [str(place) for place in tables.values()] == [
        "hf://datasets/ada/faces/data/train-00000.parquet"
    ]
    HfApi().create_repo("ada/empty", repo_type="dataset")
    with pytest.raises(DataError, match="holds no parquet file, which many machines can share"):
        dataset_tables(HubDataset("ada/empty"))


SUBSETS = """---
configs:
- config_name: day
  data_files: [{split: train, path: day/*.parquet}]
- config_name: night
  data_files: [{split: train, path: night/*.parquet}]
---
"""


@pytest.fixture
def subsets(faces: str, tmp_path: Path) -> str:
    """A dataset of a subset of two rows and one of three."""
    api, folder = HfApi(), tmp_path / "subsets"
    api.create_repo("ada/subsets", repo_type="dataset")
    for name, count in (("day", 2), ("night", 3)):
        write_table(folder / name / "train-00000.parquet", count, bad=False)
    (folder / "README.md").write_text(SUBSETS)
    api.upload_folder(repo_id="ada/subsets", repo_type="dataset", folder_path=folder)
    return "ada/subsets"


def test_results_of_two_subsets_of_a_dataset_are_kept_side_by_side(
    subsets: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("--dataset", subsets, "--out", out, "--whole-image", "--model", tiny)
    with pytest.raises(DataError, match=r"Please pick one among[^$]*\(--subset\)"):
        parse_here(*arguments)
    for subset, count in (("day", 2), ("night", 3)):
        assert parse_here(*arguments, "--subset", subset) == 0
        assert f"{count} photos parsed" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        "day-train-0000000.parquet",
        "night-train-0000000.parquet",
    ]
    assert {row["source"] for row in read_results(out)} == {
        "hf://datasets/ada/subsets:day-train",
        "hf://datasets/ada/subsets:night-train",
    }
    with pytest.raises(DataError, match="--subset goes with a dataset of the Hub"):
        parse_here(tmp_path, "--subset", "day", "--out", out)


def test_many_machines_share_the_files_of_a_subset(subsets: str) -> None:
    tables = dataset_tables(HubDataset(subsets, subset="night"))
    assert [str(place) for place in tables.values()] == [
        "hf://datasets/ada/subsets/night/train-00000.parquet"
    ]
    with pytest.raises(DataError, match="is named after the subset 'nig'"):
        dataset_tables(HubDataset(subsets, subset="nig"))


def test_a_missing_dataset_split_column_or_repository_is_reported(
    faces: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError, match="can't be streamed as a dataset"):
        parse_here("--dataset", "ada/nothing", "--out", out)
    with pytest.raises(DataError, match="--split"):
        parse_here("--dataset", faces, "--split", "night", "--out", out)
    with pytest.raises(DataError, match="has no column 'photo', it has"):
        parse_here("--dataset", faces, "--image-column", "photo", "--out", out)
    with pytest.raises(DataError, match="takes one 'org/name'"):
        parse_here("--dataset", "faces", "--out", out)
    with pytest.raises(OutputError, match="Create the dataset first"):
        parse_here("--dataset", faces, "--out", "hf://datasets/ada/nowhere")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("org/name", HubDataset("org/name")),
        ("hf://datasets/org/name/", HubDataset("org/name")),
        ("hf://datasets/org/name@v1", HubDataset("org/name", revision="v1")),
        ("hf://datasets/org/name/data/train.parquet", None),
        ("hf://datasets/org/name@main/data", None),
    ],
)
def test_the_address_of_a_dataset_differs_from_that_of_files(
    address: str, found: HubDataset | None
) -> None:
    assert HubDataset.of(address) == found
