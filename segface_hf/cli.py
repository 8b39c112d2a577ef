"""The command line: one table of commands, and errors as one sentence."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from segface_hf import __version__
from segface_hf.errors import SegFaceError

COMMANDS = ("parse", "convert", "train", "evaluate", "publish", "export")
USAGE_ERROR = 2
INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Returns the argument parser of every command."""
    parser = argparse.ArgumentParser(
        prog="segface", description="Face parsing with SegFace: photos in, part masks out."
    )
    parser.add_argument("--version", action="version", version=f"segface {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is going on")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = import_module(f"segface_hf.commands.{name}")
        sub = commands.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 1 for partial failure, 2 for an error."""
    args = build_parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(args.run(args))
    except SegFaceError as error:
        print(f"segface {args.command}: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print(f"segface {args.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
