"""Runs the app on this machine for a while, for commands that use it over HTTP."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from space.errors import VisitError

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 180.0
_CODE = """
from pathlib import Path
from space.settings import Settings
from space.ui.app import launch
folder = Path({folder!r})
launch(
    Settings(port={port}, cache=folder / "visits", contributions=folder / "rows", **{settings!r})
)
"""


@dataclass(frozen=True)
class LocalApp:
    """A running app.

    Attributes:
        url: Its address.
        pid: Its process.
    """

    url: str
    pid: int


@contextmanager
def running_app(url: str | None, pid: int | None = None) -> Iterator[tuple[str, int | None]]:
    """Yields the address and process of a named app, or of one that is started for this.

    Args:
        url: Address of a running app; None starts one.
        pid: Its process, if known.

    Raises:
        VisitError: The app doesn't start.
    """
    if url:
        yield url, pid
        return
    with local_app() as app:
        yield app.url, app.pid


@contextmanager
def local_app(**settings: int) -> Iterator[LocalApp]:
    """Runs the app on the embedded checkpoint, on a free port, and ends it afterwards.

    Args:
        settings: Further settings, such as limits.

    Raises:
        VisitError: It doesn't start.
    """
    with TemporaryDirectory(prefix="segface-app-") as folder:
        port = _free_port()
        code = _CODE.format(folder=folder, port=port, settings=settings)
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=_ROOT, stdout=subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait(url, process)
            yield LocalApp(url, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise VisitError(f"the app ended with exit code {process.returncode}; see above")
        try:
            if httpx.get(url, timeout=30).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise VisitError(f"the app did not answer within {_PATIENCE:.0f} seconds: is the machine busy?")
