"""Result files of a photo: its mask, its overlay and its report."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

from segface_hf._utils import atomic_write
from segface_hf.errors import DataError, OutputError
from segface_hf.faces import FaceParse
from segface_hf.images import MADE_BY, is_own_picture
from segface_hf.overlay import blend

if TYPE_CHECKING:
    from segface_hf.jobs.photos import Photo

# A label map has long runs: a higher level costs time and saves next to nothing.
_PNG_LEVEL = 3
_JPEG_QUALITY = 90
_JPEG_SIDE = 65_500


_MASK, _OVERLAY, _REPORT = "_mask.png", "_overlay.jpg", ".json"
_ALWAYS = {"photo", "schema", "digest", "faces", "classes"}


@dataclass(frozen=True)
class Results:
    """Paths of one photo's results. The report is written last, so it marks them as complete."""

    mask: Path
    overlay: Path
    report: Path

    @classmethod
    def of(cls, folder: Path, photo: Photo) -> Results:
        """Names the results of a photo in the output folder."""
        base = folder / photo.name
        return cls(
            base.with_name(base.name + _MASK),
            base.with_name(base.name + _OVERLAY),
            base.with_name(base.name + _REPORT),
        )


def report(photo: Photo, parse: FaceParse, settings: dict[str, Any]) -> dict[str, Any]:
    """Describes a parse in JSON's values: faces, classes, areas, and how it was made."""
    height, width = parse.mask.shape
    ids = parse.schema.label2id
    return {
        "photo": photo.path.name,
        "width": width,
        "height": height,
        "schema": parse.schema.name,
        **settings,
        "faces": [face.to_dict(digits=2) for face in parse.faces],
        "classes": {
            name: {"id": ids[name], "pixels": count, "share": round(count / (width * height), 6)}
            for name, count in parse.areas().items()
        },
    }


def is_result(path: Path) -> bool:
    """Whether a picture is the mask or the overlay that an earlier run left."""
    for ending in (_MASK, _OVERLAY):
        if path.name.endswith(ending):
            name = path.name.removesuffix(ending) + _REPORT
            return is_own_picture(path) or _read(path.with_name(name)).keys() >= _ALWAYS
    return False


def is_done(results: Results, photo: Photo, settings: dict[str, Any]) -> bool:
    """Whether a photo's results are all there and were made with the same settings.

    Raises:
        DataError: They are of another photo, or other files have their names. A run must not
            replace these unless `overwrite` is set.
    """
    written, fingerprint = _read(results.report), photo.fingerprint()
    if not written.keys() >= _ALWAYS:
        _check_free(results)
        return False
    if not fingerprint:
        return False
    if written.get("fingerprint") != fingerprint:
        raise DataError(
            f"'{results.report}' is of another photo of that name, or of this one before it "
            "changed: choose another --out, or replace what is there with --overwrite"
        )
    same = all(written.get(key) == value for key, value in settings.items())
    return same and results.mask.is_file() and results.overlay.is_file()


def _check_free(results: Results) -> None:
    """Refuses to replace a file that no run wrote."""
    pictures = (results.mask, results.overlay)
    foreign = [path for path in pictures if os.path.isfile(path) and not is_own_picture(path)]
    if os.path.isfile(results.report):
        foreign.append(results.report)
    if foreign:
        raise DataError(
            f"'{foreign[0]}' exists and is not a result of segface parse: choose another "
            "--out, move it away, or replace it with --overwrite"
        )


def _read(path: Path) -> dict[str, Any]:
    """A report, empty where there is none."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return written if isinstance(written, dict) else {}


def _overlay(image: Image.Image, parse: FaceParse) -> Image.Image:
    """The photo under its colors, scaled down where a JPEG could not hold it."""
    shrink = min(1.0, _JPEG_SIDE / max(image.size))
    if shrink == 1.0:
        return blend(image, parse.mask, parse.schema)
    size = (max(1, int(image.width * shrink)), max(1, int(image.height * shrink)))
    mask = Image.fromarray(parse.mask).resize(size, Image.Resampling.NEAREST)
    small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return blend(small, np.asarray(mask), parse.schema)


def write_results(
    results: Results, image: Image.Image, parse: FaceParse, content: dict[str, Any]
) -> None:
    """Writes the mask (mode L, ids), the overlay and the report, each all or nothing.

    Raises:
        OutputError: One can't be written.
        DataError: Only this photo's can't: its name is too long.
    """
    overlay = _overlay(image, parse)
    text = json.dumps(content, indent=2) + "\n"
    mask, info = Image.fromarray(parse.mask), PngImagePlugin.PngInfo()
    info.add_text("Software", MADE_BY)
    png: dict[str, Any] = {"compress_level": _PNG_LEVEL, "pnginfo": info}
    jpeg: dict[str, Any] = {"quality": _JPEG_QUALITY, "comment": MADE_BY}
    try:
        atomic_write(results.mask, lambda p: mask.save(p, "PNG", **png))
        atomic_write(results.overlay, lambda p: overlay.save(p, "JPEG", **jpeg))
        atomic_write(results.report, lambda p: p.write_text(text, encoding="utf-8"))
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise DataError(
                f"'{results.overlay.name}' is too long for a file name: rename the photo"
            ) from error
        raise OutputError(
            f"can't write the results to '{results.mask.parent}': {error.strerror or error}. "
            "What was written before is kept: run the same command again to resume"
        ) from error
