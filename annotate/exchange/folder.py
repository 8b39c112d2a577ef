"""Plain folders: `images/` and `masks/` with equal stems, as the trainer and many datasets use."""

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
from annotate.exchange.labelled import Item, Labelled, fresh_folder, opened, save_photo
from segface_hf.labels import SCHEMAS, LabelSchema

if TYPE_CHECKING:
    from segface_hf.data.folder import Pair

MASKS = "masks"
LABELS = "labels.json"


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos and mode L masks, and `labels.json` with the schema; returns their number."""
    fresh_folder(out)
    (out / MASKS).mkdir()
    count = 0
    for correction in corrections:
        save_photo(correction, out)
        Image.fromarray(correction.mask).save(out / MASKS / f"{correction.content_id}.png")
        (out / LABELS).write_text(json.dumps(correction.schema.to_dict(), indent=1))
        count += 1
    return count


def read(source: Path, schema: LabelSchema) -> Iterator[Item]:
    """Reads a folder of photos and masks of the schema's ids, the way the trainer does.

    Raises:
        DataError: A folder is missing or empty, or a photo or mask is without its partner.
        ExchangeError: `labels.json` names other classes: the ids would get other meanings.
    """
    from segface_hf.data.folder import find_pairs

    _check_labels(source / LABELS, schema)
    for pair in find_pairs(source):
        yield opened(pair.stem, partial(_labelled, pair, schema))


def _check_labels(file: Path, schema: LabelSchema) -> None:
    """Compares the classes that an export names, if it does, with those of a schema."""
    if not file.is_file():
        return
    try:
        labels = json.loads(file.read_bytes())
        names, called = list(map(str, labels["names"])), labels.get("name", "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExchangeError(
            f"{file} names no classes: export again, or move it away if the masks hold the ids of "
            f"'{schema.name}'"
        ) from error
    if names != list(schema.names):
        known = [name for name, other in SCHEMAS.items() if list(other.names) == names]
        remedy = f"import with --schema {known[0]}" if known else "no schema here has these"
        raise ExchangeError(
            f"{file} says that the masks hold the classes of '{str(called)[:40]}', not of "
            f"'{schema.name}': {remedy}"
        )


def _labelled(pair: Pair, schema: LabelSchema) -> Labelled:
    from segface_hf.data.folder import read_mask, read_photo

    mask = read_mask(pair.mask, schema)
    image = read_photo(pair, (mask.shape[1], mask.shape[0]))
    return Labelled(pair.stem, np.asarray(image), mask)
