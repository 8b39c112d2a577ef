"""Cards of trained checkpoints: what they were trained on, for how long, and what they score."""

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
    licence_lines,
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
    """Saves a checkpoint and its card; a kill leaves whole files, old or new.

    Args:
        model: The model to save.
        folder: Checkpoint folder; made where it doesn't exist.
        facts: What `Run.facts` and `Run.record` gave.

    Raises:
        OutputError: The folder can't be written.
    """
    write_checkpoint(model, folder, training_card(facts))


def write_checkpoint(model: SegFace, folder: Path, card: str) -> None:
    """Writes a checkpoint with a card of its own, whatever the folder held.

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
    """Refuses a folder that holds a checkpoint, or a part of one, which would be gone.

    Raises:
        OutputError: It does.
    """
    held = [name for name in (WEIGHTS_FILE, CONFIG_FILE, CARD_FILE) if (folder / name).exists()]
    if held:
        raise OutputError(
            f"{folder} holds {', '.join(held)}: choose another --out, or remove what is there"
        )


def average_card(config: SegFaceConfig, parts: Sequence[tuple[str, float]]) -> str:
    """Writes the card of a checkpoint that `segface average` made; it has no scores yet.

    Args:
        config: Of the mean.
        parts: What was averaged, and the share of each.
    """
    rows = "\n".join(f"| `{name}` | {share:g} |" for name, share in parts)
    constants = zip(config.labels.names, config.class_bias, strict=False)
    moved = ", ".join(f"{name} {value:+g}" for name, value in constants if value)
    lines = [
        model_card(config),
        "## Averaged\n",
        f"The mean of these checkpoints, by `segface average`:\n\n| checkpoint | share |\n"
        f"| --- | --- |\n{rows}\n",
        f"Added to logits (`class_bias`): {moved or 'nothing'}.\n",
        "It was not scored yet: `segface evaluate --model` does.\n",
    ]
    if not config.license:
        lines.append(f"The licence of one of them is not stated: {UNFINISHED}.\n")
    return "\n".join(lines)


def training_card(facts: Mapping[str, Any]) -> str:
    """Writes the card of a checkpoint that `segface train` made.

    Args:
        facts: Recipe, counts, time and, where there was an evaluation, scores.
    """
    tail = facts["recipe"]["tail"]
    parts = [
        "\n".join(["---", *licence_lines(facts["license"]), _METADATA]),
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
    parts.append(_licence(facts))
    return "\n".join(parts)


def _start(facts: Mapping[str, Any]) -> str:
    recipe, origins = facts["recipe"], facts["origins"]
    imagenet = recipe["pretrained"] == "imagenet"
    fresh = f"ImageNet weights of `{recipe['model']['backbone']}`" if imagenet else "random weights"
    lines = [] if recipe["initial"] else [f"- start: {fresh}"]
    lines += [f"- {origin.role}: {origin}" for origin in origins]
    return "## Start\n\n" + "\n".join(lines) + "\n"


def _licence(facts: Mapping[str, Any]) -> str:
    """What origins demand, and the sentence that the owner of the photos is to replace."""
    licence, own = facts["license"], facts["recipe"]["model"].get("license")
    terms = {
        data.name: f"- {data.name}: {data.terms}"
        for origin in facts["origins"]
        for data in datasets_behind(origin.config)
    }
    parts = [f"These weights: `{licence}`.\n"] if licence else []
    if facts["origins"] and licence == OTHER:
        parts = [f"These weights: `{OTHER}`, the terms of what they come from.\n"]
    parts += [text + "\n" for text in ("\n".join(terms.values()),) if text]
    if not own:
        parts.append(
            "The licence of the training photos may limit the use of these weights: "
            f"{UNFINISHED}.\n"
        )
    return "## Licence\n\n" + "\n".join(parts)


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
