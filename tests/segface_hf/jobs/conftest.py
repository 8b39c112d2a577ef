"""A Ray cluster of two workers on this machine, without access to the tests' Hub."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def environment(*, without: tuple[str, ...] = ()) -> dict[str, str]:
    """What a process of the cluster, or one that uses it, finds in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    return {
        **kept,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        # Ray's own 15 lets workers wait for minutes behind whatever else a machine does.
        "RAY_worker_niceness": "0",
    }


@dataclass(frozen=True)
class Cluster:
    """Two nodes of one processor each.

    Attributes:
        address: Of the head.
        pid: The process that started them.
    """

    address: str
    pid: int

    def start(self, *arguments: object, cwd: Path) -> subprocess.Popen[str]:
        """Starts `segface parse` on the cluster."""
        command = [sys.executable, "-m", "segface_hf", "parse", *map(str, arguments)]
        return subprocess.Popen(
            [*command, "--engine", "ray", "--address", self.address, "--workers", "2"],
            env=environment(),
            cwd=cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def kill_a_worker(self) -> None:
        """Kills one of the processes in which a ShardParser lives."""
        os.kill(self._workers()[0], signal.SIGKILL)

    def _workers(self) -> list[int]:
        known = _parents()

        def descends(pid: int) -> bool:
            while pid in known and pid > 1:
                pid = known[pid][0]
                if pid == self.pid:
                    return True
            return False

        return [
            pid for pid, (_, title) in known.items() if "ShardParser" in title and descends(pid)
        ]


def _parents() -> dict[int, tuple[int, str]]:
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


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster: its machines have another home than the one that starts a job, and no login."""
    if sys.platform != "linux":
        pytest.skip("finds the worker to kill in /proc")
    command = [sys.executable, Path(__file__).with_name("two_nodes.py")]
    home = str(tmp_path_factory.mktemp("home"))
    with subprocess.Popen(
        command,
        env={**environment(without=("HF_", "SEGFACE_")), "HF_HOME": home},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        address = process.stdout.readline().strip()
        assert address, "the cluster did not start"
        yield Cluster(address, process.pid)
        process.stdin.close()
        process.wait(60)


def kill_one_when(cluster: Cluster, job: subprocess.Popen[str], begun) -> tuple[str, str]:
    """Kills a worker as soon as there are results; returns what the job printed in the end."""
    while not begun():
        assert job.poll() is None, job.communicate()
        time.sleep(0.02)
    cluster.kill_a_worker()
    return job.communicate(timeout=600)
