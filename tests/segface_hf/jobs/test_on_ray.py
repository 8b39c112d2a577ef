"""The same job on a Ray cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, snapshot_download

from tests.hub_double.state import Hub
from tests.segface_hf.jobs.conftest import Cluster, kill_one_when
from tests.segface_hf.jobs.pictures import assert_same_rows, parse_here, read_results, write_table

ROWS, GROUP = 30, 3
# Minutes on a busy machine: many processes load Ray and the model.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_killed_worker_changes_no_row_of_a_private_dataset_on_the_hub(
    cluster: Cluster, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.token("ada"))
    api = HfApi()
    for name in ("faces", "masks"):
        api.create_repo(f"ada/{name}", repo_type="dataset", private=True)
    table = write_table(tmp_path / "up" / "data" / "train-00000.parquet", ROWS, group=GROUP)
    api.upload_folder(repo_id="ada/faces", repo_type="dataset", folder_path=table.parents[1])
    arguments = ("--dataset", "ada/faces", "--whole-image", "--rows", GROUP, "--out")
    out = "hf://datasets/ada/masks/parsed"

    def written() -> list[str]:
        return [name for name in hub.files("dataset", "ada/masks") if name.endswith(".parquet")]

    with cluster.start(*arguments, out, cwd=tmp_path) as job:
        shown, failures = kill_one_when(cluster, job, written)
    assert job.returncode == 1, failures
    assert f"{ROWS - 2} photos parsed" in shown
    assert failures.count("failed: ") == 2
    assert len(written()) == ROWS // GROUP
    copy = Path(snapshot_download("ada/masks", repo_type="dataset", local_dir=tmp_path / "copy"))
    parse_here("hf://datasets/ada/faces/data/*.parquet", *arguments[2:], tmp_path / "one")
    assert_same_rows(read_results(copy), read_results(tmp_path / "one"))
