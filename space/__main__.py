"""`python -m space`: deploy the app, measure it under load, take its pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from segface_hf.cli.program import Command, Program

PROGRAM = Program(
    "python -m space",
    "Deploy the app, write the page without a server, measure, take pictures.",
    {
        "deploy": Command("space.ops.deploy", "put the app on a Hugging Face Space"),
        "pictures": Command("space.ops.screenshots", "take the pictures of the docs"),
        "browser": Command("space.ops.browser", "write a page that parses photos without a server"),
        "load": Command("space.ops.load_test", "send many visitors to the app at once"),
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `python -m space`."""
    return PROGRAM.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
