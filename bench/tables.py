"""Tables of figures: markdown for people, between two marks of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

BEGIN = "<!-- bench: begin -->"
END = "<!-- bench: end -->"


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Returns rows of equal keys as a markdown table."""
    heads = list(rows[0])
    lines = [heads, ["---"] * len(heads), *[[_cell(row[head]) for head in heads] for row in rows]]
    return "\n".join("| " + " | ".join(_name(cell) for cell in line) + " |" for line in lines)


def _name(cell: str) -> str:
    return cell.replace("_", " ") if cell.isidentifier() else cell


def _cell(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:.1f}" if isinstance(value, float) and value >= 100 else str(value)


def write_tables(result: Mapping[str, object], page: Path) -> str:
    """Puts the tables between the marks of a page and returns them.

    Args:
        result: `machine` as a mapping, and rows by section title.
        page: A markdown file with the marks; where it has none, only the text is returned.
    """
    text = "\n\n".join(_section(title, value) for title, value in result.items())
    write_between(text, page, (BEGIN, END))
    return text


def write_between(text: str, page: Path, marks: tuple[str, str]) -> None:
    """Puts a text between two marks of a page, where it has them."""
    if not page.is_file():
        return
    old = page.read_text(encoding="utf-8")
    begin, end = marks
    if begin in old and end in old:
        head, rest = old.split(begin, 1)
        tail = rest.split(end, 1)[1]
        page.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", encoding="utf-8")


def _section(title: str, value: object) -> str:
    if isinstance(value, Mapping):
        described = ", ".join(f"{key.replace('_', ' ')} {item}" for key, item in value.items())
        return f"Measured on: {described}."
    assert isinstance(value, Sequence)
    return f"### {title}\n\n{table(value)}"
