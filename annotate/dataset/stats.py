"""Statistics of a dataset: classes, contributors, growth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

from annotate.correction import YEARS
from annotate.errors import RecordError
from segface_hf._utils import counted
from segface_hf.labels import LabelSchema, schema_named

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 36


def growth_svg(weeks: Sequence[tuple[date, int]]) -> str:
    """Draws the number of contributions over the weeks as steps.

    Args:
        weeks: `(Monday, contributions until then)` without gaps, at least one.
    """
    most = max(total for _, total in weeks)
    across = (WIDTH - LEFT - RIGHT) / len(weeks)
    floor = HEIGHT - BOTTOM

    def height(total: float) -> float:
        return round(floor - (floor - TOP) * total / most, 1)

    steps = [f"M{LEFT} {floor}"]
    for index, (_, total) in enumerate(weeks):
        left, right = LEFT + across * index, LEFT + across * (index + 1)
        steps.append(f"L{left:.1f} {height(total)}L{right:.1f} {height(total)}")
    area = "".join(steps) + f"L{WIDTH - RIGHT} {floor}Z"
    ticks = "".join(_tick(total, height(total)) for total in sorted({0, most // 2, most}))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{counted(most, "contribution")}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{ticks}'
        f'<path d="{area}" fill="#2a7ab8" fill-opacity=".35" stroke="#1b5e94"/>'
        f'<g fill="#333"><text x="{LEFT}" y="{HEIGHT - 12}">{weeks[0][0]}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">'
        f"week of {weeks[-1][0]}</text></g></svg>\n"
    )


def _tick(total: int, y: float) -> str:
    return (
        f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#333">{total}</text>'
    )


COLUMNS = (
    "content_id", "schema", "schema_version", "areas_after", "changed_pixels", "seconds",
    "contributor", "created_at", "photo_id", "licence", "model",
)  # fmt: skip


@dataclass(frozen=True)
class Stats:
    """What a dataset holds.

    Attributes:
        schema: The label schema of its rows.
        rows: Contributions.
        photos: Different photos.
        contributors: Contributions by account; "" for those without an account.
        images_by_class: Corrected masks that hold each class, by id.
        photos_by_class: Different photos of which a corrected mask holds each class, by id.
        pixels_by_class: Pixels of each class in corrected masks, by id.
        weeks: `(Monday, contributions until the end of its week)`, every week since the first.
        tail_weeks: Contributions that hold each rare class, by id, at the end of each of `weeks`.
        label_versions: Contributions by `schema version`.
        licenses: Contributions by license.
        models: Contributions by the model that made the prediction.
        changed_pixels: Over all contributions.
        seconds: Editing time over all contributions.
    """

    schema: LabelSchema
    rows: int
    photos: int
    contributors: Mapping[str, int]
    images_by_class: tuple[int, ...]
    photos_by_class: tuple[int, ...]
    pixels_by_class: tuple[int, ...]
    weeks: tuple[tuple[date, int], ...]
    tail_weeks: Mapping[int, tuple[int, ...]]
    label_versions: Mapping[str, int]
    licenses: Mapping[str, int]
    models: Mapping[str, int]
    changed_pixels: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values, classes by name."""
        names = self.schema.names
        return {
            "schema": self.schema.name,
            "rows": self.rows,
            "photos": self.photos,
            "contributors": dict(self.contributors),
            "images_by_class": dict(zip(names, self.images_by_class, strict=True)),
            "photos_by_class": dict(zip(names, self.photos_by_class, strict=True)),
            "pixels_by_class": dict(zip(names, self.pixels_by_class, strict=True)),
            "weeks": {monday.isoformat(): count for monday, count in self.weeks},
            "tail_weeks": {names[i]: list(totals) for i, totals in self.tail_weeks.items()},
            "label_versions": dict(self.label_versions),
            "licences": dict(self.licenses),
            "models": dict(self.models),
            "changed_pixels": self.changed_pixels,
            "seconds": round(self.seconds, 1),
        }


def count(rows: Iterable[Mapping[str, Any]], *, schema: LabelSchema | None = None) -> Stats:
    """Counts rows, which need the columns of `COLUMNS` only.

    Args:
        rows: Rows of one label schema.
        schema: That schema; None takes the built-in one that the rows name.

    Raises:
        RecordError: There are no rows and no schema, rows of several schemas, or a row that can't
            be counted.
    """
    found = list(rows)
    names = {str(row["schema"]) for row in found} | ({schema.name} if schema else set())
    if not names:
        raise RecordError("the dataset holds no contributions: there is nothing to count")
    if len(names) != 1:
        raise RecordError(f"a dataset has rows of one label schema, this one of {sorted(names)}")
    schema = schema or schema_named(names.pop())
    for row in found:
        _check_countable(row, schema)
    columns = [[row["areas_after"][i] for row in found] for i in range(schema.num_classes)]
    photos = [row["photo_id"] for row in found]
    days = [row["created_at"].date() for row in found]
    weeks = _weeks(days)
    return Stats(
        schema=schema,
        rows=len(found),
        photos=len(set(photos)),
        contributors=_tally(row["contributor"] for row in found),
        images_by_class=tuple(sum(area > 0 for area in column) for column in columns),
        photos_by_class=tuple(_photos_with(column, photos) for column in columns),
        pixels_by_class=tuple(sum(column) for column in columns),
        weeks=weeks,
        tail_weeks={i: _until(weeks, days, columns[i]) for i in schema.tail},
        label_versions=_tally(f"{row['schema']} {row['schema_version']}" for row in found),
        licenses=_tally(row["licence"] for row in found),
        models=_tally(row["model"] for row in found),
        changed_pixels=sum(row["changed_pixels"] for row in found),
        seconds=sum(row["seconds"] for row in found),
    )


def _check_countable(row: Mapping[str, Any], schema: LabelSchema) -> None:
    """Checks a row that may have been written without a review, and names it if it is invalid."""
    areas = row["areas_after"] or ()
    wrong = [name for name in COLUMNS if row[name] is None]
    if len(areas) != schema.num_classes or None in areas:
        wrong.append(f"areas_after (expected {schema.num_classes} numbers)")
    if row["created_at"] and row["created_at"].year not in YEARS:
        wrong.append(f"created_at (the year {row['created_at'].year})")
    if wrong:
        raise RecordError(
            f"row {row['content_id']} can't be counted for its {', '.join(wrong)}: take it down"
        )


def _photos_with(areas: Iterable[int], photos: Iterable[str]) -> int:
    return len({photo for area, photo in zip(areas, photos, strict=True) if area > 0})


def _tally(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _weeks(days: Iterable[date]) -> tuple[tuple[date, int], ...]:
    by_monday = Counter(map(_monday, days))
    if not by_monday:
        return ()
    weeks, total, monday = [], 0, min(by_monday)
    while monday <= max(by_monday):
        total += by_monday[monday]
        weeks.append((monday, total))
        monday += timedelta(days=7)
    return tuple(weeks)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _until(
    weeks: Sequence[tuple[date, int]], days: Sequence[date], areas: Sequence[int]
) -> tuple[int, ...]:
    """Returns how many rows held a class at the end of each week."""
    new = Counter(_monday(day) for day, area in zip(days, areas, strict=True) if area > 0)
    return tuple(accumulate(new[monday] for monday, _ in weeks))
