"""Sends many visitors to the app at once; measures waiting times and memory."""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from gradio_client import Client, handle_file  # type: ignore[import-untyped]
from gradio_client.exceptions import AppError  # type: ignore[import-untyped]
from PIL import Image

from segface_hf.cli.program import Functions
from space.errors import VisitError
from space.ops.local_app import running_app
from space.state.examples import list_examples

_PATIENCE = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `python -m space load`."""
    parser.add_argument("--url", help="a running app; by default one is started")
    parser.add_argument("--visitors", type=int, default=50, help="number of visitors at once")
    parser.add_argument("--pid", type=int, help="process of the app, to watch its memory")


def run(arguments: argparse.Namespace) -> int:
    """Sends the visitors and prints the report; 1 where an answer was missing or wrong."""
    with running_app(arguments.url, arguments.pid) as (url, pid):
        report = visit_together(url, visitors=arguments.visitors, pid=pid)
    print("\n".join(report.lines()))
    return 1 if report.failures or report.wrong_answers else 0


@dataclass(frozen=True)
class LoadReport:
    """What the visitors experienced.

    Attributes:
        seconds: Time from request to answer, one value per answered visitor.
        failures: One sentence per visitor without an answer.
        wrong_answers: Number of visitors who got the answer to another visitor's photo.
        queue: The largest position in the queue that was shown.
        peak_mb: Peak memory of the app's process in MB; None where it can't be read.
    """

    seconds: tuple[float, ...]
    failures: tuple[str, ...]
    wrong_answers: int
    queue: int
    peak_mb: float | None

    def lines(self) -> list[str]:
        """Returns the report as lines of text."""
        found = sorted(self.seconds) or [0.0]
        memory = "unknown" if self.peak_mb is None else f"{self.peak_mb:.0f} MB"
        return [
            f"answered {len(self.seconds)}, failed {len(self.failures)}",
            f"seconds: median {statistics.median(found):.1f}, longest {found[-1]:.1f}",
            f"photos a minute: {60 * len(self.seconds) / found[-1] if self.seconds else 0:.0f}",
            f"longest place in line shown: {self.queue}",
            f"answers to another's photo: {self.wrong_answers}",
            f"most memory: {memory}",
            *dict.fromkeys(self.failures),
        ]


def visit_together(url: str, *, visitors: int, pid: int | None = None) -> LoadReport:
    """Sends a different photo for each visitor, all at once.

    Args:
        url: Address of the app.
        visitors: How many.
        pid: The app's process, to watch its memory.

    Raises:
        VisitError: There is no example to make photos from.
    """
    with TemporaryDirectory() as folder, _Memory(pid) as memory:
        photos = _different_photos(Path(folder), visitors)
        with ThreadPoolExecutor(visitors) as pool:
            results = list(pool.map(lambda item: _visit(url, *item), photos))
        return _report(results, memory.peak_mb)


@dataclass(frozen=True)
class _Visit:
    seconds: float
    failure: str
    wrong_answer: bool
    queue: int


def _report(results: Sequence[_Visit], peak_mb: float | None) -> LoadReport:
    return LoadReport(
        seconds=tuple(r.seconds for r in results if not r.failure),
        failures=tuple(r.failure for r in results if r.failure),
        wrong_answers=sum(r.wrong_answer for r in results),
        queue=max((r.queue for r in results), default=0),
        peak_mb=peak_mb,
    )


def _visit(url: str, path: Path, size: tuple[int, int]) -> _Visit:
    try:
        client = Client(
            url, verbose=False, download_files=False, httpx_kwargs={"timeout": _PATIENCE}
        )
    except httpx.HTTPError:
        return _Visit(0.0, f"no app answers at {url}: start it with `python app.py`", False, 0)
    started, place = time.perf_counter(), 0
    try:
        job = client.submit(handle_file(path), api_name="/parse")
        while not job.done():
            place = max(place, job.status().rank or 0)
            time.sleep(0.2)
        summary = job.result()[0]
    except AppError as error:
        return _Visit(0.0, str(error), False, place)
    finally:
        client.close()
    seconds = time.perf_counter() - started
    return _Visit(seconds, "", (summary["width"], summary["height"]) != size, place)


def _different_photos(folder: Path, count: int) -> list[tuple[Path, tuple[int, int]]]:
    examples = list_examples()
    if not examples:
        raise VisitError(
            "the load test uses the example photos, and the folder `examples` holds none"
        )
    photos = []
    for number in range(count):
        with Image.open(examples[number % len(examples)].path) as image:
            size = (image.width - number % 25, image.height - number // 25)
            image.convert("RGB").crop((0, 0, *size)).save(folder / f"{number}.jpg", quality=90)
        photos.append((folder / f"{number}.jpg", size))
    return photos


class _Memory:
    """Watches the resident memory of a process, on systems with /proc."""

    def __init__(self, pid: int | None) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mb: float | None = None

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._status.is_file():
            for line in self._status.read_text().splitlines():
                if line.startswith("VmRSS:"):
                    self.peak_mb = max(self.peak_mb or 0.0, int(line.split()[1]) / 1024)
            if self._ended.wait(0.2):
                return


COMMANDS = {"load": Functions(add_arguments, run)}
