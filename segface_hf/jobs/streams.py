"""Streams: the rows of a Hub dataset through `datasets`, without downloading it first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from segface_hf.errors import DataError
from segface_hf.jobs.photos import Photo
from segface_hf.jobs.shards import Shard, check_column, photo_of_row
from segface_hf.jobs.storage import StoragePath

_PREFIX = "hf://datasets/"


@dataclass(frozen=True)
class HubDataset:
    """One split of a dataset.

    Attributes:
        repo: `org/name`.
        split: Such as `train`.
        revision: Branch, tag or commit; None for the main branch.
        subset: Which of the dataset's subsets (configurations); None for its default one.
    """

    repo: str
    split: str = "train"
    revision: str | None = None
    subset: str | None = None

    @classmethod
    def of(
        cls, address: str, *, split: str = "train", subset: str | None = None
    ) -> HubDataset | None:
        """Takes `org/name`, `org/name@revision` or either behind `hf://datasets/`.

        Returns:
            None for what names files within a dataset.
        """
        repo, _, revision = address.removeprefix(_PREFIX).strip("/").partition("@")
        if repo.count("/") != 1 or "/" in revision or repo.endswith(".parquet"):
            return None
        return cls(repo, split, revision or None, subset)

    @property
    def source(self) -> str:
        """Its name in results."""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{_PREFIX}{self.repo}{revision}:{self.name}"

    @property
    def name(self) -> str:
        """The prefix of its rows' names."""
        return f"{self.subset}-{self.split}" if self.subset else self.split

    def shard(self, start: int, stop: int, *, column: str) -> Shard:
        """Returns the shard of some rows."""
        return Shard(f"{self.name}-{start:07}", self.source, start, stop, column=column)

    def rows(self, *, column: str, start: int = 0) -> Iterator[Photo]:
        """Streams photos, encoded as they are in the dataset, from a row on.

        Raises:
            DataError: The dataset, split or column doesn't exist, or the Hub can't be reached.
        """
        place = StoragePath.of(self.source)
        values = iter(self._stream(column).skip(start))
        row = start
        while True:
            try:
                value = next(values)[column]
            except StopIteration:
                return
            except _stream_errors() as error:
                raise DataError(f"'{self.source}' can't be read further: {error}") from error
            yield photo_of_row(value, place, row=row, name=self.name)
            row += 1

    def count(self) -> int | None:
        """Returns the number of rows; None if the dataset doesn't state it."""
        from datasets import load_dataset_builder

        try:
            builder = load_dataset_builder(self.repo, self.subset, revision=self.revision)
        except _stream_errors():
            return None
        splits = builder.info.splits
        return splits[self.split].num_examples if splits and self.split in splits else None

    def _stream(self, column: str) -> Any:
        from datasets import Image, load_dataset

        try:
            rows = load_dataset(
                self.repo, self.subset, split=self.split, revision=self.revision, streaming=True
            )
            features = rows.features or rows._resolve_features().features
        except _stream_errors() as error:
            raise DataError(
                f"'{self.source}' can't be streamed as a dataset: {error}. Check its name, its "
                "split (--split) and subset (--subset), and that you may read it"
            ) from error
        check_column(column, features, source=self.source)
        rows = rows.select_columns([column])
        if isinstance(features[column], Image):
            rows = rows.cast_column(column, Image(decode=False))
        return rows


def _stream_errors() -> tuple[type[Exception], ...]:
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HfHubHTTPError

    return (DatasetsError, HfHubHTTPError, OSError, ValueError)
