"""What every test may ask for: the shared data, or a loud skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Small tensors on many threads wait for one another more than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Points the real Hub client at a server on this machine before it is imported.
pytest_plugins = ["tests.hub_double.plugin"]

ROOT = Path(__file__).resolve().parents[1]

# What a worker takes at most, with the app and the browser that it starts.
WORKER_BYTES = 6e9
# What a container may use, where it is one.
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One worker more than there are cores, since browser tests wait, as far as memory goes."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ or not hasattr(os, "sched_getaffinity"):
        return None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = CONTAINER_LIMIT.read_text().strip() if CONTAINER_LIMIT.is_file() else "max"
    if limit.isdigit():
        memory = min(memory, int(limit))
    return max(1, min(len(os.sched_getaffinity(0)) + 1, int(memory / WORKER_BYTES)))


def _shared(part: str) -> Path:
    folder = Path(os.environ.get("SEGFACE_SHARED", ROOT.parent / "shared")) / part
    if not folder.is_dir():
        pytest.skip(f"needs {part} of the shared data folder: name that folder in SEGFACE_SHARED")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real photos and masks; never committed."""
    return _shared("data/celebamask_mini")


@pytest.fixture(scope="session")
def shared_parity() -> Path:
    """Reference outputs of the published models."""
    return _shared("parity")
