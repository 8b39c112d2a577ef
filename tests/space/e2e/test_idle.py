"""An app on a busy machine: it starts all the same, and idle it leaves the machine to others."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest


def wake_ups(process: int) -> int:
    """How often the threads of a process have waited for something so far."""
    found = 0
    for status in Path(f"/proc/{process}/task").glob("*/status"):
        found += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read_text(), re.M)[1])
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="Linux alone counts wake-ups")
def test_an_idle_app_wakes_up_less_than_150_times_a_second(server):
    def rate() -> float:
        before, started = wake_ups(server.process.pid), time.monotonic()
        time.sleep(1.0)
        return (wake_ups(server.process.pid) - before) / (time.monotonic() - started)

    # A visit that another test has just left is still being cleared away.
    assert min(rate() for _ in range(5)) < 150


def test_a_page_that_takes_long_on_a_busy_machine_does_not_end_the_app(forgetful):
    # Gradio gives up after its page was asked for, so after the first answer.
    with pytest.raises(subprocess.TimeoutExpired):
        forgetful.process.wait(timeout=8)
