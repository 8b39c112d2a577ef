"""Takes the screenshots of the docs from a running app and its examples."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segface_hf.cli.program import Functions
from space.errors import VisitError
from space.ops.local_app import running_app
from space.state.examples import find_example

_IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Shot:
    """One screenshot.

    Attributes:
        name: File name without its ending.
        example: The example that is opened first.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        dark: Whether the dark theme is shown.
        view: Which view is shown.
    """

    name: str
    example: str
    width: int = 1440
    height: int = 1000
    dark: bool = False
    view: str = "parse"


SHOTS = (
    Shot("parse-1440", "three_faces.jpg", height=940),
    Shot("parse-1440-dark", "astronaut.jpg", height=940, dark=True),
    Shot("parse-390", "astronaut.jpg", width=390, height=844),
    Shot("correct-1440", "grace_hopper.jpg", view="correct"),
    Shot("correct-390-dark", "grace_hopper.jpg", width=390, height=844, dark=True, view="correct"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `python -m space pictures`."""
    parser.add_argument("--url", help="a running app; by default one is started")
    parser.add_argument("--out", type=Path, default=_IMAGES, help="folder for the pictures")
    parser.add_argument("--chromium", default="chromium", help="the browser")


def run(arguments: argparse.Namespace) -> int:
    """Takes the pictures and prints their paths."""
    chromium = shutil.which(arguments.chromium)
    if chromium is None:
        raise VisitError("Chromium is missing: get it with 'apt-get install chromium'")
    with running_app(arguments.url) as (url, _):
        for path in take_pictures(url, arguments.out, chromium=chromium):
            print(path)
    return 0


def take_pictures(url: str, out: Path, *, chromium: str) -> list[Path]:
    """Takes every shot of a running app.

    Args:
        url: Address of the app.
        out: Folder for the PNG files.
        chromium: Path of the browser.

    Raises:
        VisitError: Playwright is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _browser(chromium) as browser:
        return [_take(browser, url, shot, out) for shot in SHOTS]


@contextmanager
def _browser(chromium: str) -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise VisitError("pictures need Playwright: pip install playwright") from error
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


def _take(browser: Any, url: str, shot: Shot, out: Path) -> Path:
    scheme = "dark" if shot.dark else "light"
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=scheme
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector(".pd")
    page.set_input_files(".pd input[type=file]", str(find_example(shot.example).path))
    page.wait_for_selector(".fv[data-ready]")
    if shot.view == "correct":
        page.click("#to-correct")
        page.wait_for_selector("#mask-editor .fme[data-ready]")
    page.wait_for_timeout(1500)
    page.mouse.move(0, 0)
    path = out / f"{shot.name}.png"
    page.screenshot(path=str(path))
    context.close()
    return path


COMMANDS = {"pictures": Functions(add_arguments, run)}
