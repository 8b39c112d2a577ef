"""Parsing many photos to files or table rows, several at a time; errors become values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segface_hf.errors import ImageTooLargeError, OutputError, SegFaceError
from segface_hf.jobs.files import Results, report, write_results
from segface_hf.jobs.photos import Photo
from segface_hf.jobs.shards import Shard, missing_photo, photos_of
from segface_hf.jobs.storage import StoragePath
from segface_hf.jobs.streams import HubDataset
from segface_hf.jobs.table import Row, row_of, row_of_error, write_shard
from segface_hf.jobs.tally import ParseResult
from segface_hf.pipeline.batching import side_by_side

if TYPE_CHECKING:
    from PIL import Image

    from segface_hf.faces import FaceParse
    from segface_hf.parser import FaceParser


@dataclass(frozen=True)
class Job:
    """How photos are parsed.

    Attributes:
        parser: What parses them.
        whole_image: Whether each is taken as one face.
        classes: The classes that are kept, None for all.
        raw: Whether parts that can't be there are kept.
    """

    parser: FaceParser
    whole_image: bool = False
    classes: tuple[str, ...] | None = None
    raw: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that results depend on."""
        return {
            "model": self.parser.model_id,
            "revision": self.parser.revision,
            "digest": self.parser.digest,
            "whole_image": self.whole_image,
            "only_classes": None if self.classes is None else list(self.classes),
            # Only where asked for, so that results of before the option stay valid.
            **({"raw": True} if self.raw else {}),
        }

    @cached_property
    def _shared(self) -> FaceParser:
        return self.parser.shared()

    def parse(self, image: Image.Image) -> FaceParse:
        """Parses one photo; many threads may call it, and their crops share the model."""
        return self._shared.parse(
            image, whole_image=self.whole_image, classes=self.classes, raw=self.raw
        )

    def to_files(self, photos: Iterable[Photo], out: Path) -> Iterator[ParseResult]:
        """Writes a mask, an overlay and a report for each photo, and yields its result.

        Raises:
            OutputError: The folder can't be written.
        """

        def work(photo: Photo) -> ParseResult:
            try:
                with _within_memory():
                    image = photo.image()
                    parse = self.parse(image)
                    content = report(photo, parse, self.settings)
                    content["fingerprint"] = photo.fingerprint()
                    write_results(Results.of(out, photo), image, parse, content)
            except OutputError:
                raise
            except SegFaceError as error:
                return ParseResult(str(photo.path), error=str(error))
            return ParseResult(str(photo.path), len(parse.faces))

        return side_by_side(photos, work)

    def to_table(self, rows: Iterable[ShardRow], out: StoragePath) -> Iterator[Row]:
        """Writes a parquet file for each shard, and yields its rows as they come.

        A file is written when its last row is parsed, so every written file is complete.

        Raises:
            OutputError: The place can't be written.
        """
        gathered: list[Row] = []
        current: Shard | None = None
        for shard, row in side_by_side(rows, self._row):
            if current is not None and shard.name != current.name:
                self._write(out, current, gathered)
                gathered = []
            current = shard
            gathered.append(row)
            yield row
        if current is not None:
            self._write(out, current, gathered)

    def _write(self, out: StoragePath, shard: Shard, rows: list[Row]) -> None:
        # A stream's last shard may be shorter than planned.
        write_shard(out, replace(shard, stop=shard.start + len(rows)), rows, self.settings)

    def _row(self, item: ShardRow) -> tuple[Shard, Row]:
        shard, photo = item.shard, item.photo
        try:
            if isinstance(photo, SegFaceError):
                raise photo
            with _within_memory():
                return shard, row_of(shard, photo, self.parse(photo.image()), self.settings)
        except SegFaceError as error:
            named = photo if isinstance(photo, Photo) else missing_photo(shard, item.row)
            return shard, row_of_error(shard, named, error)


@contextmanager
def _within_memory() -> Iterator[None]:
    """Turns a lack of memory into an error of one photo.

    Raises:
        ImageTooLargeError: The photo doesn't fit into memory.
    """
    try:
        yield
    except MemoryError as error:
        raise ImageTooLargeError(
            f"the photo doesn't fit into memory ({error}): scale it down first"
        ) from error


@dataclass(frozen=True)
class ShardRow:
    """A row to parse.

    Attributes:
        shard: What it belongs to.
        photo: Its photo, or the error of reading it.
        row: Its number in the source.
    """

    shard: Shard
    photo: Photo | SegFaceError
    row: int


def rows_of_shards(shards: Iterable[Shard], *, column: str) -> Iterator[ShardRow]:
    """Reads shards one after the other."""
    for shard in shards:
        for row, photo in enumerate(photos_of(shard, column=column), start=shard.start):
            yield ShardRow(shard, photo, row)


def rows_of_stream(
    dataset: HubDataset, *, column: str, start: int, length: int
) -> Iterator[ShardRow]:
    """Streams a dataset from a row on, in shards of so many rows."""
    for row, photo in enumerate(dataset.rows(column=column, start=start), start=start):
        first = start + (row - start) // length * length
        yield ShardRow(dataset.shard(first, first + length, column=column), photo, row)
