"""Which photo to correct next: expected gain for rare classes per second of annotation."""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from annotate._files import write_durably
from annotate.rows.photo_hash import near_duplicates, photo_hash
from segface_hf.errors import DataError, ImageError
from segface_hf.faces import FaceParse
from segface_hf.images import load_image
from segface_hf.jobs.photos import Photo
from segface_hf.labels import LabelSchema, title
from segface_hf.parser import FaceParser

COLUMNS = ("areas_after", "seconds", "photo_hash")
USUAL_SECONDS = 60.0
"""Expected seconds of annotation where the dataset has no editing times."""

_LEAST_SHARE = 2e-4
_MOST_REASONS = 3


@dataclass(frozen=True)
class Labeled:
    """What a dataset has already.

    Attributes:
        photos: Rows that hold each class, (K,).
        seconds: Median editing time of the rows that hold each class, (K,).
        hashes: Photo hash of each row.
    """

    photos: tuple[int, ...]
    seconds: tuple[float, ...]
    hashes: tuple[str, ...] = ()

    @classmethod
    def count(cls, rows: Iterable[Mapping[str, Any]], schema: LabelSchema) -> Labeled:
        """Counts rows, of which only `COLUMNS` are needed; without any, every class is as rare."""
        found = [row for row in rows if len(row["areas_after"]) == schema.num_classes]
        with_class = [[r for r in found if r["areas_after"][i]] for i in range(schema.num_classes)]
        usual = _median((row["seconds"] for row in found), USUAL_SECONDS)
        return cls(
            tuple(map(len, with_class)),
            tuple(_median((r["seconds"] for r in rows), usual) for rows in with_class),
            tuple(row["photo_hash"] for row in found),
        )

    def rarity(self) -> np.ndarray:
        """Returns float (K,): 1 for a class that no row has, falling with the root of its rows."""
        return 1 / np.sqrt(1 + np.array(self.photos))


def _median(seconds: Iterable[float], default: float) -> float:
    known = [value for value in seconds if value > 0]
    return statistics.median(known) if known else default


@dataclass(frozen=True)
class QueuedPhoto:
    """A photo in the queue.

    Attributes:
        photo: Its path in the folder of photos, or `org/name#row`.
        score: Expected gain per second; only the order matters.
        reason: Why it is there, in words.
        seconds: Expected time of annotation.
        photo_hash: Its perceptual hash.
    """

    photo: str
    score: float
    reason: str
    seconds: float
    photo_hash: str


def rank(photos: Iterable[Photo], parser: FaceParser, labeled: Labeled) -> list[QueuedPhoto]:
    """Ranks photos, best first.

    Left out are photos without a face, unreadable ones, and those that look like a photo of the
    dataset or like a better one of the queue.

    Args:
        photos: Without masks.
        parser: Predicts them; its doubt shows where a correction would teach something.
        labeled: What the dataset has.
    """
    ranked = sorted(_scored(photos, parser, labeled), key=lambda each: (-each.score, each.photo))
    kept: dict[str, str] = {}
    queue = []
    for each in ranked:
        if not near_duplicates(each.photo_hash, kept):
            kept[each.photo] = each.photo_hash
            queue.append(each)
    return queue


def _scored(photos: Iterable[Photo], parser: FaceParser, labeled: Labeled) -> Iterator[QueuedPhoto]:
    held = {str(number): known for number, known in enumerate(labeled.hashes)}
    for photo in photos:
        try:
            image = load_image(photo.image())
        except ImageError:
            continue
        known = photo_hash(np.asarray(image))
        if near_duplicates(known, held):
            continue
        parse = parser.parse(image, confidence=True)
        if parse.faces and (doubts := expected(parse)):
            yield _queued(photo, known, doubts, parse.schema, labeled)


