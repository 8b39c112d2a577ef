"""The evaluation report as lines for a terminal: the scores that matter most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from segface_hf.wording import counted

_MEANS = ("mean_f1", "tail_f1", "mean_iou", "mean_boundary_f1", "hierarchical_f1")
_MEASURES = ("swapped_masks", "landmarks", "tilt")


def summary(values: Mapping[str, Any]) -> Iterator[str]:
    """Yields lines.

    Args:
        values: What `metrics_report.report` gave, and what `segface evaluate` added.
    """
    for name, row in values["classes"].items():
        low, high = row.get("f1_95") or (None, None)
        between = "" if low is None else f"  ({low:.3f} to {high:.3f})"
        yield (
            f"{name:12} {_show(row['f1'], 3)}{between}  in {counted(row['images'], 'photo')}"
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
    """What the model calls a class that no mask holds: one pixel of it is a zero in the means."""
    if row["pixels"] or not row["predicted_pixels"]:
        return ""
    return f", though the model sees {counted(row['predicted_pixels'], 'pixel')}"


def _left_right(shares: Mapping[str, float | None]) -> Iterator[str]:
    """One line; pairs that no photo holds have no share."""
    shown = [f"{pair} {share:.4f}" for pair, share in shares.items() if share is not None]
    if shown:
        yield f"left-right mixed up: {', '.join(shown)}"


def _group(column: str, value: str, row: Mapping[str, Any]) -> str:
    few = " (few: uncertain)" if row["few_photos"] else ""
    return (
        f"{column} {value}: mean_f1 {_show(row['mean_f1'], 4)}, tail_f1 {_show(row['tail_f1'], 4)} "
        f"in {counted(row['photos'], 'photo')}{few}"
    )


def _against(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, row in rows.items():
        if row["difference"] is not None:
            low, high = row["difference_95"]
            yield f"against {name:18} {row['difference']:+.4f}  ({low:+.4f} to {high:+.4f})"


def _show(value: float | None, digits: int) -> str:
    return "-".rjust(digits + 1) if value is None else f"{value:.{digits}f}"
