"""`python -m space`: deploy the app, measure it under load, take its pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from segface_hf.cli.program import Program

PROGRAM = Program(
    "python -m space",
    "Deploy the app, measure it under load, take its pictures.",
    {
        "deploy": "space.ops.deploy",
        "pictures": "space.ops.screenshots",
        "load": "space.ops.load_test",
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `python -m space`."""
    return PROGRAM.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
