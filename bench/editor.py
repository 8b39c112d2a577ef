"""Measures the mask editor in Chromium: script per brush move, and open to ready.

``python -m bench.editor`` prints one line a size and exits with 1 over budget. With
``--clock cpu`` a move is counted in the processor time of the page's thread, which other programs
don't lengthen.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOVES = 60
WARM_UP = 8
BRUSH = 40
"""Radius in pixels: a large brush, the slow case."""


@dataclass(frozen=True)
class Budget:
    """Largest allowed milliseconds at one size; None is not bounded."""

    size: str
    move: float | None
    ready: float | None


BUDGETS = (
    Budget("512x512", move=8, ready=1500),
    Budget("1024x1024", move=8, ready=1500),
    Budget("2048x2048", move=16, ready=None),
    Budget("4096x4096", move=16, ready=None),
)


@dataclass(frozen=True)
class Measured:
    """Milliseconds at one size."""

    median: float
    p95: float
    ready: float

    def over(self, budget: Budget) -> bool:
        """Is the 95th percentile of a move, or opening, beyond its budget?"""
        slow = budget.move is not None and self.p95 > budget.move
        return slow or (budget.ready is not None and self.ready > budget.ready)


# Everything the page runs for a move: its listeners, between the window's capture and bubble, and
# the frame they ask for.
WATCH_MOVES = """() => {
  const watch = (window.watch = { listeners: [], frames: [] });
  let began = 0;
  window.addEventListener('pointermove', () => { began = performance.now(); }, { capture: true });
  window.addEventListener('pointermove', () => {
    watch.listeners.push(performance.now() - began);
  });
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (work) => request((now) => {
    const start = performance.now();
    work(now);
    watch.frames.push(performance.now() - start);
  });
}"""
NEXT_FRAME = """() => {
  const { listeners, frames } = window.watch;
  const sum = (times) => times.reduce((all, time) => all + time, 0);
  return new Promise((done) => setTimeout(() => {
    done(sum(listeners.splice(0)) + sum(frames.splice(0)));
  }, 40));
}"""


def script_milliseconds(session: Any) -> float:
    """Milliseconds of processor that the page's scripts have taken so far."""
    metrics = {
        one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]
    }
    return 1000 * float(metrics["ScriptDuration"])


def measure_moves(editor: Any, clock: str) -> list[float]:
    """Milliseconds of script in each move of one long stroke, its drawing included."""
    editor.page.evaluate(WATCH_MOVES)
    session = editor.page.context.new_cdp_session(editor.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    editor.js("fme.app.look({ size: arg })", BRUSH)
    box = editor.page.locator(".fme-view").bounding_box()
    left, width = box["x"] + 0.2 * box["width"], 0.6 * box["width"]
    middle = box["y"] + box["height"] / 2
    editor.page.mouse.move(left, middle)
    editor.page.mouse.down()
    times = []
    for number in range(MOVES):
        before = script_milliseconds(session)
        editor.page.mouse.move(left + width * number / MOVES, middle + 40 * (number % 2))
        elapsed = editor.page.evaluate(NEXT_FRAME)
        times.append(script_milliseconds(session) - before if clock == "cpu" else elapsed)
    editor.page.mouse.up()
    if not editor.js("fme.map.done.length"):
        raise RuntimeError("the stroke painted nothing, so its times mean nothing")
    return times[WARM_UP:]


def measure(browser: Any, url: str, *, size: str, folder: Path, clock: str) -> Measured:
    """Open a synthetic face and draw over it.

    Ready counts from the value's arrival in the browser: unpacking, photo, first drawing.
    """
    from tests.space.web.editor.driver import EditorPage

    editor = EditorPage.start(browser, url, folder=folder, height=1000, width=1440)
    editor.page.set_default_timeout(120_000)
    editor.page.evaluate(WATCH_ARRIVAL)
    editor.load(size)
    ready = editor.page.evaluate("window.readyAt - window.arrivedAt")
    times = measure_moves(editor, clock)
    editor.page.context.close()
    ordered = sorted(times)
    return Measured(statistics.median(times), ordered[int(0.95 * len(ordered))], ready)


# The photo is asked for when the value has arrived; ready is when the editor says so.
WATCH_ARRIVAL = """() => {
  const root = document.querySelector('#mask-editor .fme');
  const fetched = window.fetch;
  window.fetch = (...parts) => {
    if (String(parts[0]).includes('face_')) window.arrivedAt ??= performance.now();
    return fetched(...parts);
  };
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.readyAt ??= performance.now();
  }))).observe(root, { attributeFilter: ['data-ready'] });
}"""


def run(sizes: list[str], chromium: str, clock: str) -> int:
    """Measure and print; 1 when a budget is broken."""
    from playwright.sync_api import sync_playwright

    from tests.space.browser import FLAGS
    from tests.space.web.editor.serving import running_editor

    print("| size | script a move, median | 95th percentile | open to ready |\n|---|---|---|---|")
    failed = False
    with (
        tempfile.TemporaryDirectory() as name,
        running_editor(Path(name)) as url,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        for budget in BUDGETS:
            if budget.size not in sizes:
                continue
            found = measure(browser, url, size=budget.size, folder=Path(name), clock=clock)
            mark = " over budget" if found.over(budget) else ""
            failed = failed or bool(mark)
            print(
                f"| {budget.size} | {found.median:.1f} ms | {found.p95:.1f} ms "
                f"| {found.ready:.0f} ms |{mark}",
                flush=True,
            )
        browser.close()
    return int(failed)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = [budget.size for budget in BUDGETS]
    parser.add_argument("--sizes", nargs="+", default=known, choices=known)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="of a move")
    args = parser.parse_args()
    return run(args.sizes, args.chromium, args.clock)


if __name__ == "__main__":
    sys.exit(main())
