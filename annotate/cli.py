"""The maintainer's command line: its table of commands."""

from __future__ import annotations

from collections.abc import Sequence

from segface_hf.cli import Program

ANNOTATE = Program(
    "python -m annotate",
    "Look after a dataset of corrected face masks.",
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
        "audit": "annotate.commands.audit",
        "compact": "annotate.commands.compact",
        "takedown": "annotate.commands.takedown",
        "export": "annotate.commands.export",
        "import": "annotate.commands.import_",
        "send": "annotate.commands.send",
        "simulate": "annotate.simulate",
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `python -m annotate`."""
    return ANNOTATE.run(arguments)
