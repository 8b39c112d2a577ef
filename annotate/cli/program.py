"""The maintainer's command line: its table of commands."""

from __future__ import annotations

from collections.abc import Sequence

from segface_hf.cli.program import Program

ANNOTATE = Program(
    "python -m annotate",
    "Look after a dataset of corrected face masks.",
    {
        "init": "annotate.cli.init",
        "list": "annotate.cli.list",
        "show": "annotate.cli.show",
        "accept": "annotate.cli.accept",
        "ask": "annotate.cli.ask",
        "reject": "annotate.cli.reject",
        "fix": "annotate.cli.fix",
        "compare": "annotate.cli.compare",
        "mirror": "annotate.cli.mirror",
        "card": "annotate.cli.card",
        "stats": "annotate.cli.stats",
        "audit": "annotate.cli.audit",
        "compact": "annotate.cli.compact",
        "takedown": "annotate.cli.takedown",
        "export": "annotate.cli.export",
        "import": "annotate.cli.import_",
        "send": "annotate.cli.send",
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `python -m annotate`."""
    return ANNOTATE.run(arguments)
