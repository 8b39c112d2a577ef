"""Labelled: a photo with a mask from elsewhere, and what all formats do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from annotate._files import store_error
from annotate.correction import Correction
from annotate.errors import ExchangeError
from segface_hf.errors import SegFaceError
from segface_hf.labels import LabelSchema

IMAGES = "images"


@dataclass(frozen=True, eq=False)
class Labelled:
    """A photo and its mask.

    Attributes:
        name: What its files are called.
        image: uint8 (H, W, 3) RGB.
        mask: uint8 (H, W) class ids.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, eq=False)
class Item:
    """What one photo of an export came to.

    Attributes:
        name: What the export calls it.
        labelled: The photo and its mask; None where nobody has annotated it, or it can't be read.
        trouble: Why it can't be read.
    """

    name: str
    labelled: Labelled | None = None
    trouble: SegFaceError | None = None


def opened(name: str, read: Callable[[], Labelled | None]) -> Item:
    """Reads one photo of an export; what is wrong with it stops none of the others."""
    try:
        return Item(name, read())
    except SegFaceError as error:
        return Item(name, trouble=error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Item(name, trouble=ExchangeError(f"is malformed ({error!r}): export it again"))


def fresh_folder(out: Path) -> None:
    """Makes a folder for an export.

    Raises:
        ExchangeError: It holds something already, which would get mixed up with the export.
        StoreError: It can't be written.
    """
    try:
        (out / IMAGES).mkdir(parents=True, exist_ok=True)
        if any(path.name != IMAGES for path in out.iterdir()) or any((out / IMAGES).iterdir()):
            raise ExchangeError(f"{out} is not empty: name a new folder for the export")
    except OSError as error:
        raise store_error(out, error) from error


def save_photo(correction: Correction, out: Path) -> str:
    """Writes the photo of a correction and returns its path relative to the export."""
    name = f"{IMAGES}/{correction.content_id}.png"
    Image.fromarray(correction.image).save(out / name, compress_level=1)
    return name


def layered(regions: list[tuple[str, np.ndarray]], *, schema: LabelSchema) -> np.ndarray:
    """Returns the mask of regions laid over each other in their order.

    Args:
        regions: `(class name, bool (H, W))`, at least one; later ones cover earlier ones.
        schema: Gives the ids.

    Raises:
        ExchangeError: A class that the schema does not have, or nothing covers any pixel.
    """
    if not any(region.any() for _, region in regions):
        raise ExchangeError("its shapes cover none of its pixels: draw them again, or delete them")
    ids = schema.label2id
    mask = np.zeros(regions[0][1].shape, np.uint8)
    for name, region in regions:
        if name not in ids:
            raise ExchangeError(
                f"'{name[:40]}' is no class of '{schema.name}': rename it to one of {list(ids)}"
            )
        mask[region] = ids[name]
    return mask
