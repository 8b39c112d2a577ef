"""The evaluation report as one readable HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

_OPTIONAL = (
    ("Masks with left and right swapped", "swapped_masks"),
    ("Landmarks", "landmarks"),
    ("Tilted photos", "tilt"),
)
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
        values: What `metrics_report.report` gave.
        title: Heading, such as the model's name.
        sheet: Where the contact sheet of the worst photos lies, from the page; it is linked, not
            embedded, so that the page can be shown without the photos.
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
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><body>" + "\n".join(parts) + "</body></html>\n"
    )


def _headline(values: Mapping[str, Any]) -> str:
    interval = values.get("mean_f1_95")
    between = f" (95 %: {_show(interval[0])} to {_show(interval[1])})" if interval else ""
    outlines = values.get("mean_boundary_f1")
    boundary = "" if outlines is None else f"mean boundary F1 {_show(outlines)}, "
    return (
        f'<p><span class="big">{_show(values["mean_f1"])}</span> mean F1{between} on '
        f"{values['photos']} photos; tail {_show(values['tail_f1'])}, "
        f"mean IoU {_show(values['mean_iou'])}, {boundary}"
        f"hierarchical F1 {_show(values['hierarchical_f1'])}.</p>"
        f'<p class="note">{escape(values["metric"])}.</p>'
    )


def _link(sheet: str) -> str:
    if not sheet:
        return ""
    name = escape(sheet.rsplit("/", 1)[-1])
    return f'<p>With masks and predictions: <a href="{quote(sheet)}">{name}</a></p>'


def _differences(rows: Mapping[str, Mapping[str, Any]]) -> str:
    body = [
        (escape(name), _show(row["difference"]), " to ".join(map(_show, row["difference_95"])))
        for name, row in rows.items()
        if row["difference"] is not None
    ]
    return _table(("F1", "difference", "95 %"), body)


def _classes(classes: Mapping[str, Mapping[str, Any]]) -> str:
    heads = ("class", "", "F1", "95 %", "IoU", "precision", "recall", "boundary F1", "photos")
    return _table(heads, [_class_row(name, row) for name, row in classes.items()])


def _class_row(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    low, high = row.get("f1_95") or (None, None)
    share = 100 * (row["f1"] or 0)
    return (
        escape(name), f'<span class="bar"><i style="width:{share:.0f}%"></i></span>',
        _show(row["f1"]), f"{_show(low)} to {_show(high)}" if low is not None else "",
        _show(row["iou"]), _show(row["precision"]), _show(row["recall"]),
        _show(row.get("boundary_f1")), str(row.get("images", "")),
    )  # fmt: skip


def _groups(rows: Mapping[str, Mapping[str, Any]]) -> str:
    body = [
        (
            escape(value), str(row["photos"]), _show(row["mean_f1"]), _show(row["tail_f1"]),
            "few photos: uncertain" if row["few_photos"] else "",
        )
        for value, row in rows.items()
    ]  # fmt: skip
    return _table(("value", "photos", "mean F1", "tail F1", ""), body)


def _pairs(name: str, value: str, rows: Mapping[str, Any]) -> str:
    return _table((name, value), [(escape(str(k)), _show(v)) for k, v in rows.items()])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _show(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))
