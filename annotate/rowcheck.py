"""Row check: what the columns of a stranger's row must say, given the content that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from annotate.errors import RecordError
from annotate.rows.photo_hash import NEAR_BITS, distance, is_hash

MAX_TEXT = 4096  # characters; a model may be named by the path of a folder


def check_values(row: Mapping[str, Any], *, names: Iterable[str]) -> None:
    """Checks that every column has a value; parquet lets any of them be null.

    Raises:
        RecordError: One has none, or a text without end.
    """
    empty = [name for name in names if _is_null(row[name])]
    if empty:
        raise RecordError(f"row {row['content_id']} has no value in {', '.join(empty)}")
    for name, value in row.items():
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise RecordError(
                f"a row's {name} has {len(value)} characters, at most {MAX_TEXT} are read"
            )


def _is_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_null(each) for each in value.values())
    return value is None or (isinstance(value, list) and any(_is_null(each) for each in value))


def check_derived(row: Mapping[str, Any], *, facts: Mapping[str, Any]) -> None:
    """Checks the columns that others count by, which nobody reckons again later.

    Args:
        row: What a stranger wrote.
        facts: What its content says in the columns that are no images.

    Raises:
        RecordError: They differ.
    """
    wrong = [name for name, value in facts.items() if name != "photo_hash" and row[name] != value]
    # Another version of the image library may round a cell of the hash the other way.
    held = row["photo_hash"]
    if not is_hash(held) or distance(held, facts["photo_hash"]) > NEAR_BITS:
        wrong.append("photo_hash")
    if wrong:
        raise RecordError(
            f"row {row['content_id']} says in {', '.join(wrong)} what does not follow from its "
            "content: it was altered"
        )
