"""Runs a growth that is killed in every stage, then to its end: `python -m ...killed WORD ...`.

Each attempt is a process of its own, forked after the imports, which take longest.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from annotate.cli.program import ANNOTATE, main
from annotate.growth.grow import GrowthState
from segface_hf.training.run import Run


def killed_after(holder: Any, name: str, *, when: Callable[..., bool], before: bool) -> None:
    """Kills this process at a call of a method, before or after it did its work."""
    original = getattr(holder, name)

    def killing(*args: Any, **options: Any) -> Any:
        if before and when(*args):
            os.kill(os.getpid(), signal.SIGKILL)
        found = original(*args, **options)
        if when(*args):
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(holder, name, killing)


def attempt(words: list[str], kill: Callable[[], None] | None = None) -> int:
    """Runs the command in a process of its own; returns its exit code, or minus the signal."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if kill:
        kill()
    os._exit(main(words))


def results(words: list[str]) -> dict[str, int]:
    """Kills one attempt in each stage, after its work and before it is noted; the last one ends."""
    found = {"plan": attempt(words, kill_at(GrowthState, "begin", always, before=False))}
    stages = ("rows", "suspects", "training", "candidate", "gate", "card", "publication", "record")
    for stage in stages:
        if stage == "training":
            found["in it"] = attempt(words, kill_at(Run, "save", always, before=False))

        def here(_: GrowthState, name: str, *rest: Any, stage: str = stage) -> bool:
            return name.startswith(stage)

        found[stage] = attempt(words, kill_at(GrowthState, "finish", here, before=True))
    return {**found, "end": attempt(words)}


def kill_at(
    holder: Any, name: str, when: Callable[..., bool], *, before: bool
) -> Callable[[], None]:
    """Returns what prepares a process to be killed; see `killed_after`."""
    return partial(killed_after, holder, name, when=when, before=before)


def always(*_: Any) -> bool:
    return True


if __name__ == "__main__":
    ANNOTATE.parser(["grow"])  # imports the command before the processes are forked
    print(json.dumps(results(sys.argv[1:])))
