"""The maintainer's command line: its table of commands."""

from __future__ import annotations

from collections.abc import Sequence

from segface_hf.cli.program import Command, Program

_REVIEW, _DATASET, _EXCHANGE, _GROWTH, _GROW = (
    f"annotate.cli.{name}" for name in ("review", "dataset", "exchange", "growth", "grow")
)
ANNOTATE = Program(
    "python -m annotate",
    "Look after a dataset of corrected face masks.",
    {
        "init": Command(_DATASET, "set a dataset on the Hub up for contributions"),
        "list": Command(_REVIEW, "list the contributions that wait for a decision"),
        "show": Command(_REVIEW, "show one contribution: pictures, numbers by class, checks"),
        "accept": Command(_REVIEW, "merge contributions that no check forbids"),
        "ask": Command(_REVIEW, "ask the contributor for changes"),
        "reject": Command(_REVIEW, "close a contribution with a reason"),
        "fix": Command(_REVIEW, "fix a contribution's mask and merge it"),
        "compare": Command(
            _REVIEW, "compare two contributions of one photo, open or merged, and settle disputes"
        ),
        "mirror": Command(_DATASET, "bring a local copy of a dataset up to date"),
        "card": Command(_DATASET, "count a dataset and update its card and growth plot"),
        "stats": Command(
            _DATASET, "count images and pixels by class, growth, contributors and label versions"
        ),
        "audit": Command(
            _DATASET, "check every row as untrusted input, and print what is wrong or unusual"
        ),
        "queue": Command(_GROWTH, "rank photos without masks: which one to correct next, and why"),
        "suspects": Command(
            _GROWTH, "rank rows whose masks are probably wrong, by a model, and say what is wrong"
        ),
        "grow": Command(
            _GROW, "train the next checkpoint on new rows, compare it, and publish it if it passes"
        ),
        "compact": Command(_DATASET, "merge many files of one row into larger files"),
        "takedown": Command(
            _DATASET, "take contributions down, by id or contributor, so that they can't come back"
        ),
        "export": Command(_EXCHANGE, "export a dataset to folders, COCO, CVAT or Label Studio"),
        "import": Command(
            _EXCHANGE, "import masks from folders, COCO, CVAT or Label Studio into a dataset folder"
        ),
        "send": Command(_EXCHANGE, "send the contributions of a folder to the dataset on the Hub"),
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `python -m annotate`."""
    return ANNOTATE.run(arguments)
