"""Reports of a run: metrics file, progress bar and curves as SVG."""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any
from xml.sax.saxutils import escape

from segface_hf._progress import MedianBar
from segface_hf._utils import atomic_write
from segface_hf.errors import OutputError


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces a file atomically: it has the old content or all of the new.

    Raises:
        OutputError: The folder can't be written; no partial file remains.
    """
    try:
        atomic_write(path, lambda partial: partial.write_bytes(data), durable=True)
    except OSError as error:
        raise OutputError(f"can't write {path}: {error}") from error


METRICS_FILE = "metrics.jsonl"
CURVES_FILE = "curves.svg"
_LOGGER = logging.getLogger(__name__)
_WIDTH, _HEIGHT, _LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT = 900, 460, 50, 20, 640, 400
_LEGEND_TOP, _LEGEND_ROW = _TOP + 12, 20


class Progress:
    """A bar that predicts the remaining time; Ctrl-C requests a stop after the current step.

    Args:
        step: Steps already done.
        steps: Steps of the whole run.
        batch_size: Photos a step, for the rate.
        clock: Returns seconds.
    """

    def __init__(
        self,
        step: int,
        steps: int,
        batch_size: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # The median of the steps, so that the first one and evaluations don't count.
        self._bar = MedianBar(
            total=steps * batch_size, initial=step * batch_size, unit="photo", clock=clock
        )
        self._left, self._batch, self._stopped = steps - step, batch_size, False

    def __enter__(self) -> Progress:
        self._previous = signal.signal(signal.SIGINT, self._request_stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)
        self._bar.close()

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        if self._stopped:
            raise KeyboardInterrupt
        self._stopped = True

    def stopped(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._stopped

    def __iter__(self) -> Iterator[int]:
        for index in range(self._left):
            yield index
            self._bar.update(self._batch)


def report_evaluation(row: Mapping[str, Any]) -> None:
    """Prints an evaluation as a line above the progress bar."""
    classes = " ".join(
        f"{name} {'-' if value is None else format(value, '.2f')}"
        for name, value in row["f1"].items()
    )
    MedianBar.write(
        f"step {row['step']}: loss {row['loss']:.3f}, mean F1 {row['mean_f1']}, "
        f"tail {row['tail_f1']} | {classes}"
    )


def append_line(path: Path, line: str) -> None:
    """Appends a line to a text file.

    Raises:
        OutputError: The file can't be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise OutputError(f"can't write {path}: {error}") from error


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Reads the evaluations of a metrics file; none if it doesn't exist.

    A line that a crash cut off is skipped with a warning.

    Raises:
        OutputError: The file can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(f"can't read {path}: {error}") from error
    rows = [_metrics_row(line) for line in text.splitlines()]
    if skipped := rows.count(None):
        _LOGGER.warning("%s: skipped %d incomplete line(s)", path, skipped)
    return [row for row in rows if row is not None]


def _metrics_row(line: str) -> dict[str, Any] | None:
    """Parses a line; None if it is not a complete evaluation."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    complete = (
        isinstance(row, dict)
        and type(row.get("step")) is int
        and "mean_f1" in row
        and isinstance(row.get("f1"), dict)
    )
    return row if complete else None


def drop_later_metrics(path: Path, step: int) -> None:
    """Removes evaluations after a step: a resumed run repeats them."""
    if path.exists():
        kept = [json.dumps(row) for row in read_metrics(path) if row["step"] <= step]
        write_atomically(path, "".join(f"{line}\n" for line in kept).encode())


def write_curves(out: Path) -> Path | None:
    """Draws F1 by class over the run from its metrics file.

    Returns:
        The SVG file, or None if nothing was evaluated.

    Raises:
        OutputError: It can't be written.
    """
    rows = read_metrics(out / METRICS_FILE)
    if not rows:
        return None
    target = out / CURVES_FILE
    write_atomically(target, curves(rows).encode("utf-8"))
    return target


def curves(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns an SVG of each class's F1, and their mean in black, over steps.

    Args:
        rows: Lines of the metrics file: `step`, `mean_f1` and `f1` by class.
    """
    last = max(1, max(row["step"] for row in rows))
    series = {"mean": [row["mean_f1"] for row in rows]}
    series |= {name: [row["f1"][name] for row in rows] for name in rows[0]["f1"]}
    steps = [row["step"] / last for row in rows]
    height = max(_HEIGHT, _LEGEND_TOP + _LEGEND_ROW * len(series))
    body = [_axes(last)]
    for index, (name, values) in enumerate(series.items()):
        color = "black" if index == 0 else f"hsl({index * 47 % 360} 70% 45%)"
        body.append(_line(steps, values, color=color, width=3 if index == 0 else 1.2))
        body.append(_legend(index, name, values[-1], color=color))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12">\n' + "\n".join(body) + "\n</svg>\n"
    )


def _axes(last: int) -> str:
    lines = []
    for tenth in range(0, 11, 2):
        y = _TOP + _PLOT_HEIGHT * (1 - tenth / 10)
        lines.append(f'<path d="M{_LEFT} {y:.0f}h{_PLOT_WIDTH}" stroke="#ddd"/>')
        lines.append(f'<text x="{_LEFT - 28}" y="{y + 4:.0f}">{tenth / 10:.1f}</text>')
    bottom = _TOP + _PLOT_HEIGHT + 18
    lines.append(f'<text x="{_LEFT}" y="{bottom}">0</text>')
    lines.append(
        f'<text x="{_LEFT + _PLOT_WIDTH}" y="{bottom}" text-anchor="end">step {last}, F1</text>'
    )
    return "\n".join(lines)


def _line(
    steps: Sequence[float], values: Sequence[float | None], *, color: str, width: float
) -> str:
    points = " ".join(
        f"{_LEFT + _PLOT_WIDTH * x:.1f},{_TOP + _PLOT_HEIGHT * (1 - y):.1f}"
        for x, y in zip(steps, values, strict=True)
        if y is not None
    )
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{width}"/>'


def _legend(index: int, name: str, value: float | None, *, color: str) -> str:
    y = _LEGEND_TOP + index * _LEGEND_ROW
    score = "-" if value is None else f"{value:.3f}"
    x = _LEFT + _PLOT_WIDTH + 20
    return f'<text x="{x}" y="{y}" fill="{color}">{escape(name)} {score}</text>'
