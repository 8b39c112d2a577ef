"""Cards of trained checkpoints: what they were trained on, for how long, and what they score."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from segface_hf.errors import OutputError
from segface_hf.model import SegFace

_FRONT_MATTER = (
    "---\nlibrary_name: segface-hf\npipeline_tag: image-segmentation\n"
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
            fresh = Path(name)
            (fresh / "README.md").write_text(training_card(facts), encoding="utf-8")
            model.save_pretrained(fresh)
            for path in fresh.iterdir():
                os.replace(path, folder / path.name)
    except OSError as error:
        raise OutputError(f"can't write the checkpoint to {folder}: {error}") from error


def training_card(facts: Mapping[str, Any]) -> str:
    """Writes the card of a checkpoint that `segface train` made.

    Args:
        facts: Recipe, counts, time and, where there was an evaluation, scores.
    """
    tail = facts["recipe"]["tail"]
    parts = [
        _FRONT_MATTER,
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
    parts.append(
        "## Limits\n\nThe licence of the training photos may limit the use of these weights: "
        "say so here before you publish them.\n"
    )
    return "\n".join(parts)


def _scores(facts: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"| {name} | {'-' if value is None else format(value, '.3f')} |"
        for name, value in facts["f1"].items()
    )
    return (
        f"## Scores\n\nMean F1 {facts['mean_f1']:.4f} over all classes but the background, from "
        f"one confusion matrix over all pixels of {facts['validation']} photos.\n\n"
        f"| class | F1 |\n| --- | --- |\n{rows}\n"
    )
