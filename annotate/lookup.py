"""Lookup: one row of a dataset by its content id, wherever it lies."""

from __future__ import annotations

from annotate.correction import Correction
from annotate.dataset import layout
from annotate.dataset.base import Place
from annotate.dataset.index import facts_of
from annotate.dataset.ranged import rows_in
from annotate.errors import ReviewError
from annotate.rows.record import from_row


def row_of(place: Place, content_id: str) -> Correction:
    """Returns the correction in a row of a dataset.

    A row that was compacted is looked for by the facts of merged files, some kilobytes each.

    Args:
        place: The dataset.
        content_id: The row.

    Raises:
        ReviewError: There is no such row.
        RecordError: A file is damaged.
        RemoteError: The Hub can't be asked.
    """
    head = place.head()
    paths = set(place.paths(revision=head))
    own = layout.row_path(content_id)
    merged = sorted(path for path in paths if path.startswith(f"{layout.MERGED}/"))
    for path in [own] if own in paths else merged:
        known = [row["content_id"] for row in facts_of(place, path, revision=head)]
        if content_id in known:
            for row in rows_in(place, path, revision=head):
                if row["content_id"] == content_id:
                    return from_row(row)
    raise ReviewError(f"the dataset has no row {content_id}")
