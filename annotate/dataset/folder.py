"""Contributions as a dataset in a local folder, one file each."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotate._files import remove_unfinished, store_error, write_durably
from annotate.correction import DEFAULT_LICENSE, Correction
from annotate.dataset import layout
from annotate.dataset.card import (
    CardFacts,
    check_block,
    freshness,
    new_card,
    other_license,
    read_block,
)
from annotate.dataset.ranged import rows_in
from annotate.errors import RecordError, StoreError, TakenDownError
from annotate.rows.photo_hash import near_duplicates
from annotate.rows.record import (
    check_columns,
    from_parquet,
    from_row,
    rows_to_parquet,
    to_parquet,
)
from segface_hf.labels import LabelSchema

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """What saving a correction did.

    Attributes:
        id: Its content id.
        path: Its file.
        created: False where the same correction was saved before.
        shareable: Whether the row in that file carries consent.
        agreed: True where it was saved before without consent, and has it now.
        look_alike: Whether another row's photo looks like this one, as far as that was checked.
    """

    id: str
    path: Path
    created: bool
    shareable: bool
    agreed: bool = False
    look_alike: bool = False


class FolderStore:
    """A dataset in a folder, which `load_dataset` reads and the trainer trains from.

    Example:
        >>> saved = FolderStore("contributions").save(correction)
        >>> load_dataset("contributions", split="train")[0]["mask"]
    """

    id = ""  # only a dataset on the Hub has a name to load it by

    def __init__(self, root: str | Path, *, license: str = DEFAULT_LICENSE) -> None:
        self.root = Path(root)
        self.license = license
        self._hashes: dict[Path, dict[str, str]] = {}  # by file: a photo's hash never changes

    def save(self, correction: Correction) -> Saved:
        """Writes a correction as one row; saving it again can add consent, never remove it.

        Raises:
            StoreError: The folder can't be written or is not a dataset; nothing is changed.
            RecordError: The folder holds rows of another version or of other labels, or its card
                promises another license than the correction is given under.
        """
        if correction.consent is not None:
            self._check_license(correction.consent.license)
        return self.save_row(
            correction.content_id, to_parquet(correction), schema=correction.schema
        )

    def save_row(self, content_id: str, data: bytes, *, schema: LabelSchema) -> Saved:
        """Writes the parquet file of one row under its content id."""
        path = self.root / layout.row_path(content_id)
        consents = bool(_columns(io.BytesIO(data), ["consent_right"], path)[0]["consent_right"])
        if held := self._holding(content_id):
            shareable = bool(self._consents(held).get(content_id))
            agreed = consents and not shareable
            if agreed:
                self._replace(held, content_id, data)
            self.refresh(since=held)
            return Saved(content_id, held, False, shareable or consents, agreed=agreed)
        if (self.root / layout.tombstone_path(content_id)).is_file():
            raise TakenDownError(f"contribution {content_id} was taken down from {self.root}")
        if of := self.copy_of():
            raise StoreError(
                f"{self.root} is a copy of {of}, and its next update would delete what is saved "
                "there: choose another folder"
            )
        self._check_card(schema)
        write_durably(path, data)
        self.refresh(since=path)
        return Saved(content_id, path, True, shareable=consents)

    def _holding(self, content_id: str) -> Path | None:
        """Returns the file that holds a row: its own, or a merged one where `index/` lists it."""
        own = self.root / layout.row_path(content_id)
        if own.is_file():
            return own
        index = (self.read(layout.index_path(content_id)) or b"").decode().split()
        merged = self._files_of(content_id) if content_id in index else ()
        return next((path for path in merged if content_id in self._consents(path)), None)

    def _replace(self, path: Path, content_id: str, data: bytes) -> None:
        """Replaces one row of a file, which may hold others."""
        new = from_parquet(data, source=content_id)[0]
        rows = (new if row["content_id"] == content_id else row for row in self._rows_in(path))
        write_durably(path, rows_to_parquet(rows))

    def _consents(self, path: Path) -> dict[str, str]:
        rows = _columns(path, ["content_id", "consent_right"], path)
        return {row["content_id"]: row["consent_right"] for row in rows}

    def refresh(self, *, since: Path | None = None) -> None:
        """Makes `load_dataset` read the folder again, unless done since a file was written."""
        stamp = self.root / layout.FRESHNESS
        if since is None or not _is_newer(stamp, since):
            write_durably(stamp, freshness().encode())

    def _check_license(self, license: str) -> None:
        """Checks that a row may be given under a license, by the card if there is one."""
        card = self.read(layout.CARD)
        promised = self._block(card) if card is not None else {"licence": self.license}
        if wrong := other_license(promised, license):
            raise RecordError(
                f"{self.root} can't keep this: {wrong}. Name another folder, or that license"
            )

    def _block(self, card: bytes) -> Mapping[str, Any]:
        """Reads what the card declares of the rows."""
        try:
            return read_block(card.decode("utf-8", "replace"), source=str(self.root))
        except RecordError as error:
            raise StoreError(
                f"{self.root / layout.CARD} is not the card of a dataset of corrections: "
                "choose an empty folder"
            ) from error

    def _check_card(self, schema: LabelSchema) -> None:
        """Writes the card of a new dataset, or checks that rows of this schema fit the old one."""
        card = self.read(layout.CARD)
        if card is None:
            facts = CardFacts(schema=schema, license=self.license)
            write_durably(self.root / layout.CARD, new_card(facts).encode())
            return
        check_block(self._block(card), schema.name, version=schema.version, source=str(self.root))

    def files(self) -> tuple[Path, ...]:
        """Returns the parquet files of the dataset, in the order of their paths."""
        return tuple(sorted((self.root / layout.ROWS).glob("*/*.parquet")))

    def ids(self) -> tuple[str, ...]:
        """Returns the content id of every row, sorted."""
        return tuple(sorted(row["content_id"] for row in self.columns(["content_id"])))

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Reads some columns of every row without touching the images.

        Raises:
            RecordError: A file is damaged or of another record version.
            StoreError: A file can't be read.
        """
        for path in self.files():
            yield from _columns(path, names, path)

    def load(self, content_id: str) -> Correction:
        """Returns a correction that was saved here.

        Raises:
            StoreError: The id does not exist.
            RecordError: Its row is damaged.
        """
        for path in self._files_of(content_id):
            for row in self._rows_in(path):
                if row["content_id"] == content_id:
                    return from_row(row)
        raise StoreError(f"{self.root} holds no contribution {content_id[:40]}")

    def remove(self, content_id: str) -> Path:
        """Deletes the file of one row, which can be saved again later; returns its path.

        Raises:
            StoreError: The id does not exist, or a merged file holds it.
        """
        files = self._files_of(content_id)
        if not files or files[0] != self.root / layout.row_path(content_id):
            raise StoreError(
                f"{self.root} has no file of its own for {content_id[:40]}: take it down with "
                "'python -m annotate takedown'"
            )
        files[0].unlink(missing_ok=True)
        self._hashes.pop(files[0], None)
        self.refresh()
        return files[0]

    def _files_of(self, content_id: str) -> tuple[Path, ...]:
        """Returns the files that may hold a row: its own, or else the merged ones."""
        if not layout.is_content_id(content_id):
            return ()
        own = self.root / layout.row_path(content_id)
        merged = (self.root / layout.MERGED).glob("*.parquet")
        return (own,) if own.is_file() else tuple(sorted(merged))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Reads every row with its images as PNG bytes."""
        for path in self.files():
            yield from self._rows_in(path)

    def _rows_in(self, path: Path) -> Iterator[dict[str, Any]]:
        return rows_in(self, path.relative_to(self.root).as_posix())

    def copy_of(self) -> str:
        """Returns the dataset on the Hub that this folder mirrors, or ""."""
        return (self.read(layout.COPY_OF) or b"").decode("utf-8", "replace").strip()

    def head(self) -> str:
        """Returns a name of the present state, which every save changes."""
        return (self.read(layout.FRESHNESS) or b"main").decode("utf-8", "replace")

    def paths(self, *, revision: str = "main") -> list[str]:
        """Returns the path of every file of the dataset, relative to it."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def read(self, path: str, *, revision: str = "main") -> bytes | None:
        """Returns a file's content, or None if it does not exist."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise store_error(self.root, error) from error
        except ValueError as error:  # a path with NUL or a lone surrogate
            raise StoreError(f"{str(self.root)!r:.120} can't be a path: {error}") from error

    def read_part(
        self, path: str, *, revision: str = "main", span: str = ""
    ) -> tuple[bytes, int | None]:
        """Returns a part of a file and the size of the whole; see `DatasetRepo.read_part`."""
        first, _, last = span.partition("-")
        try:
            with (self.root / path).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                start = int(first) if first else max(0, size - int(last)) if last else 0
                file.seek(start)
                return file.read(int(last) + 1 - start if first and last else -1), size
        except FileNotFoundError:
            raise
        except OSError as error:
            raise store_error(self.root, error) from error

    def commit(
        self, added: Mapping[str, bytes], *, title: str, deleted: Iterable[str] = (), parent: str
    ) -> None:
        """Writes files, then deletes files; after a crash in between it can be repeated."""
        log.info("%s: %s", self.root, title)
        for path, data in added.items():
            write_durably(self.root / path, data)
        for path in deleted:
            (self.root / path).unlink(missing_ok=True)
        remove_unfinished(self.root, below=True)
        self.refresh()

    def near_duplicates(self, wanted: str) -> tuple[str, ...]:
        """Returns the content ids of rows whose photo has nearly this hash, nearest first."""
        files = self.files()
        for path in set(files) - self._hashes.keys():
            rows = _columns(path, ["content_id", "photo_hash"], path)
            self._hashes[path] = {row["content_id"]: row["photo_hash"] for row in rows}
        held = {i: held for path in files for i, held in self._hashes[path].items()}
        return tuple(near_duplicates(wanted, held))


def _columns(file: Path | io.BytesIO, names: Sequence[str], path: Path) -> list[dict[str, Any]]:
    """Reads some columns of a parquet file; `path` names it in errors."""
    try:
        table = pq.ParquetFile(file)
        check_columns(table.schema_arrow, source=path.name)
        return table.read(list(names)).to_pylist()
    except pa.ArrowException as error:
        raise RecordError(f"{path} is not a whole parquet file ({error})") from error
    except OSError as error:
        raise store_error(path.parent, error) from error


def _is_newer(first: Path, second: Path) -> bool:
    try:
        return first.stat().st_mtime_ns > second.stat().st_mtime_ns
    except OSError:
        return False
