"""The command line: a table of commands, and errors as one sentence."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from typing import Any

from segface_hf import __version__
from segface_hf.errors import MissingPackageError, SegFaceError

USAGE_ERROR = 2
INTERRUPTED = 130


@dataclass(frozen=True)
class Functions:
    """What implements one command: adds its options to a parser, and runs it."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


@dataclass(frozen=True)
class Command:
    """One command of a module that implements several; the module is imported when needed.

    Attributes:
        module: Its `COMMANDS` map each command's name to `Functions`.
        help: One line for `--help`, which imports nothing.
    """

    module: str
    help: str


@dataclass(frozen=True)
class Program:
    """A command line made of commands.

    Attributes:
        name: How it is called.
        description: One sentence for `--help`.
        commands: Name -> `Command`, or a module with HELP, add_arguments and run.
    """

    name: str
    description: str
    commands: Mapping[str, str | Command]

    def parser(self, names: Sequence[str] = ()) -> argparse.ArgumentParser:
        """Returns the argument parser of some commands, or of all for a list of them."""
        parser = argparse.ArgumentParser(prog=self.name, description=self.description)
        parser.add_argument("--version", action="version", version=f"segface-hf {__version__}")
        parser.add_argument("-v", "--verbose", action="store_true", help="log each step")
        commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
        for name in names or self.commands:
            self._add(commands, name, with_arguments=name in names)
        return parser

    def _add(self, commands: Any, name: str, *, with_arguments: bool) -> None:
        command = self.commands[name]
        if isinstance(command, str):
            module = import_module(command)
            text, functions = module.HELP, Functions(module.add_arguments, module.run)
        else:
            text, functions = command.help, None
            if with_arguments:
                functions = import_module(command.module).COMMANDS[name]
        sub = commands.add_parser(name, help=text, description=text)
        if functions is not None:
            functions.add_arguments(sub)
            sub.set_defaults(run=functions.run)

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Runs one command; returns 0, 1 for partial failure, 2 for an error."""
        for stream in (sys.stdout, sys.stderr):
            # A file's name may contain bytes that are not valid text.
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        given = list(sys.argv[1:] if arguments is None else arguments)
        # Only the named command is loaded: some bring a model or a rendering engine with them.
        args = self.parser([word for word in given if word in self.commands][:1]).parse_args(given)
        logging.basicConfig(
            level=logging.INFO if args.verbose else logging.WARNING,
            format="%(levelname)s %(name)s: %(message)s",
        )
        speaker = f"{self.name.split()[-1]} {args.command}"
        try:
            return int(args.run(args))
        except ModuleNotFoundError as error:
            if (missing := MissingPackageError.of(error)) is None:
                raise
            print(f"{speaker}: {missing}", file=sys.stderr)
            return USAGE_ERROR
        except SegFaceError as error:
            print(f"{speaker}: {error}", file=sys.stderr)
            return USAGE_ERROR
        except KeyboardInterrupt:
            print(f"{speaker}: interrupted", file=sys.stderr)
            return INTERRUPTED


def _of_package(name: str) -> tuple[str, str]:
    return name, f"segface_hf.cli.{name.replace('-', '_')}"


COMMANDS = (
    "parse",
    "convert",
    "train",
    "average",
    "add-class",
    "evaluate",
    "promote",
    "explain",
    "atlas",
    "publish",
    "export",
    "render",
    "celebamask",
)
SEGFACE = Program(
    "segface",
    "Face parsing with SegFace: photos in, part masks out.",
    {**dict(map(_of_package, COMMANDS)), "tune-heads": "segface_hf.cli.tune_heads"},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `segface`."""
    return SEGFACE.run(arguments)
