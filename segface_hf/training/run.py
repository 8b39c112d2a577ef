"""A training run: model, averaged weights, optimizer, one step, and saving and resuming."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segface_hf.data.folder import Pair
from segface_hf.errors import CheckpointError, ConfigError, DivergedError
from segface_hf.evaluation.photos import evaluate_photos, score
from segface_hf.evaluation.predictor import Predictor
from segface_hf.evaluation.scores import Scores, number
from segface_hf.modeling.segface import SegFace
from segface_hf.training.average import averaged_copy, update_average
from segface_hf.training.card import save_checkpoint
from segface_hf.training.distill import Distiller
from segface_hf.training.losses import training_loss
from segface_hf.training.optim import (
    autocast,
    build_model,
    build_optimizer,
    faster_precision,
    learning_rate,
)
from segface_hf.training.parallel import ProcessGroup, ThreadReplicas
from segface_hf.training.prefetch import prefetcher
from segface_hf.training.prepare import TrainingData, step_batch
from segface_hf.training.provenance import Origin, Use, evaluated_on, origins_of, with_origins
from segface_hf.training.recipe import Recipe
from segface_hf.training.report import METRICS_FILE, append_line, drop_later_metrics
from segface_hf.training.state import STATE_FILE, load_state, save_state

LAST, BEST = "last", "best"
_MAY_CHANGE_ON_RESUME = ("steps", "checkpoint_every", "evaluate_every", "precision", "workers")


@dataclass
class Run:
    """A training run in progress.

    Attributes:
        recipe: Every option of the run.
        data: The prepared training photos.
        out: Folder that the run writes to.
        validation: Pairs to evaluate on; without any, nothing is evaluated.
        origins: The checkpoints that the weights come from.
        model: The model in training.
        average: The moving average of its weights, which is evaluated and saved.
        optimizer: AdamW.
        step: Steps done.
        best: Best mean F1 so far, over the classes that the masks hold.
        precision: `fp32` or `bf16`.
        processes: The processes that train together; the main one writes.
        loaders: Processes that prepare batches; 0 takes a thread. Batches don't depend on it.
        device: Device of the model; batches are prepared on the processor.
    """

    recipe: Recipe
    data: TrainingData
    out: Path
    validation: Sequence[Pair] = ()
    step: int = 0
    best: float = -1.0
    precision: str = "fp32"
    seconds: float = 0.0
    processes: ProcessGroup = field(default_factory=ProcessGroup)
    loaders: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    origins: tuple[Origin, ...] = field(init=False)
    model: SegFace = field(init=False)
    average: SegFace = field(init=False)
    optimizer: torch.optim.AdamW = field(init=False)

    def __post_init__(self) -> None:
        if self.device.type != "cpu" and self.processes.size > 1:
            raise ConfigError(
                f"several processes train on processors only, not on {self.device}: leave out "
                "--device, or start one process"
            )
        self.model = build_model(self.recipe).to(self.device)
        self.model = self.model.to(memory_format=torch.channels_last)
        has_teacher = bool(self.data.labeled) or self.recipe.tail.missing != "keep"
        self.origins = origins_of(self.recipe, has_teacher=has_teacher)
        self.model.config = with_origins(self.model.config, self.origins, photos=True)
        self.average = averaged_copy(self.model)  # type: ignore[assignment]
        self.optimizer = build_optimizer(self.model, self.recipe)
        self._distiller = Distiller.of(self.recipe, self.device)
        self._evaluated = evaluated_on(self.validation)
        self._replicas = ThreadReplicas(self.model, self.recipe.workers, processes=self.processes)
        make = partial(step_batch, self.data, self.recipe)
        self._batches = prefetcher(make, processes=self.loaders)
        wanted = self.recipe.precision
        self.precision = self.processes.broadcast(
            faster_precision(self.device) if wanted == "auto" else wanted
        )

    @property
    def finished(self) -> bool:
        """Whether every step is done."""
        return self.step >= self.recipe.steps

    def advance(self) -> float:
        """Performs one optimizer step and returns its loss.

        Raises:
            DivergedError: The loss became NaN or infinite; the weights stay as before the step.
        """
        recipe, started = self.recipe, time.monotonic()
        images, masks = self._batches.take(self.step)
        self._set_rates()
        self.optimizer.zero_grad(set_to_none=True)
        masks = masks.to(self.device, non_blocking=True)
        loss = self._replicas.backward(self._normalized(images), masks, self._loss)
        if not math.isfinite(loss):
            raise DivergedError(
                f"the training loss of step {self.step} is {loss}: lower learning_rate and "
                f"backbone_rate. {self.out} still contains the last saved state"
            )
        nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.step += 1
        update_average(self.average, self.model, decay=recipe.ema, step=self.step)
        self.seconds += time.monotonic() - started
        return loss

    def _loss(self, model: nn.Module, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        with autocast(self.precision, self.device.type):
            logits = model.logits(images)  # type: ignore[operator]
        logits = logits.float()
        loss = training_loss(
            logits,
            masks,
            self.recipe.loss,
            share=self.data.share,
            photos=self.data.counted,
            progress=self.step / self.recipe.steps,
        )
        if self._distiller is None:
            return loss
        return loss + self._distiller.loss(logits, images, masks)

    def _normalized(self, images: torch.Tensor) -> torch.Tensor:
        config = self.model.config
        images = images.to(self.device, non_blocking=True)
        mean, std = (
            torch.tensor(v, device=self.device).view(1, 3, 1, 1) for v in (config.mean, config.std)
        )
        return ((images - mean) / std).contiguous(memory_format=torch.channels_last)

    def _set_rates(self) -> None:
        factor = learning_rate(self.recipe, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor

    def save(self) -> None:
        """Writes the state to resume from, and the averaged model as a checkpoint."""
        if not self.processes.is_main:
            return
        save_state(
            self.out / STATE_FILE,
            {
                "recipe": self.recipe.to_dict(),
                "sources": self.data.sources().to_dict(),
                "validation": self._evaluated.to_dict(),
                "step": self.step,
                "best": self.best,
                "seconds": self.seconds,
                "precision": self.precision,
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "random": torch.get_rng_state(),
            },
        )
        save_checkpoint(self.average, self.out / LAST, self.facts())

    def facts(self) -> dict[str, Any]:
        """Returns what the model card states about the run."""
        return {
            "recipe": self.recipe.to_dict(),
            "sources": str(self.data.sources()),
            "swapped": len(self.data.swapped),
            "missing": len(self.data.missing),
            "validation": len(self.validation),
            "step": self.step,
            "minutes": self.seconds / 60,
            "precision": self.precision,
            "license": self.model.config.license,
            "origins": self.origins,
        }

    def resume(self) -> bool:
        """Resumes from the saved state; returns whether there was one.

        The state doesn't depend on the number of processes: any number can resume from it.

        Raises:
            ConfigError: The state was saved with another recipe, or on other photos or masks.
            CheckpointError: The state is damaged.
        """
        state = self.processes.broadcast(
            load_state(self.out / STATE_FILE) if self.processes.is_main else None
        )
        if state is None:
            if self.processes.is_main:
                drop_later_metrics(self.out / METRICS_FILE, 0)
            return False
        check_same_run(state["recipe"], self.recipe.to_dict(), self.out)
        self.data.sources().check_same(state.get("sources"), self.out, use=Use.LEARNING)
        if state["best"] >= 0:
            self._evaluated.check_same(state.get("validation"), self.out, use=Use.EVALUATION)
        self._restore(state)
        if self.processes.is_main:
            drop_later_metrics(self.out / METRICS_FILE, self.step)
        return True

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Sets weights, optimizer and counters to a saved state.

        Raises:
            CheckpointError: They don't fit the model.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"the weights in {self.out / STATE_FILE} don't fit the recipe's model ({error}): "
                "remove the file to start the run from its beginning"
            ) from error
        torch.set_rng_state(state["random"])
        self.step, self.best, self.seconds = state["step"], state["best"], state["seconds"]
        if self.recipe.precision == "auto":
            self.precision = state["precision"]

    def evaluate(self) -> Scores:
        """Scores the averaged model on the validation pairs.

        It runs at the model's own resolution, whatever side the stage trains at. So scores of all
        stages are comparable and equal those of `segface evaluate`. Each process scores its part
        of the pairs, and all get the same total.
        """
        schema = self.model.config.labels
        predictor = Predictor.of(self.average.eval(), aligned=self.data.aligned)
        results = evaluate_photos(predictor, self.processes.part(self.validation))
        classes = schema.num_classes
        counts = torch.zeros(len(self.validation), classes, classes, dtype=torch.int64)
        for mine, result in zip(self.processes.part(counts), results, strict=True):
            mine += torch.from_numpy(result.confusion)
        return score(list(self.processes.sum(counts).numpy()), schema)

    def record(self, scores: Scores, *, loss: float) -> dict[str, Any]:
        """Appends an evaluation to the metrics file, and keeps the best checkpoint."""
        held = scores.mean_held_f1()
        row = {
            "step": self.step,
            "photos_seen": self.step * self.recipe.batch_size,
            "minutes": round(self.seconds / 60, 2),
            "side": self.model.config.resolution,
            "loss": round(loss, 5),
            "mean_f1": number(scores.mean_f1()),
            "tail_f1": number(scores.tail_f1()),
            "f1": {name: values["f1"] for name, values in scores.by_class().items()},
        }
        if self.processes.is_main:
            append_line(self.out / METRICS_FILE, json.dumps(row))
        if held > self.best:
            self.best = held
            if self.processes.is_main:
                save_checkpoint(self.average, self.out / BEST, {**self.facts(), **row})
        return row


def check_same_run(old: Mapping[str, Any], new: Mapping[str, Any], out: Path) -> None:
    """Checks that a saved run has the same recipe.

    Raises:
        ConfigError: It differs; the message names the options.
    """
    # Parsed again, so that a run saved before an option existed has that option's default.
    old = Recipe.from_dict(old).to_dict()
    changed = [key for key in new if key not in _MAY_CHANGE_ON_RESUME and old[key] != new[key]]
    if changed:
        raise ConfigError(
            f"{out} holds a run with other values of {changed}: "
            "choose another --out, or restore the old values"
        )
