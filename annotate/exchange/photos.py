"""Photos: finds the photos beside an annotation file by what it calls them, and no other files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from annotate.errors import ExchangeError
from annotate.exchange.labelled import IMAGES
from segface_hf.images import load_image


class Photos:
    """The photos of an export, in `images/` or beside the annotation file.

    A name may begin with folders of the other tool that the export doesn't have: of all files that
    fit its end, the one that fits the longest end counts.

    Args:
        folder: The export.
        names: All names that its annotation file holds, so that no photo is taken for two.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.folder = folder
        self._called: dict[Path, set[str]] = {}
        for name in set(names):
            if path := self._find(name):
                self._called.setdefault(path, set()).add(name)

    def read(self, name: str) -> np.ndarray:
        """Returns the upright pixels of a photo.

        Raises:
            ExchangeError: It isn't there, or another name would mean the same file.
            ImageError: It can't be decoded.
        """
        path, images = self._find(name), self.folder / IMAGES
        if path is None:
            raise ExchangeError(f"the photo '{name[:80]}' is neither in {images} nor {self.folder}")
        if others := self._called.get(path, set()) - {name}:
            raise ExchangeError(
                f"{path} would also be '{min(others)[:80]}': keep the photos of an export in their "
                f"folders below {images}"
            )
        return np.asarray(load_image(path))

    def _find(self, name: str) -> Path | None:
        steps = name.replace("\\", "/").split("/")
        parts = [step for step in steps if step not in ("", ".", "..")]
        for start in range(len(parts)):
            for place in (self.folder / IMAGES, self.folder):
                path = place.joinpath(*parts[start:])
                if _is_file_inside(path, place):
                    return path
        return None


def _is_file_inside(path: Path, folder: Path) -> bool:
    """Tells whether a file is there, and no link or drive letter leads out of the folder."""
    try:
        return path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):  # too long for a name, or with a zero byte in it
        return False
