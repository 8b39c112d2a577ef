"""The report of the gate: `gate.json`, and `gate.html` for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from segface_hf._utils import atomic_write
from segface_hf.checkpoints.files import GATE_FILE
from segface_hf.errors import OutputError
from segface_hf.evaluation.present import page, show, table

PAGE_FILE = "gate.html"


def write_report(folder: Path, values: Mapping[str, Any]) -> Path:
    """Writes both files into a folder, which is created; returns the path of the JSON.

    Args:
        folder: Where to; it may be the folder of the candidate.
        values: `Gate.to_dict()`, with `candidate`, `current` and `val` added.

    Raises:
        OutputError: The folder can't be written.
    """
    texts = {GATE_FILE: json.dumps(values, indent=2) + "\n", PAGE_FILE: gate_page(values)}
    try:
        for name, text in texts.items():
            atomic_write(folder / name, partial(Path.write_text, data=text, encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"can't write the report to {folder}: {error}") from error
    return folder / GATE_FILE


def gate_page(values: Mapping[str, Any]) -> str:
    """Returns the page of a report."""
    models = [
        (role, escape(values[role]["name"]), escape(values[role]["digest"]))
        for role in ("candidate", "current")
    ]
    heads = ("F1 of", "photos", "difference", "95 %", "")
    parts = [
        f"<h1>{escape(values['verdict'])}</h1>",
        f"<p>{escape(values['sentence'])}</p>",
        table(("", "checkpoint", "weights"), models),
        f"<p>{values['photos']} photos of {escape(values['val'])}; chosen classes: "
        f"{escape(', '.join(values['chosen']))}. Differences are candidate minus current.</p>",
        table(heads, [_row(change) for change in values["changes"]]),
        '<p class="note">Intervals of classes and subgroups hold together with 95 %. '
        "Those with few photos are shown and don't block.</p>",
    ]
    return page(f"Gate: {values['verdict']}", parts)


def _row(change: Mapping[str, Any]) -> tuple[str, ...]:
    note = "fell" if change["fell"] else "few photos" if change["few_photos"] else ""
    return (
        escape(change["name"]),
        str(change["photos"]),
        show(change["difference"]),
        f"{show(change['low'])} to {show(change['high'])}",
        note,
    )
