"""Like `bench.outbox` with the owner's token: rows in batches, directly to the main branch.

    python -m bench.outbox_direct --rows 1000 --writers 16 --kills 3 --json direct.json

The sender is killed while the Hub makes a commit, so that the commit is made and the sender never
gets the answer. At the real pace, a commit a minute at most, 1,000 rows take a quarter of an hour.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.outbox import Writers, chaos, child, load_in_fresh_process, prepare
from tests.hub_double.plugin import ROUTES
from tests.hub_double.server import serve
from tests.hub_double.state import Fault, Hub

HOUR = 3600.0
MOST_FAILURES = 50


@dataclass(frozen=True)
class Result:
    """What a run ended with.

    Attributes:
        rows: Corrections that were put into the outbox.
        shown_merged: Contributions that their contributor sees as merged.
        loaded_rows: Rows that `load_dataset` gives.
        different_rows: Content ids among them.
        whole_rows: Rows with mask and photo of one size.
        commits: Requests that asked for a commit, failed ones included.
        least_gap: Seconds between two of them, the least.
        most_in_an_hour: Of them in any hour.
        faults: Requests that were broken.
        kills: Senders that were killed.
        requests: HTTP requests in all.
        seconds: How long it took.
    """

    rows: int
    shown_merged: int
    loaded_rows: int
    different_rows: int
    whole_rows: int
    commits: int
    least_gap: float
    most_in_an_hour: int
    faults: int
    kills: int
    requests: int
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether nothing was lost, doubled or half written."""
        counts = (self.shown_merged, self.loaded_rows, self.different_rows, self.whole_rows)
        return set(counts) == {self.rows}


class KilledSender:
    """Keeps a sender running, and kills it in the middle of some of its commits."""

    def __init__(self, command: Sequence[str], *, at: Sequence[int]) -> None:
        self._command, self._at = list(command), list(at)
        self._lock = threading.Lock()
        self._commits = 0
        self.kills = 0
        self.sender = child(self._command)

    def before_answer(self, path: str) -> None:
        """Counts a commit before it is answered, and kills the sender at some."""
        with self._lock:
            if "/commit/" not in path:
                return
            self._commits += 1
            if self._commits in self._at:
                self.sender.kill()
                self.kills += 1

    def restart(self) -> None:
        """Starts a new sender where the last one was killed."""
        with self._lock:
            if self.sender.poll() is not None:
                self.sender = child(self._command)

    def end(self) -> None:
        """Ends the sender."""
        self.sender.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.sender.wait(timeout=10)
        self.sender.kill()


def run(
    rows: int, *, writers: int, kills: int, share: float, folder: Path, batch: tuple[int, float]
) -> Result:
    """Runs the whole experiment and counts.

    Args:
        rows: Corrections.
        writers: Contributors, each with a queue.
        kills: How often the sender is killed.
        share: Share of the pushing requests that fail.
        folder: The outbox.
        batch: Rows in a commit, and seconds between commits.
    """
    started, hub = time.monotonic(), Hub()
    server = serve(hub, ROUTES)
    direct = f"{batch[0]}/{batch[1]}"
    command = ["--carry", str(folder), "--endpoint", hub.url, "--direct", direct]
    try:
        prepare(hub, writers)
        hub.log.clear()
        with Writers(folder, rows=rows, writers=writers) as processes:
            if any(process.wait() for process in processes):
                raise RuntimeError("a writer failed")
            killed = KilledSender(command, at=range(2, 2 + 3 * kills, 3))
            hub.chaos, tally = _watched(killed, share=share)
            _until_merged(killed, folder, rows)
        hub.chaos = None
        commits = [entry["at"] for entry in hub.requests("/commit/", method="POST")]
        requests = len(hub.log)
        loaded = load_in_fresh_process(hub.url, folder.parent / "cache")
        return Result(
            rows=rows,
            shown_merged=_merged(folder),
            loaded_rows=loaded["merged_rows"],
            different_rows=loaded["different_rows"],
            whole_rows=loaded["whole_rows"],
            commits=len(commits),
            least_gap=_least_gap(commits),
            most_in_an_hour=_most_in_an_hour(commits),
            faults=tally(),
            kills=killed.kills,
            requests=requests,
            seconds=round(time.monotonic() - started, 1),
        )
    finally:
        server.shutdown()
        server.server_close()


def _watched(
    killed: KilledSender, *, share: float
) -> tuple[Callable[[str, str], Fault | None], Callable[[], int]]:
    fault, tally = chaos(7, share=share)

    def watch(method: str, path: str) -> Fault | None:
        killed.before_answer(path)
        return fault(method, path)

    return watch, tally.total


def _until_merged(killed: KilledSender, folder: Path, rows: int) -> None:
    try:
        while _merged(folder) < rows:
            time.sleep(0.1)
            killed.restart()
            if killed.kills > MOST_FAILURES:
                raise RuntimeError("the sender ended more than 50 times")
    finally:
        killed.end()


def _merged(folder: Path) -> int:
    """Counts the contributions that are merged by the notes of the outbox."""
    merged = 0
    for path in folder.glob("*/done/*.json"):
        with suppress(FileNotFoundError):
            merged += json.loads(path.read_bytes())["state"] == "merged"
    return merged


def _least_gap(times: Sequence[float]) -> float:
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    return round(min(gaps), 2) if gaps else HOUR


def _most_in_an_hour(times: Sequence[float]) -> int:
    return max((sum(start <= t < start + HOUR for t in times) for start in times), default=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the experiment."""
    parser = argparse.ArgumentParser(prog="python -m bench.outbox_direct", description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--faults", type=float, default=0.1, help="share of requests that fail")
    parser.add_argument("--batch-rows", type=int, default=100, help="rows in one commit")
    parser.add_argument("--batch", type=float, default=60.0, help="seconds between commits")
    parser.add_argument("--json", type=Path, help="write the result here")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        result = run(
            args.rows,
            writers=args.writers,
            kills=args.kills,
            share=args.faults,
            folder=Path(folder) / "outbox",
            batch=(args.batch_rows, args.batch),
        )
    print(json.dumps(asdict(result), indent=2))
    if args.json:
        args.json.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    return 0 if result.exact else 1


if __name__ == "__main__":
    sys.exit(main())
