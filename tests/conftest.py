"""What every test may ask for: the shared data, or a loud skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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


# Files whose tests share an app or what it takes to start one, so that one worker has them all;
# the groups that take longest come first.
GROUPS = {
    "editor": ("space/web/editor/test_*.py",),
    "own app": tuple(
        f"space/e2e/test_{name}.py"
        for name in ("deployed", "outsiders", "own_token", "review", "sign_in")
    ),
    "app": ("space/e2e/test_*.py",),
}


def _group(path: Path) -> str:
    """The group of a test file; any other file is a group of its own."""
    for name, patterns in GROUPS.items():
        if any(path.match(pattern) for pattern in patterns):
            return name
    return str(path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the longest groups."""
    first = list(GROUPS)
    groups = {item: _group(item.path) for item in items}
    items.sort(key=lambda i: first.index(groups[i]) if groups[i] in first else len(first))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, keeps a group with one worker instead of a file."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class LoadGroups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(Path(nodeid.split("::", 1)[0]))

    return LoadGroups(config, log)


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
