"""One app for all browser tests of the session."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Server:
    """A running app."""

    url: str
    contributions: Path
    cache: Path
    log: Path
    process: subprocess.Popen


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_answers(url, process, log):
    for _ in range(1800):
        if process.poll() is not None:
            raise RuntimeError(f"the app ended with {process.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no answer within three minutes:\n{log.read_text()}")


def start(folder, root=ROOT, command=("app.py",), **variables):
    """Starts `python app.py` on a free port of this machine and waits until it answers."""
    port, log = free_port(), folder / "app.log"
    environment = {
        **os.environ, "SEGFACE_PORT": str(port), "SEGFACE_CONTRIBUTIONS": str(folder / "rows"),
        "SEGFACE_CACHE": str(folder / "visits"), "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "GRADIO_ANALYTICS_ENABLED": "False", "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1",
        **variables,
    }  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=root,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/"
    wait_until_it_answers(url, process, log)
    return Server(url, folder / "rows", folder / "visits", log, process)


def start_space(folder, hub, dataset, **variables):
    """Starts the app as a Space with sign-in, whose contributions go to a dataset of the Hub."""
    return start(
        folder,
        SYSTEM="spaces",
        SPACE_ID="owner/demo",
        SEGFACE_HOST="127.0.0.1",
        OAUTH_CLIENT_ID="app",
        OAUTH_CLIENT_SECRET="secret",
        OPENID_PROVIDER_URL=hub.url,
        OAUTH_SCOPES="openid profile write-discussions",
        SEGFACE_DATASET=dataset,
        HF_HUB_OFFLINE="0",
        **variables,
    )


def stop(server):
    server.process.terminate()
    try:
        server.process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.process.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The app, as `python app.py` serves it."""
    running = start(tmp_path_factory.mktemp("app"))
    yield running
    stop(running)


# Gradio asks its own page after the start, for three seconds at most.
TOO_BUSY_TO_ANSWER = """
import runpy
from gradio import networking
networking.url_ok = lambda url: False
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.fixture(scope="session")
def forgetful(tmp_path_factory):
    """An app whose visits end after two seconds, on a machine too busy to answer it at first."""
    folder, command = tmp_path_factory.mktemp("forgetful"), ("-c", TOO_BUSY_TO_ANSWER)
    running = start(folder, command=command, SEGFACE_KEEP_SECONDS="2")
    yield running
    stop(running)


# What Chromium says of a socket that it opened ahead and a busy machine let drop.
DROPPED = ("ERR_SOCKET_NOT_CONNECTED", "ERR_CONNECTION_RESET")


def go_to(page, url):
    """Opens an address; once more where Chromium took a socket that was dropped."""
    try:
        page.goto(url)
    except Exception as error:
        if not any(name in str(error) for name in DROPPED):
            raise
        page.goto(url)


@pytest.fixture
def open_page(browser, server):
    """Opens the app in a fresh visit: `open_page(width=390, dark=True, view="about")`."""
    contexts = []

    def opened(*, width=1440, height=1000, dark=False, view="", url="", script=""):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.add_init_script(script)
        go_to(page, (url or server.url) + (f"?view={view}" if view else ""))
        page.wait_for_selector(".pd", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()


def upload(page, *paths):
    """Chooses photos, as a visitor does."""
    page.set_input_files(".pd input[type=file]", [str(path) for path in paths])


def wait_for_overlay(page):
    """Waits until a parse is drawn and returns the photo's key."""
    page.wait_for_selector(".fv[data-ready]")
    return page.locator(".fv").get_attribute("data-ready")


def press_save(page, editor="#mask-editor"):
    """Presses Save, and confirms a mask without a change."""
    page.click(f"{editor} [data-act=save]")
    if page.locator(f"{editor} .fme-ask").evaluate("(question) => question.open"):
        page.click(f"{editor} [data-act=save-unchanged]")
