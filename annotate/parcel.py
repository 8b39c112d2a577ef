"""Parcel: the file of one row that may leave the machine, which its own content must allow."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate.errors import ConsentError, RecordError
from annotate.rows.record import check_columns, consent_of

_FACTS = (
    "content_id", "record_version", "schema", "schema_version", "contributor", "consent_right",
    "consent_people", "photo_licence", "licence", "changed_pixels", "model", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Parcel:
    """The parquet file of one contribution with consent.

    Nothing is sent that is not a Parcel, and the consent is read from the very bytes that would
    be sent, so no caller can vouch for it.

    Raises:
        ConsentError: The row carries no consent.
        RecordError: The bytes are no parquet file of one row of this record version.
    """

    data: bytes

    def __post_init__(self) -> None:
        if consent_of(self.facts) is None:
            raise ConsentError(
                f"contribution {self.id} carries no consent to share it: it stays on this machine"
            )

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The row's columns that are no images."""
        try:
            file = pq.ParquetFile(io.BytesIO(self.data))
            check_columns(file.schema_arrow, source="the contribution")
            rows = file.read(list(_FACTS)).to_pylist()
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise RecordError(f"the contribution is no whole parquet file ({error})") from error
        if len(rows) != 1:
            raise RecordError(f"a contribution is one row, this file holds {len(rows)}")
        return rows[0]

    @property
    def id(self) -> str:
        """The content id."""
        return str(self.facts["content_id"])
