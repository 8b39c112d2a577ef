"""The files of another tool's export: a folder, a ZIP archive, or a single annotation file."""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annotate._files import store_error
from annotate.errors import ExchangeError
from annotate.exchange.labeled import IMAGES

MAX_JSON_BYTES = 1_000_000_000
# Annotations and pictures shrink to a tenth at best; an archive of zeros to a thousandth.
MAX_ZIP_RATIO = 100
SMALL_ZIP = 100_000_000
# What macOS adds to an archive.
_NOT_EXPORTED = ("__MACOSX", ".DS_Store")


@dataclass(frozen=True)
class ExportSource:
    """An export that is ready to be read.

    Attributes:
        folder: Holds the photos, in `images/` or directly.
        name: How messages call it.
        file: The annotation file, if the user named one.
        is_archive: The folder is a temporary copy of an archive.
    """

    folder: Path
    name: str
    file: Path | None = None
    is_archive: bool = False

    def find(self, *patterns: str) -> Path:
        """Returns the annotation file: the one that was named, or the only one that fits.

        Args:
            patterns: Paths below the folder, with wildcards. The first that fits a file counts.

        Raises:
            ExchangeError: None fits, or several do.
        """
        suffix = Path(patterns[0]).suffix
        if self.file:
            if self.file.suffix.lower() != suffix:
                raise ExchangeError(
                    f"expected a folder, a .zip or a {suffix} file, got {self.name}: unpack it, or "
                    "export in that format"
                )
            return self.file
        for pattern in patterns:
            found = [p for p in sorted(self.folder.glob(pattern)) if p.is_file()]
            if len(found) > 1:
                names = ", ".join(path.name for path in found[:5])
                act = "unpack it and " if self.is_archive else ""
                raise ExchangeError(
                    f"{self.name} holds {len(found)} {suffix} files, {names}: {act}name one of them"
                )
            if found:
                return found[0]
        raise ExchangeError(
            f"{self.name} holds no {patterns[0]}, found {self._contents()}: check --format, or "
            "name the annotation file itself"
        )

    def _contents(self) -> str:
        names = sorted(path.name[:60] for path in self.folder.iterdir())
        return ", ".join([*names[:5], *(["..."] if names[5:] else [])]) or "nothing"


@contextmanager
def open_source(path: Path) -> Iterator[ExportSource]:
    """Gives the files of an export; an archive is unpacked until the end.

    Raises:
        ExchangeError: The file does not exist, or an archive is damaged or too large.
    """
    if path.is_dir():
        yield ExportSource(path, str(path))
    elif path.is_file() and zipfile.is_zipfile(path):
        with TemporaryDirectory() as temporary:
            _unpack(path, Path(temporary))
            yield ExportSource(_top(Path(temporary)), str(path), is_archive=True)
    elif path.is_file():
        folder = path.absolute().parent
        # A COCO export keeps its files in `annotations/`, beside `images/`.
        root = folder.parent if folder.name == "annotations" else folder
        yield ExportSource(root, str(path), file=path)
    else:
        raise ExchangeError(
            f"{path} doesn't exist: expected a folder, a .zip or an annotation file"
        )


def _unpack(path: Path, folder: Path) -> None:
    """Unpacks an archive; links and paths that lead out of the folder become plain files in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            allowed = max(SMALL_ZIP, MAX_ZIP_RATIO * path.stat().st_size)
            free = shutil.disk_usage(folder).free
            if size > min(allowed, free):
                raise ExchangeError(
                    f"{path} unpacks to {size:,} bytes, expected at most {min(allowed, free):,}: "
                    "unpack it yourself, and import the folder"
                )
            archive.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise ExchangeError(f"{path} can't be unpacked ({error}): unpack it yourself") from error
    except OSError as error:
        raise store_error(folder, error) from error


def _top(folder: Path) -> Path:
    """Returns the folder that holds the files, where an archive wraps it in others."""
    inside = [path for path in folder.iterdir() if path.name not in _NOT_EXPORTED]
    wrapped = len(inside) == 1 and inside[0].is_dir() and inside[0].name != IMAGES
    return _top(inside[0]) if wrapped else folder


def load_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        ExchangeError: It can't be read, is larger than `MAX_JSON_BYTES`, or not JSON.
    """
    try:
        if (size := path.stat().st_size) > MAX_JSON_BYTES:
            raise ExchangeError(
                f"{path.name} has {size:,} bytes, expected at most {MAX_JSON_BYTES:,}: export the "
                "photos in several parts"
            )
        return json.loads(path.read_bytes())
    except RecursionError as error:
        raise ExchangeError(
            f"{path.name} is nested too deeply for an annotation file: it isn't an export"
        ) from error
    except ValueError as error:
        raise ExchangeError(f"{path.name} isn't JSON ({error}): export it as JSON") from error
    except OSError as error:
        raise ExchangeError(f"{path} can't be read ({error.strerror})") from error


def is_inside(path: Path, folder: Path) -> bool:
    """Returns whether a path is a file, and no link or drive letter leads out of the folder."""
    try:
        return path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):  # too long for a name, or with a zero byte in it
        return False
