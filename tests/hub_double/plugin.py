"""Pytest plugin: points the Hub client to the double before it is imported; provides `hub`.

The client reads `HF_ENDPOINT`, `HF_HOME` and `HF_HUB_DISABLE_XET` once, at import, so they are
set when pytest starts, and the one server of a run is reset between tests.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hub_double import discussions, files, oidc, repositories
from tests.hub_double.server import serve
from tests.hub_double.state import Hub

ROUTES = [*repositories.ROUTES, *files.ROUTES, *discussions.ROUTES, *oidc.ROUTES]


def _set_client_environment() -> None:
    if "huggingface_hub" in sys.modules:
        raise pytest.UsageError("huggingface_hub was imported before the Hub double was set up")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{port}"
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ["HF_HOME"] = cache = tempfile.mkdtemp(prefix="segface-tests-")
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ.pop("HF_TOKEN", None)


# At import, not in a hook: conftest files import the client before pytest is configured.
_set_client_environment()


def pytest_configure(config: Any) -> None:
    """Ignores a deprecation warning of the HTTP library about how the client uploads files."""
    upload = "ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"
    config.addinivalue_line("filterwarnings", upload)


@pytest.fixture(scope="session")
def _hub_server() -> Iterator[Hub]:
    hub = Hub()
    server = serve(hub, ROUTES, port=int(os.environ["HF_ENDPOINT"].rsplit(":", 1)[1]))
    yield hub
    server.shutdown()
    server.server_close()


@pytest.fixture
def hub(_hub_server: Hub) -> Hub:
    """The Hub double, empty; the files that the client cached in other tests are deleted."""
    from huggingface_hub import HfFileSystem
    from huggingface_hub.constants import HF_ASSETS_CACHE

    shutil.rmtree(HF_ASSETS_CACHE, ignore_errors=True)
    _hub_server.reset()
    HfFileSystem.clear_instance_cache()
    return _hub_server
