"""Plain folders: `images/` and `masks/` with equal stems, as the trainer and many datasets use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from annotate.correction import Correction
from annotate.exchange.labelled import Labelled, fresh_folder, save_photo
from segface_hf.labels import LabelSchema

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


def read(source: Path, schema: LabelSchema) -> Iterator[Labelled]:
    """Reads a folder of photos and masks of the schema's ids, the way the trainer does.

    Raises:
        DataError: A photo without its mask, or a mask that can't be used.
    """
    from segface_hf.training.data import find_pairs, read_pair

    for pair in find_pairs(source):
        image, mask = read_pair(pair, schema)
        yield Labelled(pair.stem, np.asarray(image), mask)
