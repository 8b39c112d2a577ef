"""Which rows a checkpoint was trained on: a file in its folder, and a section of its card."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from annotate.errors import RecordError
from segface_hf._utils import atomic_write, counted
from segface_hf.checkpoints.files import ROWS_FILE

_UNSAFE = re.compile(r"[^\w .,:/+()-]")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class TrainedRows:
    """The rows of one growth.

    Attributes:
        dataset: `org/name`, or the name of a folder.
        commit: Commit of the dataset that was read; empty in a folder.
        base: Digest of the weights that were trained on.
        created_at: Date and time in UTC, as text.
        rows: Content ids that were new, sorted.
    """

    dataset: str
    commit: str
    base: str
    created_at: str
    rows: tuple[str, ...]


def read_trained_rows(checkpoint: Path) -> tuple[TrainedRows, ...]:
    """Reads the growths behind a checkpoint, oldest first; none where it has no such file.

    Raises:
        RecordError: The file is damaged.
    """
    path = checkpoint / ROWS_FILE
    if not path.is_file():
        return ()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            TrainedRows(**{**each, "rows": tuple(map(str, each["rows"]))}) for each in values
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(
            f"{path} can't be read as the rows that the weights were trained on: {error}"
        ) from error


def write_trained_rows(checkpoint: Path, growths: Sequence[TrainedRows]) -> None:
    """Writes the growths behind a checkpoint into its folder."""
    text = json.dumps([asdict(each) for each in growths], indent=1) + "\n"
    atomic_write(checkpoint / ROWS_FILE, partial(Path.write_text, data=text, encoding="utf-8"))


def card_section(
    growths: Sequence[TrainedRows],
    licenses: Mapping[str, Sequence[str]],
    *,
    gate: Mapping[str, Any],
) -> str:
    """Returns what the card of a grown checkpoint says of its rows.

    Args:
        growths: Those behind it; the last one made it.
        licenses: Content id -> licenses of the rows that it was trained on.
        gate: What the gate decided.
    """
    last = growths[-1]
    commit = f" at `{_plain(last.commit)}`" if last.commit else ""
    tally = Counter(_plain(text) for texts in licenses.values() for text in set(texts))
    terms = [f"| {name} | {count} |" for name, count in tally.most_common()]
    history = [
        f"| {each.created_at[:10]} | `{_plain(each.dataset)}` | {len(each.rows)} |"
        for each in growths
    ]
    return "\n".join(
        [
            "## Corrections\n",
            f"Trained on with {counted(len(last.rows), 'new row')} of `{_plain(last.dataset)}`"
            f"{commit}, by `python -m annotate grow`. `{ROWS_FILE}` lists them.",
            f"Gate on {gate['photos']} photos: {gate['sentence']}.\n",
            "| date | dataset | new rows |\n|---|---|---:|",
            *history,
            "\nLicenses that the rows and their photos state:\n",
            "| license | rows |\n|---|---:|",
            *(terms or ["| none: rows of a folder without consent | |"]),
            "",
        ]
    )


def _plain(text: str) -> str:
    """Returns an untrusted text without anything that Markdown or HTML would read."""
    return _UNSAFE.sub("", text)[:_LONGEST_NAME] or "not readable"
