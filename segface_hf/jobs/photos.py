"""Photos on disk: which ones to parse, and which files are skipped."""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segface_hf.errors import DataError, ImageError, OutputError
from segface_hf.images import SUFFIXES, is_address, load_image
from segface_hf.jobs.files import is_result

_SAMPLE = 4096
_SAMPLES = 64


@dataclass(frozen=True)
class Photo:
    """One photo to parse.

    Attributes:
        path: Where it is; of a table's row, the table and the row's number.
        name: Relative name of its results, without a suffix, unique in a run.
        data: Its encoded bytes if it is a table's cell, empty if the cell is; None for a file.
        row: Its number in the table, from 0.
    """

    path: Path
    name: str
    data: bytes | None = None
    row: int = 0

    def image(self) -> Image.Image:
        """Decodes it.

        Raises:
            ImageError: It is not a picture, or one that can't be read.
        """
        if self.data == b"":
            raise ImageError(f"'{self.path}' holds no picture: expected its encoded bytes")
        return load_image(self.path if self.data is None else self.data)

    def fingerprint(self) -> str:
        """Returns a hash that identifies its content; empty if the file can't be read.

        A resumed run needs thousands of them, so only samples of a large file are hashed.
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
class FoundPhotos:
    """The photos that the sources of a run contain.

    Attributes:
        photos: Each once, with names that are unique.
        skipped: How many other files the folders contain, by suffix, and how many pictures are
            results of an earlier run.
    """

    photos: tuple[Photo, ...]
    skipped: Counter[str]

    def skipped_note(self) -> str | None:
        """Returns a sentence on the skipped files; None if there are none."""
        if not self.skipped:
            return None
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.skipped.items()))
        return f"skipped {kinds}: photos are {', '.join(sorted(SUFFIXES))}"


RESULTS = "results of an earlier run"


def find_photos(sources: Sequence[str | Path]) -> list[Photo]:
    """Expands files, folders (with their subfolders) and glob patterns, each photo once.

    Raises:
        DataError: A source that matches nothing.
    """
    return list(look_for_photos(sources).photos)


def look_for_photos(sources: Sequence[str | Path]) -> FoundPhotos:
    """Finds photos, and counts other files.

    Raises:
        DataError: A source that matches nothing, or is an address.
    """
    found: dict[Path, Path] = {}
    others: Counter[str] = Counter()
    for source in sources:
        if is_address(source):
            raise DataError(
                f"'{source}' is an address, and addresses are not fetched: download the photo first"
            )
        matches = list(_matches(Path(source), others))
        if not matches:
            raise DataError(
                f"'{source}' holds no photo: expected a picture, a folder or a pattern of "
                f"{', '.join(sorted(SUFFIXES))}"
            )
        for path, relative in matches:
            found.setdefault(path.resolve(), relative)
    return FoundPhotos(tuple(_named(found)), others)


def _matches(source: Path, others: Counter[str]) -> Iterable[tuple[Path, Path]]:
    """Pairs of a photo's path and its name relative to the source."""
    if _is_folder(source):
        files = [path for path in sorted(source.rglob("*")) if not path.is_dir()]
        return [(path, path.relative_to(source)) for path in files if _is_photo(path, others)]
    if source.exists() or not glob.has_magic(str(source)):
        # A missing file is reported like other failures, and doesn't stop the run.
        return [(source, Path(source.name))]
    files = list(map(Path, sorted(glob.glob(str(source), recursive=True))))
    files = [path for path in files if not path.is_dir()]
    return [(path, Path(path.name)) for path in files if _is_photo(path, others)]


def _is_folder(source: Path) -> bool:
    """Whether a source is a folder.

    Raises:
        DataError: It is not a valid path, such as one that is too long.
    """
    try:
        # Unlike `is_dir`, `stat` reports every invalid path.
        return stat.S_ISDIR(source.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    except (OSError, ValueError) as error:
        if glob.has_magic(str(source)) and isinstance(error, OSError):
            return False
        raise DataError(
            f"{str(source)!r:.300} is not a valid path ({error!s:.100}): name a picture or a folder"
        ) from error


def _is_photo(path: Path, others: Counter[str]) -> bool:
    """Counts other files, except hidden ones and the reports of results."""
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
    """Gives photos of the same stem different names, by their suffix and then by a number."""
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
    """Checks that an output folder can be written, and leaves no new folder behind.

    Raises:
        OutputError: It can't.
    """
    # A random name, because other runs may probe the same folder.
    probe = folder / f".{secrets.token_hex(8)}.part"
    created: list[Path] = []
    try:
        created += [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"can't write to {str(folder)!r:.300} ({reason!s:.100}): choose another folder with "
            "--out, or change its permissions"
        ) from error
    finally:
        for path in created:
            # Another run may have written into it already.
            with suppress(OSError, ValueError):
                path.rmdir()
