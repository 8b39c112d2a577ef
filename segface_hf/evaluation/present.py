"""The evaluation report as text, as one HTML page, and as a contact sheet of photos."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image, ImageDraw

from segface_hf._utils import counted
from segface_hf.labels import LabelSchema

_MEANS = ("mean_f1", "tail_f1", "mean_iou", "mean_boundary_f1", "hierarchical_f1")
_MEASURES = ("swapped_masks",)


def summary(values: Mapping[str, Any]) -> Iterator[str]:
    """Yields the lines of a summary for the terminal.

    Args:
        values: From `report.report`, with what `segface evaluate` added.
    """
    for name, row in values["classes"].items():
        low, high = row.get("f1_95") or (None, None)
        between = "" if low is None else f"  ({low:.3f} to {high:.3f})"
        yield (
            f"{name:12} {_show_text(row['f1'], 3)}{between}  in {counted(row['images'], 'photo')}"
            f"{_stray(row)}"
        )
    for key in _MEANS:
        if values.get(key) is not None:
            yield f"{key:18} {values[key]:.4f} {values.get(key + '_95', '')}"
    yield from _left_right(values["left_right_confusion"])
    for column, rows in values.get("groups", {}).items():
        yield from (_group(column, value, row) for value, row in rows.items())
    yield from _against(values.get("against", {}).get("f1", {}))
    for key in _MEASURES:
        yield from (f"{key}: {name} {value}" for name, value in values.get(key, {}).items())


def _stray(row: Mapping[str, Any]) -> str:
    """Predicted pixels of a class that no mask contains; one pixel makes its score 0."""
    if row["pixels"] or not row["predicted_pixels"]:
        return ""
    return f", but the model predicts {counted(row['predicted_pixels'], 'pixel')}"


def _left_right(shares: Mapping[str, float | None]) -> Iterator[str]:
    """One line; pairs that no photo holds have no share."""
    shown = [f"{pair} {share:.4f}" for pair, share in shares.items() if share is not None]
    if shown:
        yield f"left and right mixed up: {', '.join(shown)}"


def _group(column: str, value: str, row: Mapping[str, Any]) -> str:
    few = " (few: uncertain)" if row["few_photos"] else ""
    return (
        f"{column} {value}: mean_f1 {_show_text(row['mean_f1'], 4)}, "
        f"tail_f1 {_show_text(row['tail_f1'], 4)} "
        f"in {counted(row['photos'], 'photo')}{few}"
    )


def _against(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, row in rows.items():
        if row["difference"] is not None:
            low, high = row["difference_95"]
            yield f"against {name:18} {row['difference']:+.4f}  ({low:+.4f} to {high:+.4f})"


def _show_text(value: float | None, digits: int) -> str:
    return "-".rjust(digits + 1) if value is None else f"{value:.{digits}f}"


_TILE, _CAPTION = 224, 18
_UNLABELED = 128


def caption(stem: str, f1: float) -> str:
    """Returns the caption of a photo: its name and its mean F1, which is NaN if undefined."""
    return f"{stem}  " + ("no part in its mask" if math.isnan(f1) else f"mean F1 {f1:.3f}")


def contact_sheet(
    rows: Sequence[tuple[str, Image.Image, np.ndarray, np.ndarray]], schema: LabelSchema
) -> Image.Image:
    """Draws one row a photo: the photo, its mask and the prediction.

    Args:
        rows: Caption, photo, true mask and prediction.
        schema: Holds the colors; pixels without a label are gray.
    """
    sheet = Image.new("RGB", (3 * _TILE, max(1, len(rows)) * (_TILE + _CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    colors = np.full((256, 3), _UNLABELED, np.uint8)
    colors[: schema.num_classes] = schema.colors
    for index, (caption, image, mask, prediction) in enumerate(rows):
        top = index * (_TILE + _CAPTION)
        draw.text((4, top + 3), caption, fill="black")
        pictures = (image, Image.fromarray(colors[mask]), Image.fromarray(colors[prediction]))
        for column, picture in enumerate(pictures):
            tile = picture.resize((_TILE, _TILE), Image.Resampling.BILINEAR)
            sheet.paste(tile, (column * _TILE, top + _CAPTION))
    return sheet


_OPTIONAL = (("Masks with left and right swapped", "swapped_masks"),)
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left}
.bar{background:#e6e6e6;height:.6rem;width:120px;display:inline-block;position:relative}
.bar i{background:#2a6fb0;height:100%;display:block}
.big{font-size:2rem;font-weight:600}.note{color:#666}
"""


