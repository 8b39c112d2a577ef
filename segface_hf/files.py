"""Photos on disk: which ones to parse, and the mask, overlay and report that each leaves."""

from __future__ import annotations

import glob
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from segface_hf.errors import DataError, ImageError, OutputError
from segface_hf.faces import Face, FaceParse
from segface_hf.images import SUFFIXES, load_image
from segface_hf.overlay import blend

# A label map has long runs: a higher level costs time and saves next to nothing.
_PNG_LEVEL = 3
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class Photo:
    """One photo to parse.

    Attributes:
        path: Where it is; of a table's row, the table and the row's number.
        name: Relative name of its results, without a suffix, unique in a run.
        data: Its encoded bytes where it is no file, empty where a row holds none.
        row: Its number in the table, from 0.
    """

    path: Path
    name: str
    data: bytes | None = None
    row: int = 0

    def image(self) -> Image.Image:
        """Decodes it.

        Raises:
            ImageError: It is no picture, or none that can be read.
        """
        if self.data == b"":
            raise ImageError(f"'{self.path}' holds no picture: expected its encoded bytes")
        return load_image(self.path if self.data is None else self.data)


@dataclass(frozen=True)
class Results:
    """Where one photo's results go; the report is written last, so it stands for all."""

    mask: Path
    overlay: Path
    report: Path

    @classmethod
    def of(cls, folder: Path, photo: Photo) -> Results:
        """Names the results of a photo in the output folder."""
        base = folder / photo.name
        return cls(
            base.with_name(base.name + "_mask.png"),
            base.with_name(base.name + "_overlay.jpg"),
            base.with_name(base.name + ".json"),
        )


def find_photos(sources: Sequence[str | Path]) -> list[Photo]:
    """Expands files, folders (with their subfolders) and glob patterns, each photo once.

    Raises:
        DataError: A source that matches nothing.
    """
    found: dict[Path, Path] = {}
    for source in sources:
        matches = list(_matches(Path(source)))
        if not matches:
            raise DataError(
                f"'{source}' holds no photo: expected a picture, a folder or a pattern of "
                f"{', '.join(sorted(SUFFIXES))}"
            )
        for path, relative in matches:
            found.setdefault(path.resolve(), relative)
    return _named(found)


def _matches(source: Path) -> Iterable[tuple[Path, Path]]:
    """Pairs of a photo's path and its name relative to the source."""
    if source.is_dir():
        files = (path for path in sorted(source.rglob("*")) if path.suffix.lower() in SUFFIXES)
        return ((path, path.relative_to(source)) for path in files if path.is_file())
    if source.exists() or not glob.has_magic(str(source)):
        # A missing file is listed with the others that fail, and stops none of them.
        return [(source, Path(source.name))]
    return (
        (path, Path(path.name))
        for path in map(Path, sorted(glob.glob(str(source), recursive=True)))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )


def _named(found: dict[Path, Path]) -> list[Photo]:
    """Tells photos of one stem apart by their suffix, and then by a number."""
    stems = Counter(str(relative.with_suffix("")) for relative in found.values())
    taken: set[str] = set()
    photos = []
    for path, relative in found.items():
        name = str(relative.with_suffix(""))
        if stems[name] > 1:
            name = f"{name}_{relative.suffix[1:].lower()}"
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        photos.append(Photo(path, unique))
    return photos


def check_output(folder: Path) -> None:
    """Creates the output folder and makes sure that it can be written.

    Raises:
        OutputError: It can't.
    """
    probe = folder / ".segface"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"can't write to '{folder}' ({error.strerror}): choose another folder with --out, "
            "or change its permissions"
        ) from error


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
        "faces": [_described(face) for face in parse.faces],
        "classes": {
            name: {"id": ids[name], "pixels": count, "share": round(count / (width * height), 6)}
            for name, count in parse.areas().items()
        },
    }


def _described(face: Face) -> dict[str, Any]:
    points = None if face.landmarks is None else face.landmarks.astype(float).round(2).tolist()
    return {
        "box": [round(value, 2) for value in face.box],
        "landmarks": points,
        "confidence": round(face.confidence, 4),
    }


def is_done(results: Results, settings: dict[str, Any]) -> bool:
    """Whether a photo's results are all there and were made with the same settings."""
    try:
        written = json.loads(results.report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    same = isinstance(written, dict) and all(written.get(k) == v for k, v in settings.items())
    return same and results.mask.is_file() and results.overlay.is_file()


def write_results(
    results: Results, image: Image.Image, parse: FaceParse, content: dict[str, Any]
) -> None:
    """Writes the mask (mode L, ids), the overlay and the report, each all or nothing.

    Raises:
        OutputError: One can't be written.
    """
    overlay = blend(image, parse.mask, parse.schema)
    text = json.dumps(content, indent=2) + "\n"
    mask = Image.fromarray(parse.mask)
    try:
        results.mask.parent.mkdir(parents=True, exist_ok=True)
        _write(results.mask, lambda path: mask.save(path, "PNG", compress_level=_PNG_LEVEL))
        _write(results.overlay, lambda path: overlay.save(path, "JPEG", quality=_JPEG_QUALITY))
        _write(results.report, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise OutputError(
            f"can't write the results to '{results.mask.parent}': {error.strerror or error}"
        ) from error


def _write(path: Path, save: Callable[[Path], object]) -> None:
    """Writes beside the file and renames, so that a crash leaves no half file."""
    partial = path.with_name(f".{path.name}.part")
    try:
        save(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
