"""Cold starts: wall time, processor time and memory of commands in fresh processes.

`python -m bench.cold_start --against FOLDER` measures another checkout beside this one, in turns.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "examples" / "astronaut.jpg"
COMMANDS = {
    "segface parse, one photo": ("segface_hf", "parse", str(PHOTO), "--overwrite", "--out"),
    "segface --help": ("segface_hf", "--help"),
    "annotate --help": ("annotate", "--help"),
    "annotate stats --help": ("annotate", "stats", "--help"),
}


@dataclass(frozen=True)
class Run:
    """What one process took.

    Attributes:
        wall: Seconds from start to end.
        processor: Seconds of the processor, of all threads.
        megabytes: Largest resident memory. A process counts that of its parent at its start, so
            the parent must be small.
    """

    wall: float
    processor: float
    megabytes: float


def run_once(checkout: Path, command: Sequence[str]) -> Run:
    """Runs a module of a checkout in a fresh process.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    out = Path(tempfile.mkdtemp())
    words = [*command, str(out)] if command[-1] == "--out" else list(command)
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *words], cwd=checkout, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    shutil.rmtree(out)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(checkouts: Sequence[Path], *, repeats: int) -> Iterator[tuple[str, list[Run]]]:
    """Yields each command with the median of each checkout, measured in turns."""
    for name, command in COMMANDS.items():
        runs = [[run_once(one, command) for one in checkouts] for _ in range(repeats)]
        yield name, [_median(column) for column in zip(*runs, strict=True)]


def _median(runs: Sequence[Run]) -> Run:
    return Run(
        statistics.median(run.wall for run in runs),
        statistics.median(run.processor for run in runs),
        statistics.median(run.megabytes for run in runs),
    )


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description=__doc__)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--repeats", type=int, default=5, help="default: %(default)s")
    args = parser.parse_args()
    checkouts = [ROOT, *([args.against.resolve()] if args.against else [])]
    print("| command | wall, s | processor, s | memory, MB | times faster than the other |")
    print("|---|---|---|---|---|")
    for name, runs in measure(checkouts, repeats=args.repeats):
        ours = runs[0]
        ratio = f"{runs[1].wall / ours.wall:.1f}" if len(runs) > 1 else ""
        figures = f"{ours.wall:.2f} | {ours.processor:.2f} | {ours.megabytes:.0f}"
        print(f"| {name} | {figures} | {ratio} |")


if __name__ == "__main__":
    main()
