"""What the parts of the Review view share: a gallery, a table, and the report of a row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from annotate.review.inspection import RowInspection
from space.handlers.review import changes, findings


def gallery(label: str, name: str) -> gr.Gallery:
    """Adds a gallery of four pictures side by side; `name` is its element id."""
    return gr.Gallery(
        label=label, columns=4, height="auto", object_fit="contain", format="png", elem_id=name
    )


def row_gallery(name: str) -> gr.Gallery:
    """Adds the gallery of a row; `name` is its element id."""
    return gallery("Photo, prediction, correction, difference", name)


def row_pictures(seen: RowInspection) -> list[tuple[Any, str]]:
    """Returns a row's pictures with their names; none if the row is invalid."""
    if seen.correction is None:
        return []
    return [(picture, name) for name, picture in seen.pictures().items()]


def row_report(seen: RowInspection) -> str:
    """Returns the checks and the changed classes as HTML."""
    notice = "".join(f"<li>{escape(line)}</li>" for line in findings(seen))
    return f"<ul>{notice}</ul>{numbers_table(changes(seen), ('Predicted', 'Corrected'))}"


def numbers_table(
    rows: Sequence[tuple[str, int, int, float | None]], names: tuple[str, str]
) -> str:
    """Returns an HTML table of classes with their pixels in two masks and their IoU."""
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{before:,}</td><td>{after:,}</td>"
        f"<td>{'' if iou is None else format(iou, '.2f')}</td></tr>"
        for name, before, after, iou in rows
    )
    head = f"<tr><th>Class</th><th>{names[0]}</th><th>{names[1]}</th><th>IoU</th></tr>"
    return f"<table>{head}{cells}</table>"
