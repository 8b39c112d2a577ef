"""The page without a server in Chromium beside Python, on public-domain photos: time and labels.

`python -m bench.browser` builds the page, visits it twice, and parses each photo in both. The
second visit is isolated, so that the model has threads.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segface_hf import FaceParser, load_image
from segface_hf.pipeline.centerface import CenterFaceDetector
from space.ops.browser import build_page

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("examples", "bench/wild_photos/images")
SIDE = 1024
TURNS = 3
PATIENCE_MS = 300_000
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Stays silent."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder on this machine; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def photos(folder: Path) -> list[Path]:
    """Writes the photos as PNG, so that both decode the same pixels; the first is 1024 x 1024."""
    sources = sorted(path for name in FOLDERS for path in (ROOT / name).glob("*.jpg"))
    large = load_image(ROOT / "examples" / "astronaut.jpg").resize((SIDE, SIDE))
    large.save(folder / "0.png")
    for number, path in enumerate(sources, 1):
        load_image(path).save(folder / f"{number}.png")
    return sorted(folder.glob("*.png"), key=lambda path: int(path.stem))


def in_python(parser: FaceParser, path: Path) -> tuple[float, np.ndarray]:
    """Returns the seconds from file to mask, and the mask."""
    begin = time.perf_counter()
    mask = parser.parse(str(path)).mask
    return time.perf_counter() - begin, mask


def in_page(page: Any, path: Path) -> tuple[float, np.ndarray]:
    """Returns the seconds from choosing a file to its overlay, and the mask."""
    begin = time.perf_counter()
    page.set_input_files(".pd input", str(path))
    page.wait_for_selector('.pd[data-state="idle"]')
    seconds = time.perf_counter() - begin
    page.click(".fv-save summary")
    with page.expect_download() as download:
        page.click("#download-mask")
    return seconds, np.asarray(Image.open(download.value.path()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the sizes, the first visit, the next large photo, and agreement by photo."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--limit", type=int, default=100, help="photos; default: %(default)s")
    chosen = options.parse_args(arguments)
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is missing: get it with 'apt-get install chromium'", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        built = build_page(Path(folder) / "page")
        print(f"page, models and runtime: {built.size / 1e6:.1f} MB")
        (Path(folder) / "photos").mkdir()
        paths = photos(Path(folder) / "photos")[: chosen.limit + 1]
        running = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = running.new_page()
        page.set_default_timeout(PATIENCE_MS)
        with served(built.folder) as url:
            _measure(page, url, paths)
        running.close()
    return 0


def _measure(page: Any, url: str, paths: Sequence[Path]) -> None:
    parser = FaceParser.from_pretrained(detector=CenterFaceDetector())
    in_python(parser, paths[0])
    begin = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    in_page(page, paths[0])
    cold = time.perf_counter() - begin
    page.reload()
    page.wait_for_selector("body[data-ready]")
    in_page(page, paths[0])
    pairs = [(in_page(page, paths[0])[0], in_python(parser, paths[0])[0]) for _ in range(TURNS)]
    python = statistics.median(other for _, other in pairs)
    print(f"Python, {SIDE} x {SIDE}: {python:.2f} s")
    print(f"first visit and its first photo: {cold:.1f} s, {cold / python:.1f} times Python")
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"next photo, {SIDE} x {SIDE}: {ratio:.1f} times Python (median of {TURNS} turns)")
    agreements = []
    for path in paths[1:]:
        (_, mask), (_, expected) = in_page(page, path), in_python(parser, path)
        agreements.append(float((mask == expected).mean()))
    if not agreements:
        return
    equal = sum(share >= 0.999 for share in agreements)
    print(f"labels equal on 99.9 % of pixels: {equal} of {len(agreements)} photos")
    print(f"median {statistics.median(agreements):.4%}, lowest {min(agreements):.4%}")


if __name__ == "__main__":
    sys.exit(main())