def expected(parse: FaceParse) -> dict[int, tuple[float, float]]:
    """Returns what a photo shows by class: how probable it is there, and how unsure that is.

    Args:
        parse: With confidence and runner-up.

    Returns:
        Class id -> the mean probability of the class where it is best or second, and the doubt:
        1 where that probability is a half, 0 where it is 0 or 1.
    """
    assert parse.confidence is not None
    assert parse.runner_up is not None
    best = parse.confidence / 255
    found = {}
    for class_id in range(1, parse.schema.num_classes):
        first, second = parse.mask == class_id, parse.runner_up == class_id
        # The second class has at most what the best one leaves.
        second &= (best < 0.8) & ~first
        region = first | second
        if region.sum() < _LEAST_SHARE * region.size:
            continue
        probability = float(np.where(first, best, 1 - best)[region].mean())
        found[class_id] = (probability, 4 * probability * (1 - probability))
    return found


def _queued(
    photo: Photo,
    known: str,
    doubts: Mapping[int, tuple[float, float]],
    schema: LabelSchema,
    labeled: Labeled,
) -> QueuedPhoto:
    rarity = labeled.rarity()
    # A class gives a gain if it is there, if the model doubts it, and if the dataset lacks it.
    gains = {i: float(rarity[i]) * probable * doubt for i, (probable, doubt) in doubts.items()}
    top = sorted(gains, key=lambda i: -gains[i])[:_MOST_REASONS]
    reason = "; ".join(f"probably {title(schema.names[i])}, {doubts[i][0]:.0%} sure" for i in top)
    seconds = max(labeled.seconds[i] for i in top)
    path = str(photo.path)
    return QueuedPhoto(path, sum(gains.values()) / seconds, reason, seconds, known)


def photos_of_dataset(source: str, *, column: str = "image") -> Iterator[Photo]:
    """Yields the photos of a dataset on the Hub, named `org/name#row`.

    Raises:
        DataError: The dataset can't be loaded or has no such column.
    """
    for number, row in enumerate(dataset_of_photos(source, column=column)):
        yield Photo(Path(f"{source}#{number}"), source, bytes_of(row, column=column), number)


def bytes_of(row: Mapping[str, Any], *, column: str = "image") -> bytes:
    """Returns the encoded photo of a row of `dataset_of_photos`; nothing where it has none."""
    return row[column]["bytes"] or b""


def dataset_of_photos(source: str, *, column: str = "image", token: str | None = None) -> Any:
    """Returns the rows of a dataset on the Hub, with encoded photos.

    Args:
        source: `org/name`.
        column: Of the photos.
        token: To read what is not public; None takes that of this machine.

    Raises:
        DataError: The dataset can't be loaded or has no such column.
    """
    from datasets import Image, load_dataset
    from datasets.exceptions import DatasetsError

    try:
        rows = load_dataset(source, split="train", token=token)
    except (DatasetsError, OSError, ValueError) as error:
        raise DataError(f"'{source}' is not a folder and can't be loaded: {error}") from error
    if column not in rows.column_names:
        raise DataError(f"'{source}' has no column '{column}': expected a dataset of photos")
    return rows.cast_column(column, Image(decode=False))


def relative_to(queue: Iterable[QueuedPhoto], folder: Path) -> list[QueuedPhoto]:
    """Returns a queue whose photos are named by their paths in a folder, so that it may move."""
    root = folder.resolve()
    return [
        replace(each, photo=Path(each.photo).relative_to(root).as_posix())
        if Path(each.photo).is_relative_to(root)
        else each
        for each in queue
    ]


def write_queue(queue: Sequence[QueuedPhoto], path: Path) -> None:
    """Writes a queue as parquet, best first.

    Raises:
        StoreError: The file can't be written.
    """
    kinds = {"score": pa.float64(), "seconds": pa.float64()}
    names = [each.name for each in fields(QueuedPhoto)]
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([asdict(each) for each in queue], schema=schema), sink)
    write_durably(path, sink.getvalue())
