"""The training loop: seeded, resumable bit for bit, stopped on request."""

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
from segface_hf.training.run import Run, check_same_run
from segface_hf.training.state import STATE_FILE, load_state

RECIPE_FILE = "run.yaml"
STOP_FILE = "stop"

Log = Callable[[Mapping[str, Any]], None]


def stop_file_found(out: Path) -> bool:
    """Whether the run's folder contains a file named `stop`; the file is removed."""
    path = out / STOP_FILE
    if not path.exists():
        return False
    with suppress(FileNotFoundError):
        path.unlink()
    return True


def check_start(recipe: Recipe, out: Path) -> None:
    """Checks weights and output folder before photos are read, which can take long.

    Args:
        recipe: The run's recipe; its model is built once and discarded.
        out: The run's folder, which is created.

    Raises:
        CheckpointError: The initial weights are missing or don't fit.
        OutputError: The folder can't be written.
        ConfigError: It holds a run of another recipe.
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
    """Creates the run's folder, resumes if there is a saved state, and writes the recipe.

    Returns:
        Whether it resumed.

    Raises:
        OutputError: The folder can't be written.
        ConfigError: It holds a run of another recipe.
    """
    if run.processes.is_main:
        _make(run.out)
    resumed = run.resume()
    if run.processes.is_main:
        write_recipe(run.recipe, run.out / RECIPE_FILE)
    return resumed


def train(
    run: Run,
    *,
    progress: Iterable[object] | None = None,
    log: Log = lambda row: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Trains until all steps are done or a stop is requested between two steps; then saves.

    Args:
        run: A started run.
        progress: Advanced once a step, such as a progress bar over the remaining steps.
        log: Called with each evaluation.
        stop: Called after every step; true ends the training.

    Returns:
        Whether all steps are done.
    """
    for _ in progress if progress is not None else range(run.step, run.recipe.steps):
        loss = run.advance()
        every = run.recipe.evaluate_every
        if run.validation and (run.finished or (every and run.step % every == 0)):
            log(run.record(run.evaluate(), loss=loss))
        if run.processes.any(stop() or stop_file_found(run.out)):
            break
        if run.step % run.recipe.checkpoint_every == 0:
            run.save()
    run.save()
    return run.finished
