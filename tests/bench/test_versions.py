"""Two checkouts parse the same photos in turns."""

from __future__ import annotations

from pathlib import Path

from bench.pictures import portrait
from bench.versions import ROOT, Worker, compare


def test_two_checkouts_report_seconds_and_faces(tmp_path: Path) -> None:
    path = tmp_path / "portrait.png"
    portrait(160).save(path)
    workers = [Worker(ROOT), Worker(ROOT)]
    results = compare(workers, ("overlay", path), repeats=1)
    for worker in workers:
        worker.close()
    assert [faces for _, faces in results] == [1, 1]
    assert all(seconds > 0 for seconds, _ in results)
