"""Data folders: pairs of photos and masks with equal stems, found, read and checked. No torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segface_hf._progress import MedianBar
from segface_hf.errors import DataError, ImageError, LabelError
from segface_hf.images import BOMBS, DAMAGED, SUFFIXES, is_own_picture, opaque, open_image, upright
from segface_hf.labels import IGNORED, LabelSchema

MASK_SUFFIX = ".png"
_MASK_MODES = ("L", "P")


@dataclass(frozen=True)
class Pair:
    """A photo and its mask.

    Attributes:
        stem: Their common name without suffix.
        image: Path of the photo.
        mask: Path of the mask, a single-channel PNG of class ids.
    """

    stem: str
    image: Path
    mask: Path


def find_pairs(folder: str | Path) -> tuple[Pair, ...]:
    """Lists a data folder's pairs, by name.

    Args:
        folder: Holds `images/` and `masks/` with equal stems.

    Raises:
        DataError: A folder is missing or empty, or a file has no partner.
    """
    root = Path(folder)
    images = _by_stem(root / "images", SUFFIXES)
    masks = _by_stem(root / "masks", (MASK_SUFFIX,))
    for stems, others, kind in ((images, masks, "mask"), (masks, images, "image")):
        lonely = sorted(stems.keys() - others.keys())
        if lonely:
            raise DataError(
                f"{stems[lonely[0]]} has no {kind} named '{lonely[0]}' in {root / kind}s "
                f"({len(lonely)} such files): add it, or remove the file"
            )
    return tuple(Pair(stem, images[stem], masks[stem]) for stem in sorted(images))


def _by_stem(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    try:
        paths = sorted(folder.iterdir())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{str(folder)!r:.300} is not a folder ({reason!s:.100}): a data folder holds images/ "
            "and masks/ with equal stems"
        ) from error
    found: dict[str, Path] = {}
    for path in paths:
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        check_regular(path)
        if path.stem in found:
            raise DataError(f"{found[path.stem]} and {path} have the same stem: keep one of them")
        found[path.stem] = path
    if not found:
        raise DataError(f"{folder} holds no files of type {', '.join(sorted(suffixes))}")
    return found


def check_regular(path: Path) -> None:
    """Checks that a path is a regular file or a symbolic link to one.

    Reading a named pipe or a device would never end.

    Raises:
        DataError: It is a folder, a pipe, a device or a broken link.
    """
    if not path.is_file():
        kind = "a broken link" if path.is_symlink() and not path.exists() else "not a file"
        raise DataError(f"{path} is {kind}: remove it, or put a photo or mask in its place")


def read_mask(path: Path, schema: LabelSchema, *, gaps: bool = False) -> np.ndarray:
    """Reads a mask as uint8 (H, W) of class ids.

    Args:
        path: A PNG.
        schema: Refuses ids outside it.
        gaps: Lets pixels be `IGNORED`, as long as others show that the mask is one of class ids.

    Raises:
        DataError: Not a single-channel picture, or it holds an id that the schema lacks.
    """
    try:
        with Image.open(path) as file:
            if file.mode not in _MASK_MODES:
                raise DataError(
                    f"{path} is a {file.mode} picture: a mask has one 8-bit channel of class ids"
                )
            mask = np.array(file, dtype=np.uint8)
    except (*DAMAGED, *BOMBS) as error:
        raise DataError(f"{path} can't be read as a mask: {error}") from error
    known = np.where(mask == IGNORED, 0, mask) if gaps else mask
    if not known.any() and mask.any():
        raise DataError(
            f"{path} holds only 0 and {IGNORED}: expected class ids, with {IGNORED} where a pixel "
            f"isn't labeled. In a black-and-white mask of one part, replace {IGNORED} by the id "
            "of the part; leave out a photo without any labeled part"
        )
    try:
        schema.check_mask(known, source=str(path))
    except LabelError as error:
        raise DataError(str(error)) from error
    return mask


def read_photo(pair: Pair, size: tuple[int, int]) -> Image.Image:
    """Reads a photo as RGB, turned as its mask is.

    A phone may store a photo turned, and record the turn in its EXIF data. The mask may be drawn
    on the photo as it is shown or as it is stored; its size decides. Bit depth and transparency
    are converted as `load_image` does.

    Args:
        pair: The photo, and its mask.
        size: Width and height of the mask.

    Raises:
        DataError: The file can't be decoded, its size differs, or the mask fits both ways.
    """
    try:
        with open_image(pair.image) as file:
            looked_at = upright(file)
            views = [looked_at] if looked_at is file else [looked_at, file]
            fitting = [opaque(view) for view in views if view.size == size]
    except ImageError as error:
        raise DataError(f"{pair.image} can't be read as a photo: {error}") from error
    if not fitting:
        raise DataError(
            f"{pair.mask} has size {size[0]} x {size[1]} but its photo has "
            f"{looked_at.width} x {looked_at.height}: both must have the same size"
        )
    if len(fitting) > 1 and not is_own_picture(pair.mask):
        raise DataError(
            f"{pair.image} is stored turned (EXIF orientation), and its mask fits it as it is "
            "stored and as it is looked at: turn the photo for good, or remove its EXIF data"
        )
    return fitting[0]


def read_pair(pair: Pair, schema: LabelSchema) -> tuple[Image.Image, np.ndarray]:
    """Reads a photo and its mask, whose pixels may be `IGNORED`.

    Raises:
        DataError: One can't be read, their sizes differ, or the mask fits a turned photo both ways.
    """
    mask = read_mask(pair.mask, schema, gaps=True)
    return read_photo(pair, (mask.shape[1], mask.shape[0])), mask


def check_pairs(pairs: Sequence[Pair], schema: LabelSchema, *, progress: bool = True) -> None:
    """Reads every pair, so that a bad one is reported before hours of work.

    Args:
        pairs: What `find_pairs` gave.
        schema: Refuses ids outside it.
        progress: Whether to show a progress bar after two seconds.

    Raises:
        DataError: Names the first file that can't be used.
    """

    def check(pair: Pair) -> None:
        read_pair(pair, schema)

    with ThreadPoolExecutor(2) as pool:
        checked = pool.map(check, pairs)
        bar: dict[str, Any] = {
            "desc": "check",
            "unit": "photo",
            "delay": 2,
            "disable": not progress,
        }
        for _ in MedianBar(checked, total=len(pairs), **bar):
            pass


def iterate_pairs(
    pairs: Sequence[Pair], schema: LabelSchema
) -> Iterator[tuple[Pair, Image.Image, np.ndarray]]:
    """Reads pairs one by one, at their own size."""
    for pair in pairs:
        yield (pair, *read_pair(pair, schema))
