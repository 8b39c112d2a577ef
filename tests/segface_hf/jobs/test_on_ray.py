"""The same job on a Ray cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.segface_hf.jobs.pictures import assert_same_rows, parse_here, read_results, write_table

ROOT = Path(__file__).resolve().parents[3]
ROWS, GROUP = 40, 4


def environment() -> dict[str, str]:
    return {
        **os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled",
        "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
    }  # fmt: skip


@pytest.fixture
def cluster():
    """The address of two nodes of one processor each, and the process that started them."""
    command = [sys.executable, Path(__file__).with_name("two_nodes.py")]
    with subprocess.Popen(
        command, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        address = process.stdout.readline().strip()
        assert address, "the cluster did not start"
        yield address, process.pid
        process.stdin.close()
        process.wait(60)


def parents() -> dict[int, tuple[int, str]]:
    """Every process's parent and title."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
                title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
            found[int(entry.name)] = (int(status.rpartition(")")[2].split()[1]), title)
    return found


def workers_below(ancestor: int) -> list[int]:
    """Processes in which a ShardParser lives, started by a cluster."""
    known = parents()

    def descends(pid: int) -> bool:
        while pid in known and pid > 1:
            pid = known[pid][0]
            if pid == ancestor:
                return True
        return False

    return [pid for pid, (_, title) in known.items() if "ShardParser" in title and descends(pid)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker to kill in /proc")
def test_a_killed_worker_changes_no_row(cluster, tmp_path: Path) -> None:
    address, ancestor = cluster
    table = write_table(tmp_path / "photos.parquet", ROWS, group=GROUP)
    base = [sys.executable, "-m", "segface_hf", "parse", table, "--whole", "--rows", str(GROUP)]
    out = tmp_path / "many"
    with subprocess.Popen(
        [*base, "--out", out, "--engine", "ray", "--address", address, "--workers", "2"],
        env=environment(), cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as job:  # fmt: skip
        while not list(out.glob("*.parquet")):
            assert job.poll() is None, job.communicate()
            time.sleep(0.02)
        at_kill = len(list(out.glob("*.parquet")))
        os.kill(workers_below(ancestor)[0], signal.SIGKILL)
        told, failures = job.communicate(timeout=200)
    assert job.returncode == 1, failures  # two rows hold no picture
    assert at_kill < ROWS // GROUP
    assert f"{ROWS - 2} photos parsed" in told
    assert failures.count("failed: ") == 2

    parse_here(table, "--whole", "--rows", GROUP, "--out", tmp_path / "one")
    assert_same_rows(read_results(out), read_results(tmp_path / "one"))
