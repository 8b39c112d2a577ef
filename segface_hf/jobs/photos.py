"""Photos on disk: which ones to parse, and which files are passed over."""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segface_hf.errors import DataError, ImageError, OutputError
from segface_hf.images import SUFFIXES, load_image
from segface_hf.jobs.files import is_result

_SAMPLE = 4096
_SAMPLES = 64


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

    def fingerprint(self) -> str:
        """Tells its file from others of the same name; empty where there is none to read.

        A resumed run asks for thousands, so that of a large file only samples count.
        """
        if self.data is not None:
            return hashlib.sha256(self.data).hexdigest()
        try:
            with self.path.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                digest = hashlib.sha256(str(size).encode())
                starts = range(0, size, max(_SAMPLE, size // _SAMPLES))
                for start in (*starts, max(0, size - _SAMPLE)):
                    stream.seek(start)
                    digest.update(stream.read(_SAMPLE))
        except OSError:
            return ""
        return digest.hexdigest()


@dataclass(frozen=True)
class Found:
    """What the sources of a run hold.

    Attributes:
        photos: Each once, with names that are unique.
        passed_over: How many other files lie in the folders, by suffix, and how many pictures
            are results of an earlier run.
    """

    photos: tuple[Photo, ...]
    passed_over: Counter[str]

    def told(self) -> str | None:
        """A sentence on what was passed over, if anything was."""
        if not self.passed_over:
            return None
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.passed_over.items()))
        return f"passed over {kinds}: photos are {', '.join(sorted(SUFFIXES))}"


RESULTS = "results of an earlier run"


def find_photos(sources: Sequence[str | Path]) -> list[Photo]:
    """Expands files, folders (with their subfolders) and glob patterns, each photo once.

    Raises:
        DataError: A source that matches nothing.
    """
    return list(look_for_photos(sources).photos)


def look_for_photos(sources: Sequence[str | Path]) -> Found:
    """Finds photos, and counts what is none.

    Raises:
        DataError: A source that matches nothing.
    """
    found: dict[Path, Path] = {}
    others: Counter[str] = Counter()
    for source in sources:
        matches = list(_matches(Path(source), others))
        if not matches:
            raise DataError(
                f"'{source}' holds no photo: expected a picture, a folder or a pattern of "
                f"{', '.join(sorted(SUFFIXES))}"
            )
        for path, relative in matches:
            found.setdefault(path.resolve(), relative)
    return Found(tuple(_named(found)), others)


def _matches(source: Path, others: Counter[str]) -> Iterable[tuple[Path, Path]]:
    """Pairs of a photo's path and its name relative to the source."""
    if source.is_dir():
        files = [path for path in sorted(source.rglob("*")) if not path.is_dir()]
        return [(path, path.relative_to(source)) for path in files if _is_photo(path, others)]
    if source.exists() or not glob.has_magic(str(source)):
        # A missing file is listed with the others that fail, and stops none of them.
        return [(source, Path(source.name))]
    files = list(map(Path, sorted(glob.glob(str(source), recursive=True))))
    files = [path for path in files if not path.is_dir()]
    return [(path, Path(path.name)) for path in files if _is_photo(path, others)]


def _is_photo(path: Path, others: Counter[str]) -> bool:
    """Counts what is none, but for hidden files and the reports beside results."""
    if path.name.startswith("."):
        return False
    if path.suffix.lower() not in SUFFIXES:
        if path.suffix.lower() != ".json":
            others[path.suffix.lower() or "without a suffix"] += 1
        return False
    if is_result(path):
        others[RESULTS] += 1
        return False
    return True


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
    # A name of its own: other runs probe the same folder, and no file of anybody's is touched.
    probe = folder / f".{secrets.token_hex(8)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"can't write to '{folder}' ({error.strerror}): choose another folder with --out, "
            "or change its permissions"
        ) from error
