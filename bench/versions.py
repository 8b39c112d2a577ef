"""Photos parsed by this checkout and by another one, in turns: how many times faster is this one?

`python -m bench.versions --against FOLDER [--photos FOLDER]`. Each checkout parses in a process of
its own, with what it installed or what PYTHONPATH adds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.cases import crowd
from bench.pictures import portrait

ROOT = Path(__file__).resolve().parents[1]
# Runs in either checkout: reads "KIND PATH" lines, prints seconds and the number of faces.
_WORKER = """
import io, sys, time
from PIL import Image
from segface_hf.overlay import blend
from segface_hf.parser import FaceParser
parser = FaceParser.from_pretrained()
for line in sys.stdin:
    kind, path = line.rstrip().split(" ", 1)
    data = open(path, "rb").read()
    photo = Image.open(io.BytesIO(data)).convert("RGB")
    begin = time.perf_counter()
    if kind == "overlay":
        photo = Image.open(io.BytesIO(data)).convert("RGB")
    parse = parser.parse(photo)
    if kind == "overlay":
        blend(photo, parse.mask, parse.schema).save(io.BytesIO(), "JPEG")
    print(time.perf_counter() - begin, len(parse.faces), flush=True)
"""


class Worker:
    """A process that parses photos with one checkout's code."""

    def __init__(self, checkout: Path) -> None:
        paths = os.pathsep.join(filter(None, (str(checkout), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, kind: str, path: Path) -> tuple[float, int]:
        """Parses a file; returns the seconds and how many faces were found."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{kind} {path}\n")
        self._process.stdin.flush()
        seconds, faces = self._process.stdout.readline().split()
        return float(seconds), int(faces)

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def drawn_cases(folder: Path) -> dict[str, tuple[str, Path]]:
    """Writes the photos of the default cases: name -> kind of work and file."""
    photos = {
        "one face, 512 x 512": ("parse", portrait(512)),
        "28 faces, 1024 x 624": ("parse", crowd(1024, 624, 28)),
        "bytes to overlay, 1024 x 1024": ("overlay", portrait(1024)),
    }
    cases: dict[str, tuple[str, Path]] = {}
    for name, (kind, photo) in photos.items():
        path = folder / f"{len(cases)}.png"
        photo.save(path)
        cases[name] = (kind, path)
    return cases


def compare(
    workers: Sequence[Worker], case: tuple[str, Path], *, repeats: int
) -> list[tuple[float, int]]:
    """Returns each worker's median seconds and number of faces; the first run doesn't count."""
    rounds = [[worker.seconds(*case) for worker in workers] for _ in range(repeats + 1)][1:]
    return [
        (statistics.median(seconds for seconds, _ in column), column[0][1])
        for column in zip(*rounds, strict=True)
    ]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.versions", description=__doc__)
    parser.add_argument("--against", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="parse these photos too")
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    args = parser.parse_args()
    workers = [Worker(ROOT), Worker(args.against.resolve())]
    print("| work | ms | ms, other | times faster | faces | faces, other |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        cases = drawn_cases(Path(folder))
        for path in sorted(args.photos.iterdir()) if args.photos else ():
            cases[path.stem] = ("parse", path.resolve())
        for name, case in cases.items():
            (ours, found), (theirs, before) = compare(workers, case, repeats=args.repeats)
            figures = f"{ours * 1e3:.0f} | {theirs * 1e3:.0f} | {theirs / ours:.2f}"
            print(f"| {name} | {figures} | {found} | {before} |", flush=True)
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    main()
