"""Memory of the app over many parses in a row: it must stay flat after the first hundred."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from gradio_client import Client, handle_file
from PIL import Image

from space.ops.local_app import local_app
from space.state.examples import list_examples

_STEP = 50
# Growth from the warm app to the end that counts as flat, in MB.
ALLOWED_MB = 60.0


def resident_mb(pid: int) -> float:
    """Returns the resident memory of a process, from /proc."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/status holds no VmRSS")


def different_photos(folder: Path, count: int) -> Iterator[Path]:
    """Yields photos made from the examples, each of another size; each replaces the one before."""
    examples = list_examples()
    for number in range(count):
        with Image.open(examples[number % len(examples)].path) as image:
            size = (image.width - number % 40, image.height - number // 40)
            image.convert("RGB").crop((0, 0, *size)).save(folder / "photo.jpg", quality=90)
        yield folder / "photo.jpg"


def measure(count: int) -> list[tuple[int, float]]:
    """Parses photos one after the other in an app of its own.

    Args:
        count: How many photos.

    Returns:
        Pairs of photos so far and resident MB, before the first photo and every 50 photos.
    """
    limits = {"parses_per_minute": 10**6, "parses_per_address": 10**6}
    with TemporaryDirectory() as folder, local_app(**limits) as app:
        client = Client(app.url, verbose=False, download_files=False)
        found = [(0, resident_mb(app.pid))]
        for number, photo in enumerate(different_photos(Path(folder), count), start=1):
            client.predict(handle_file(photo), api_name="/parse")
            if number % _STEP == 0 or number == count:
                found.append((number, resident_mb(app.pid)))
                print(f"{number} photos: {found[-1][1]:.0f} MB", flush=True)
        client.close()
    return found


def growth(found: list[tuple[int, float]]) -> float:
    """Returns by how many MB the app grew after its first hundred photos."""
    warm = [megabytes for number, megabytes in found if number >= min(100, found[-1][0])]
    return warm[-1] - warm[0]


def main() -> int:
    """Runs the measurement; 1 where memory grew by more than `ALLOWED_MB`."""
    parser = argparse.ArgumentParser(prog="python -m bench.app_memory", description=__doc__)
    parser.add_argument("--photos", type=int, default=1000, help="how many are parsed")
    grown = growth(measure(parser.parse_args().photos))
    print(f"grown by {grown:.0f} MB after the first hundred photos")
    return int(grown > ALLOWED_MB)


if __name__ == "__main__":
    sys.exit(main())
