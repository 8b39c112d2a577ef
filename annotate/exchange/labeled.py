"""A photo with a mask from another tool, and the steps that all formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from annotate._files import store_error
from annotate.correction import Correction
from annotate.errors import ExchangeError
from annotate.exchange.shapes import Region
from segface_hf.errors import SegFaceError
from segface_hf.labels import LabelSchema

IMAGES = "images"
# Drawing this much takes about half a minute.
MAX_DRAWN_PIXELS = 10_000_000_000


@dataclass(frozen=True, eq=False)
class LabeledPhoto:
    """A photo and its mask.

    Attributes:
        name: The photo's file name without its suffix.
        image: uint8 (H, W, 3) RGB.
        mask: uint8 (H, W) class ids.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, eq=False)
class ImportedPhoto:
    """The result of reading one photo of an export.

    Attributes:
        name: The photo's name in the export.
        labeled: The photo and its mask; None if it has no annotation or can't be read.
        error: Why it can't be read.
    """

    name: str
    labeled: LabeledPhoto | None = None
    error: SegFaceError | None = None


def import_photo(name: str, read: Callable[[], LabeledPhoto | None]) -> ImportedPhoto:
    """Reads one photo of an export; an error is kept, so that the other photos are still read."""
    try:
        return ImportedPhoto(name, read())
    except SegFaceError as error:
        return ImportedPhoto(name, error=error)
    except KeyError as error:
        return ImportedPhoto(
            name,
            error=ExchangeError(
                f"its annotation is malformed: expected a field {error}, found none; delete that "
                "shape in the other tool, or correct the file"
            ),
        )
    except (TypeError, ValueError, AttributeError) as error:
        return ImportedPhoto(
            name,
            error=ExchangeError(
                f"its annotation is malformed ({error}): delete that shape in the other tool, or "
                "correct the file"
            ),
        )


def check_photo_size(annotated: tuple[int, int], pixels: np.ndarray) -> None:
    """Checks that a photo has the size that was annotated.

    Args:
        annotated: Height and width in the annotation file.
        pixels: uint8 (H, W, 3).

    Raises:
        ExchangeError: It has another size.
    """
    if annotated != pixels.shape[:2]:
        raise ExchangeError(
            f"it was annotated at {annotated[1]} x {annotated[0]} pixels, but the photo here has "
            f"{pixels.shape[1]} x {pixels.shape[0]}: replace it with the photo that was annotated"
        )


def create_export_folder(out: Path) -> None:
    """Creates the folder of an export, with its folder of photos.

    Raises:
        ExchangeError: It exists and is not empty.
        StoreError: It can't be written.
    """
    try:
        (out / IMAGES).mkdir(parents=True, exist_ok=True)
        if any(path.name != IMAGES for path in out.iterdir()) or any((out / IMAGES).iterdir()):
            raise ExchangeError(f"{out} is not empty: name a new folder for the export")
    except OSError as error:
        raise store_error(out, error) from error


def save_photo(correction: Correction, out: Path) -> str:
    """Writes the photo of a correction; returns its file name in the export's `images/`."""
    name = f"{correction.content_id}.png"
    Image.fromarray(correction.image).save(out / IMAGES / name, compress_level=1)
    return name


def draw_mask(
    regions: Iterable[tuple[str, Region]], *, shape: tuple[int, int], schema: LabelSchema
) -> np.ndarray:
    """Draws regions over each other in their order.

    Args:
        regions: `(class name, region)`; later ones cover earlier ones.
        shape: Height and width of the photo.
        schema: Gives the ids.

    Returns:
        uint8 (H, W) class ids.

    Raises:
        ExchangeError: A class that the schema doesn't have, no region that covers a pixel, or so
            many large regions that drawing them would take minutes.
    """
    ids = schema.label2id
    mask = np.zeros(shape, np.uint8)
    drawn, count, covered = 0, 0, False
    for name, region in regions:
        if name not in ids:
            raise ExchangeError(
                f"'{str(name)[:40]}' is not a class of '{schema.name}': rename it to one of "
                f"{list(ids)}"
            )
        height, width = region.inside.shape
        mask[region.top : region.top + height, region.left : region.left + width][region.inside] = (
            ids[name]
        )
        covered = covered or bool(region.inside.any())
        drawn, count = drawn + region.inside.size, count + 1
        if drawn > MAX_DRAWN_PIXELS:
            raise ExchangeError(
                f"its first {count:,} shapes span {drawn:,} pixels, expected at most "
                f"{MAX_DRAWN_PIXELS:,} for all shapes of a photo: merge shapes of one class"
            )
    if not covered:
        raise ExchangeError(
            f"none of its {count} shapes covers a pixel of the photo: draw them again, or delete "
            "them"
        )
    return mask
