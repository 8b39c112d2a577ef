"""Model cards of trained checkpoints: data, duration, scores and license."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from segface_hf.checkpoints.card import (
    OTHER,
    UNFINISHED,
    datasets_behind,
    license_lines,
    model_card,
)
from segface_hf.checkpoints.files import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE
from segface_hf.config import SegFaceConfig
from segface_hf.errors import OutputError
from segface_hf.modeling.segface import SegFace

_METADATA = (
    "library_name: segface-hf\npipeline_tag: image-segmentation\n"
    "tags:\n- face-parsing\n- segface\n---\n"
)


def save_checkpoint(model: SegFace, folder: Path, facts: Mapping[str, Any]) -> None:
    """Saves a checkpoint and its card; each file is replaced atomically.

    Args:
        model: The model to save.
        folder: Checkpoint folder; created if it doesn't exist.
        facts: From `Run.facts` and `Run.record`.

    Raises:
        OutputError: The folder can't be written.
    """
    write_checkpoint(model, folder, training_card(facts))


def write_checkpoint(model: SegFace, folder: Path, card: str) -> None:
    """Writes a checkpoint and a card; existing files are replaced.

    Raises:
        OutputError: The folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
            fresh = Path(name)
            (fresh / CARD_FILE).write_text(card, encoding="utf-8")
            model.save_pretrained(fresh)
            for path in fresh.iterdir():
                os.replace(path, folder / path.name)
    except OSError as error:
        raise OutputError(f"can't write the checkpoint to {folder}: {error}") from error


def check_free(folder: Path) -> None:
    """Checks that a folder contains no part of a checkpoint that would be overwritten.

    Raises:
        OutputError: It contains one.
    """
    held = [name for name in (WEIGHTS_FILE, CONFIG_FILE, CARD_FILE) if (folder / name).exists()]
    if held:
        raise OutputError(
            f"{folder} holds {', '.join(held)}: choose another --out, or remove these files"
        )


def average_card(config: SegFaceConfig, parts: Sequence[tuple[str, float]]) -> str:
    """Returns the card of a checkpoint by `segface average`, which has no scores yet.

    Args:
        config: The averaged model's configuration.
        parts: Names of the averaged checkpoints, with the share of each.
    """
    rows = "\n".join(f"| `{name}` | {share:g} |" for name, share in parts)
    constants = zip(config.labels.names, config.class_bias, strict=False)
    moved = ", ".join(f"{name} {value:+g}" for name, value in constants if value)
    scaled = ", ".join(f"{name} x {factor:g}" for name, factor in config.head_scales)
    lines = [
        model_card(config),
        "## Averaged\n",
        f"The mean of these checkpoints, by `segface average`:\n\n| checkpoint | share |\n"
        f"| --- | --- |\n{rows}\n",
        f"Added to logits (`class_bias`): {moved or 'nothing'}.\n",
        *([f"Scaled heads (`head_scales`): {scaled}.\n"] if scaled else []),
        "It has not been scored yet: run `segface evaluate --model`.\n",
    ]
    if not config.license:
        lines.append(f"The license of at least one of them is not stated: {UNFINISHED}.\n")
    return "\n".join(lines)


def training_card(facts: Mapping[str, Any]) -> str:
    """Returns the card of a checkpoint by `segface train`.

    Args:
        facts: Recipe, counts, duration and, after an evaluation, scores.
    """
    tail = facts["recipe"]["tail"]
    parts = [
        "\n".join(["---", *license_lines(facts["license"]), _METADATA]),
        "# SegFace, trained with `segface train`\n",
        f"Trained on {facts['sources']} for {facts['step']} steps "
        f"({facts['minutes']:.0f} minutes, {facts['precision']}). "
        f"{facts['swapped']} of their masks had left and right swapped "
        f"({tail['swapped']})."
        + (f" {facts['missing']} lack parts ({tail['missing']})." if facts["missing"] else "")
        + "\n",
    ]
    if facts.get("mean_f1") is not None:
        parts.append(_scores(facts))
    recipe = yaml.safe_dump(facts["recipe"], sort_keys=False, default_flow_style=None)
    parts.append(f"## Recipe\n\n```yaml\n{recipe}```\n")
    parts.append(_start(facts))
    parts.append(_license(facts))
    return "\n".join(parts)


def _start(facts: Mapping[str, Any]) -> str:
    recipe, origins = facts["recipe"], facts["origins"]
    imagenet = recipe["pretrained"] == "imagenet"
    fresh = f"ImageNet weights of `{recipe['model']['backbone']}`" if imagenet else "random weights"
    lines = [] if recipe["initial"] else [f"- start: {fresh}"]
    lines += [f"- {origin.role}: {origin}" for origin in origins]
    return "## Start\n\n" + "\n".join(lines) + "\n"


def _license(facts: Mapping[str, Any]) -> str:
    """Returns the terms of all origins, and a sentence that the photos' owner must replace."""
    license, own = facts["license"], facts["recipe"]["model"].get("license")
    terms = {
        data.name: f"- {data.name}: {data.terms}"
        for origin in facts["origins"]
        for data in datasets_behind(origin.config)
    }
    parts = [f"These weights: `{license}`.\n"] if license else []
    if facts["origins"] and license == OTHER:
        parts = [f"These weights: `{OTHER}`, the terms of what they come from.\n"]
    parts += [text + "\n" for text in ("\n".join(terms.values()),) if text]
    if not own:
        parts.append(
            "The license of the training photos may limit the use of these weights: "
            f"{UNFINISHED}.\n"
        )
    return "## License\n\n" + "\n".join(parts)


def _scores(facts: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"| {name} | {'-' if value is None else format(value, '.3f')} |"
        for name, value in facts["f1"].items()
    )
    return (
        f"## Scores\n\nMean F1 {facts['mean_f1']:.4f} over all classes but the background, from "
        f"one confusion matrix over all pixels of {facts['validation']} photos at {facts['side']} "
        "pixels.\n\n"
        f"| class | F1 |\n| --- | --- |\n{rows}\n"
    )
