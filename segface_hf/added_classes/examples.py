"""Examples of a new class: photos and masks, and the checks that they can teach it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import Tensor

from segface_hf.added_classes.pixels import Pixels
from segface_hf.data.folder import find_pairs
from segface_hf.data.photo_set import FACE_MARK, PhotoSet, load_photos
from segface_hf.data.rows import unpack_dataset
from segface_hf.errors import DataError
from segface_hf.labels import LabelSchema

_LEAST_PIXELS = 8  # of the new class in a frame
_WHOLE_FACE = 0.9  # share of all that isn't background
_FOUND_AGAIN = 0.1  # share of a part that must be found in the examples themselves
_SAME_REGION = 0.5  # overlap of two masks of one photo


def read_examples(
    source: str | Path, schema: LabelSchema, *, side: int, aligned: bool = False
) -> PhotoSet:
    """Reads examples, one frame per face.

    Args:
        source: A folder with images/ and masks/, or a dataset of corrections: `org/name` on the
            Hub, or their folder.
        schema: The schema whose last class is the new one.
        side: Side of the frames in pixels.
        aligned: Takes every picture as a crop of one upright face.

    Raises:
        DataError: A photo or mask can't be used, a photo lacks the class, there is one photo, or
            two masks of one photo contradict each other.
    """
    if (Path(source) / "images").is_dir():
        photos = load_photos(find_pairs(source), schema, side=side, aligned=aligned)
    else:
        with TemporaryDirectory(prefix="segface-") as folder:
            unpacked = unpack_dataset(str(source), Path(folder), schema=schema)
            photos = load_photos(find_pairs(unpacked), schema, side=side, aligned=aligned)
    check_examples(photos)
    return photos


def check_examples(photos: PhotoSet) -> None:
    """Checks that every photo shows the last class of the schema, and that masks agree.

    Raises:
        DataError: One doesn't, or there is one photo.
    """
    name, new = photos.schema.names[-1], photos.schema.num_classes - 1
    areas: dict[str, int] = defaultdict(int)
    for stem, mask in zip(photos.stems, photos.masks, strict=True):
        areas[stem.partition(FACE_MARK)[0]] += int((mask == new).sum())
    if len(areas) < 2:
        raise DataError(
            f"one photo of '{name}' is too few: with at least two, each shows whether the class "
            "is found by what the others teach. Five are a good beginning"
        )
    lacking = sorted(stem for stem, area in areas.items() if area < _LEAST_PIXELS)
    if lacking:
        raise DataError(
            f"'{lacking[0]}' shows no '{name}' of at least {_LEAST_PIXELS} pixels in a face's "
            f"frame ({len(lacking)} such photos): paint it there with id {new}, or leave the "
            "photo out"
        )
    _check_twice(photos, name, new)


def _check_twice(photos: PhotoSet, name: str, new: int) -> None:
    seen: dict[bytes, tuple[str, Tensor]] = {}
    for stem, image, mask in zip(photos.stems, photos.images, photos.masks, strict=True):
        region = mask == new
        other, first = seen.setdefault(np.asarray(image).tobytes(), (stem, region))
        union = int((first | region).sum())
        if union and int((first & region).sum()) < _SAME_REGION * union:
            raise DataError(
                f"'{other}' and '{stem}' are the same photo, but their masks of '{name}' "
                "contradict each other: keep the right one"
            )


def check_regions(stems: Sequence[str], pixels: Sequence[Pixels], *, name: str) -> None:
    """Checks that no example takes the new class for a whole face.

    Raises:
        DataError: One does.
    """
    for stem, part in zip(stems, pixels, strict=True):
        shown = part.logits.argmax(1) != 0
        if part.share(part.is_new & shown) > _WHOLE_FACE * part.share(shown) > 0:
            raise DataError(
                f"in '{stem}' the class '{name}' covers the whole face and all around it: "
                "paint only the part, and leave the other classes where they are"
            )


def check_agreement(
    stems: Sequence[str], pixels: Sequence[Pixels], found: Sequence[Tensor], *, name: str
) -> None:
    """Checks that the row finds the class in every example that it was fitted to.

    Args:
        stems: Names of the examples.
        pixels: Their pixels.
        found: bool (M,) each: where the row finds the class.
        name: Of the class.

    Raises:
        DataError: It finds next to nothing in one, so another example says the opposite.
    """
    for stem, part, wins in zip(stems, pixels, found, strict=True):
        if part.share(part.is_new & wins) < _FOUND_AGAIN * part.share(part.is_new):
            raise DataError(
                f"the photos contradict each other about '{name}': fitted to all of them, it is "
                f"not found where the mask of '{stem}' has it. Paint the same part in every "
                "photo, wherever it is seen, or leave that photo out"
            )
