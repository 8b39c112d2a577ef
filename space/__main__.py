"""`python -m space`: deploy the app, measure it under load, take its pictures."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from segface_hf.errors import SegFaceError
from space.errors import VisitError
from space.handlers.parse import as_sentence
from space.ops.deploy import ROOT, deploy, make_plan
from space.ops.load_test import visit_together
from space.ops.local_app import local_app
from space.ops.screenshots import take_pictures


def _deploy_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("space", help="where to, as org/name")
    parser.add_argument("--dataset", help="dataset repository that contributions go to")
    parser.add_argument("--hardware", help="hardware to ask for, such as cpu-upgrade or zero-a10g")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be uploaded")


def _deploy(arguments: argparse.Namespace) -> int:
    plan = make_plan(arguments.space, dataset=arguments.dataset, hardware=arguments.hardware)
    changed = plan.changed()
    for path in plan.files:
        print(f"{path} (changed for {plan.space})" if path in changed else path)
    print(f"{len(plan.files)} files, {plan.size() / 1e6:.1f} MB, to {plan.space}")
    if not arguments.dry_run:
        print(deploy(plan))
    return 0


def _pictures_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="a running app; without it one is started")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="where to")
    parser.add_argument("--chromium", default="chromium", help="the browser")


def _pictures(arguments: argparse.Namespace) -> int:
    chromium = shutil.which(arguments.chromium)
    if chromium is None:
        raise VisitError("Chromium is missing: get it with 'apt-get install chromium'")
    with _app(arguments.url, None) as (url, _):
        for path in take_pictures(url, arguments.out, chromium=chromium):
            print(path)
    return 0


@contextmanager
def _app(url: str | None, pid: int | None) -> Iterator[tuple[str, int | None]]:
    """The app that was named, or one of our own."""
    if url:
        yield url, pid
        return
    with local_app() as app:
        yield app.url, app.pid


def _load_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="a running app; without it one is started")
    parser.add_argument("--visitors", type=int, default=50, help="how many come at once")
    parser.add_argument("--pid", type=int, help="the app's process, to watch its memory")


def _load(arguments: argparse.Namespace) -> int:
    with _app(arguments.url, arguments.pid) as (url, pid):
        report = visit_together(url, visitors=arguments.visitors, pid=pid)
    print("\n".join(report.lines()))
    return 1 if report.failures or report.wrong_answers else 0


_COMMANDS: dict[
    str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]
] = {
    "deploy": ("put the app on a Hugging Face Space", _deploy_arguments, _deploy),
    "pictures": (
        "take the pictures of the docs",
        _pictures_arguments,
        _pictures,
    ),
    "load": ("send many visitors to the app at once", _load_arguments, _load),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; a failure is one line on standard error and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m space", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (about, add_arguments, run) in _COMMANDS.items():
        command = commands.add_parser(name, help=about)
        add_arguments(command)
        command.set_defaults(run=run)
    parsed = parser.parse_args(arguments)
    try:
        return parsed.run(parsed)
    except SegFaceError as error:
        print(as_sentence(error), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
