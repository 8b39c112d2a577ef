"""Pytest plugin: points the Hub client at the double before it is imported; gives `hub`.

The client reads `HF_ENDPOINT` and `HF_HUB_DISABLE_XET` once, at import, so the port is chosen
when pytest starts, and the one server of a run forgets everything between tests.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hub_double import discussions, files, repositories
from tests.hub_double.server import serve
from tests.hub_double.state import Hub

ROUTES = [*repositories.ROUTES, *files.ROUTES, *discussions.ROUTES]


def pytest_configure(config: Any) -> None:
    """Chooses the address of the double for this run."""
    if "huggingface_hub" in sys.modules:
        raise pytest.UsageError("huggingface_hub was imported before the Hub double was set up")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{port}"
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ.pop("HF_TOKEN", None)
    # The Hub client uploads large files in a way that its HTTP library calls deprecated.
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
    """The Hub double, empty."""
    _hub_server.reset()
    return _hub_server
