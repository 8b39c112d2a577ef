"""Runs the editor's test app as a process of its own, for the tests and the benchmark."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

APP = Path(__file__).parent / "editor_app.py"
PATIENCE = 180
"""Seconds to wait for the first answer: importing Gradio is slow on a busy machine."""


@contextmanager
def running_editor(folder: Path) -> Iterator[str]:
    """Serve the editor from ``folder`` on a free port of this machine; yields its address.

    Raises:
        RuntimeError: When the app ends or stays silent; what it printed is in the message.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    log = folder / "server.log"
    with log.open("wb") as output:
        command = [sys.executable, str(APP), str(port), str(folder)]
        server = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            if not _answers(url, server):
                raise RuntimeError(f"the editor's app did not start: {log.read_text()[-2000:]}")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.3)
        else:
            return True
    return False