def html_report(values: Mapping[str, Any], *, title: str, sheet: str = "") -> str:
    """Returns a page.

    Args:
        values: From `report.report`.
        title: Heading, such as the model's name.
        sheet: Path of the contact sheet of the worst photos, relative to the page. It is linked,
            not embedded, so that the page can be shown without the photos.
    """
    parts = [
        f"<h1>{escape(title)}</h1>",
        _headline(values),
        "<h2>Classes</h2>",
        _classes(values["classes"]),
        "<h2>Class tree</h2>",
        _pairs("family", "F1", values["families"]),
        "<h2>Left and right mixed up</h2>",
        _pairs("pair", "share of pixels", values["left_right_confusion"]),
    ]
    for column, rows in values.get("groups", {}).items():
        parts += [f"<h2>By {escape(column)}</h2>", _groups(rows)]
    for heading, key in _OPTIONAL:
        if key in values:
            parts += [f"<h2>{heading}</h2>", _pairs("measure", "value", values[key])]
    if "against" in values:
        parts += [f"<h2>Against {escape(str(values['against']['model']))}</h2>"]
        parts += [_differences(values["against"]["f1"])]
    worst = {row["stem"]: row["mean_f1"] for row in values["worst_photos"]}
    parts += ["<h2>Worst photos</h2>", _link(sheet), _pairs("photo", "mean F1", worst)]
    return page(title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """Returns an HTML page that needs nothing else."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><body>" + "\n".join(parts) + "</body></html>\n"
    )


def _headline(values: Mapping[str, Any]) -> str:
    interval = values.get("mean_f1_95")
    between = f" (95 %: {show(interval[0])} to {show(interval[1])})" if interval else ""
    outlines = values.get("mean_boundary_f1")
    boundary = "" if outlines is None else f"mean boundary F1 {show(outlines)}, "
    return (
        f'<p><span class="big">{show(values["mean_f1"])}</span> mean F1{between} on '
        f"{values['photos']} photos; tail {show(values['tail_f1'])}, "
        f"mean IoU {show(values['mean_iou'])}, {boundary}"
        f"hierarchical F1 {show(values['hierarchical_f1'])}.</p>"
        f'<p class="note">{escape(values["metric"])}.</p>'
    )


def _link(sheet: str) -> str:
    if not sheet:
        return ""
    name = escape(sheet.rsplit("/", 1)[-1])
    return f'<p>With masks and predictions: <a href="{quote(sheet)}">{name}</a></p>'


def _differences(rows: Mapping[str, Mapping[str, Any]]) -> str:
    body = [
        (escape(name), show(row["difference"]), " to ".join(map(show, row["difference_95"])))
        for name, row in rows.items()
        if row["difference"] is not None
    ]
    return table(("F1", "difference", "95 %"), body)


def _classes(classes: Mapping[str, Mapping[str, Any]]) -> str:
    heads = ("class", "", "F1", "95 %", "IoU", "precision", "recall", "boundary F1", "photos")
    return table(heads, [_class_row(name, row) for name, row in classes.items()])


def _class_row(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    low, high = row.get("f1_95") or (None, None)
    share = 100 * (row["f1"] or 0)
    return (
        escape(name),
        f'<span class="bar"><i style="width:{share:.0f}%"></i></span>',
        show(row["f1"]),
        f"{show(low)} to {show(high)}" if low is not None else "",
        show(row["iou"]),
        show(row["precision"]),
        show(row["recall"]),
        show(row.get("boundary_f1")),
        str(row.get("images", "")),
    )


def _groups(rows: Mapping[str, Mapping[str, Any]]) -> str:
    body = [
        (
            escape(value),
            str(row["photos"]),
            show(row["mean_f1"]),
            show(row["tail_f1"]),
            "few photos: uncertain" if row["few_photos"] else "",
        )
        for value, row in rows.items()
    ]
    return table(("value", "photos", "mean F1", "tail F1", ""), body)


def _pairs(name: str, value: str, rows: Mapping[str, Any]) -> str:
    return table((name, value), [(escape(str(k)), show(v)) for k, v in rows.items()])


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns an HTML table; cells are HTML already."""
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def show(value: Any) -> str:
    """Returns a value for a cell: numbers with three decimals, None as a dash."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))
