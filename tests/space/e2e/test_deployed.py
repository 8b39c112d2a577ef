"""The app starts quickly, from exactly the files that a Space gets, and parses without torch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from gradio_client import Client, handle_file

from space.ops.deploy import ROOT, space_files
from space.state.examples import list_examples
from tests.space.e2e.conftest import start, stop


def cpu_seconds(process):
    """CPU time of a process and its threads so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def is_quick(seconds):
    """Six seconds; on a slow machine twice what importing the packages alone takes there."""
    return seconds < 6 or seconds < 2 * importing()


def importing():
    """CPU time of importing the packages."""
    before = os.times()
    subprocess.run([sys.executable, "-c", "import gradio, onnxruntime, scipy.ndimage"], check=True)
    after = os.times()
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    return user + system


# Runs the app, and prints the modules that were loaded when it is ended.
APP = """
import os, runpy, signal, sys
def report(*_):
    os.write(1, " ".join(["loaded", *sys.modules]).encode())
    os._exit(0)
signal.signal(signal.SIGTERM, report)
runpy.run_path("app.py", run_name="__main__")
"""
# Only other checkpoints, training and the dataset need these.
HEAVY = {"accelerate", "cv2", "datasets", "onnx", "ray", "skimage", "timm", "torch", "torchvision"}


def resident_mb(process):
    """Memory of a process."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s*(\d+)", status, re.M)[1]) / 1024


def test_the_app_starts_from_what_is_uploaded_alone_in_time_and_parses_without_torch(tmp_path):
    for path in space_files():
        (tmp_path / "app" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / "app" / path)
    running = start(tmp_path, root=tmp_path / "app", command=("-c", APP))
    # CPU time, since other work on the machine stretches the time on the clock; one core that does
    # nothing else would take as long, two take less.
    on_linux = Path("/proc/self/stat").exists()
    try:
        assert not on_linux or is_quick(cpu_seconds(running.process))
        client = Client(running.url, verbose=False, download_files=False)
        summary, _ = client.predict(handle_file(list_examples()[0].path), api_name="/parse")
        client.close()
        assert summary["model"] == "embedded"
        assert len(summary["faces"]) == 1
        assert not on_linux or resident_mb(running.process) <= 600
    finally:
        stop(running)
    loaded = running.log.read_text().rpartition("loaded ")[2].split()
    assert "segface_hf.inference.onnx_engine" in loaded
    assert not HEAVY & set(loaded)
