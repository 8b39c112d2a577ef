"""Plain folders: `images/` and `masks/` with equal stems, as the trainer reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from annotate.correction import Correction
from annotate.errors import ExchangeError
from annotate.exchange.labeled import (
    ImportedPhoto,
    LabeledPhoto,
    create_export_folder,
    import_photo,
    save_photo,
)
from annotate.exchange.source import ExportSource, is_inside, load_json
from segface_hf.labels import SCHEMAS, LabelSchema

if TYPE_CHECKING:
    from segface_hf.data.folder import Pair

MASKS = "masks"
LABELS = "labels.json"


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos, mode L masks and `labels.json` with the schema; returns how many photos."""
    create_export_folder(out)
    (out / MASKS).mkdir()
    count = 0
    for correction in corrections:
        name = save_photo(correction, out)
        Image.fromarray(correction.mask).save(out / MASKS / name)
        (out / LABELS).write_text(json.dumps(correction.schema.to_dict(), indent=1))
        count += 1
    return count


def read(source: ExportSource, schema: LabelSchema) -> Iterator[ImportedPhoto]:
    """Reads a folder of photos and masks of the schema's ids, as the trainer does.

    Raises:
        DataError: A folder is missing or empty, or a photo or a mask has no partner.
        ExchangeError: `labels.json` names other classes, or one file was named.
    """
    from segface_hf.data.folder import find_pairs

    if source.file:
        raise ExchangeError(
            f"{source.name} is one file: expected the folder that holds images/ and {MASKS}/"
        )
    _check_labels(source.folder / LABELS, schema)
    for pair in find_pairs(source.folder):
        yield import_photo(pair.stem, partial(_read_pair, pair, source, schema))


def _check_labels(file: Path, schema: LabelSchema) -> None:
    """Compares the classes that an export names, if it does, with those of a schema."""
    if not file.is_file():
        return
    try:
        labels = load_json(file)
        names, schema_name = list(map(str, labels["names"])), labels.get("name", "")
    except (ExchangeError, KeyError, TypeError, AttributeError) as error:
        raise ExchangeError(
            f"{file} lists no class names: expected a schema with 'names'. Remove the file if the "
            f"masks hold the ids of '{schema.name}'"
        ) from error
    if names != list(schema.names):
        known = [name for name, other in SCHEMAS.items() if list(other.names) == names]
        remedy = f"import with --schema {known[0]}" if known else "no known schema has these"
        raise ExchangeError(
            f"{file} says that the masks hold the classes of '{str(schema_name)[:40]}', not of "
            f"'{schema.name}': {remedy}"
        )


def _read_pair(pair: Pair, source: ExportSource, schema: LabelSchema) -> LabeledPhoto:
    from segface_hf.data.folder import read_mask, read_photo

    for path in (pair.image, pair.mask):
        if not is_inside(path, source.folder):
            raise ExchangeError(
                f"{path} is a link that leads out of {source.folder}: copy the file there"
            )
    mask = read_mask(pair.mask, schema)
    image = read_photo(pair, (mask.shape[1], mask.shape[0]))
    return LabeledPhoto(pair.stem, np.asarray(image), mask)
