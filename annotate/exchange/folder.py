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
from annotate.exchange.labelled import Item, Labelled, fresh_folder, opened, save_photo
from segface_hf.labels import LabelSchema

if TYPE_CHECKING:
    from segface_hf.training.data import Pair

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
    """
    from segface_hf.training.data import find_pairs

    for pair in find_pairs(source):
        yield opened(pair.stem, partial(_labelled, pair, schema))


def _labelled(pair: Pair, schema: LabelSchema) -> Labelled:
    from segface_hf.training.data import read_mask, read_photo

    mask = read_mask(pair.mask, schema)
    image = read_photo(pair, (mask.shape[1], mask.shape[0]))
    return Labelled(pair.stem, np.asarray(image), mask)
