"""The loop: one visible training loop, seeded, resumable bit for bit, stopped on request."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from segface_hf.errors import OutputError
from segface_hf.training.optim import build_model
from segface_hf.training.recipe import Recipe
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.report import STATE_FILE, load_state
from segface_hf.training.run import Run, check_same_run

RECIPE_FILE = "run.yaml"
STOP_FILE = "stop"

Log = Callable[[Mapping[str, Any]], None]


def stop_file_found(out: Path) -> bool:
    """Whether someone put a file named `stop` into the run's folder; it is taken away."""
    path = out / STOP_FILE
    if not path.exists():
        return False
    with suppress(FileNotFoundError):
        path.unlink()
    return True


def check_ahead(recipe: Recipe, out: Path) -> None:
    """Tells what can't work before photos are read, and a teacher sees them for an hour.

    Args:
        recipe: Of the run; its model is built once and dropped.
        out: Folder of the run, which is made.

    Raises:
        CheckpointError: The weights to start from are missing or don't fit.
        OutputError: The folder can't be written.
        ConfigError: It holds another recipe's run.
    """
    _make(out)
    if (state := load_state(out / STATE_FILE)) is None:
        build_model(recipe)
    else:
        check_same_run(state["recipe"], recipe.to_dict(), out)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"can't write to {folder}: {error}") from error


def start(run: Run) -> bool:
    """Makes the run's folder, resumes where there is a state, and writes out the recipe.

    Returns:
        Whether it resumed.

    Raises:
        OutputError: The folder can't be written.
        ConfigError: It holds another recipe's run.
    """
    if run.company.leads:
        _make(run.out)
    resumed = run.resume()
    if run.company.leads:
        write_recipe(run.recipe, run.out / RECIPE_FILE)
    return resumed


def train(
    run: Run,
    *,
    progress: Iterable[object] | None = None,
    log: Log = lambda row: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Trains to the end, or until a stop is requested between two steps; then saves.

    Args:
        run: A started run.
        progress: Iterated once a step, such as a progress bar over the steps left.
        log: Called with each evaluation.
        stop: Asked after every step.

    Returns:
        Whether every step was done.
    """
    for _ in progress if progress is not None else range(run.step, run.recipe.steps):
        loss = run.advance()
        every = run.recipe.evaluate_every
        if run.validation and (run.finished or (every and run.step % every == 0)):
            log(run.record(run.evaluate(), loss=loss))
        if run.company.any(stop() or stop_file_found(run.out)):
            break
        if run.step % run.recipe.checkpoint_every == 0:
            run.save()
    run.save()
    return run.finished
