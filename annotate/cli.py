"""The maintainer's command line: one table of commands, and errors as one sentence."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from segface_hf.errors import SegFaceError

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "annotate.commands.init",
        "list": "annotate.commands.list",
        "show": "annotate.commands.show",
        "accept": "annotate.commands.accept",
        "ask": "annotate.commands.ask",
        "reject": "annotate.commands.reject",
        "fix": "annotate.commands.fix",
        "compare": "annotate.commands.compare",
        "mirror": "annotate.commands.mirror",
        "card": "annotate.commands.card",
        "stats": "annotate.commands.stats",
        "compact": "annotate.commands.compact",
        "takedown": "annotate.commands.takedown",
        "export": "annotate.commands.export",
        "import": "annotate.commands.import_",
        "send": "annotate.commands.send",
        "simulate": "annotate.simulate",
    }
)
USAGE_ERROR = 2
INTERRUPTED = 130


def build_parser(names: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Returns the argument parser of some commands, by default of all."""
    parser = argparse.ArgumentParser(
        prog="python -m annotate", description="Look after a dataset of corrected face masks."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is going on")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        command = import_module(COMMANDS[name])
        sub = commands.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 1 for partial failure, 2 for an error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = [word for word in given if word in COMMANDS][:1]
    # Only the named command is loaded: some bring a model or a rendering engine with them.
    args = build_parser(named or tuple(COMMANDS)).parse_args(given)
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(args.run(args))
    except SegFaceError as error:
        print(f"annotate {args.command}: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print(f"annotate {args.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
