"""Finds the photos of an export by their names in its annotation file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from annotate.errors import ExchangeError
from annotate.exchange.labeled import IMAGES
from annotate.exchange.source import ExportSource, is_inside
from segface_hf.images import load_image

# Label Studio adds eight digits to the name of an uploaded file.
_UPLOADED = re.compile(r"data/upload/\d+/[0-9a-f]{8}-([^/]+)$")


class Photos:
    """The photos of an export, in `images/` or beside the annotation file.

    A name may begin with folders of the other tool that the export doesn't have. Among the files
    that fit the end of a name, the one that fits the longest end is used. A photo that was uploaded
    to Label Studio is also found by the name that it had before. No file outside the export's
    folder is read.

    Args:
        source: The export.
        names: All names in its annotation file, so that one photo isn't used for two names.
    """

    def __init__(self, source: ExportSource, names: Iterable[str]) -> None:
        self.source = source
        self._named: dict[Path, set[str]] = {}
        for name in set(names):
            if path := self._find(name):
                self._named.setdefault(path, set()).add(name)

    def read(self, name: str) -> np.ndarray:
        """Returns the upright pixels of a photo, uint8 (H, W, 3).

        Raises:
            ExchangeError: It is missing, or another name fits the same file.
            ImageError: It can't be decoded.
        """
        path = self._find(name)
        if path is None:
            act = "export with the photos, or unpack it and " if self.source.is_archive else ""
            raise ExchangeError(
                f"{self.source.name} lacks the photo '{name[:80]}': {act}put it into the folder "
                f"{IMAGES} beside the annotation file (links out of the export are not followed)"
            )
        if others := self._named.get(path, set()) - {name}:
            raise ExchangeError(
                f"{path.relative_to(self.source.folder)} also fits the name '{min(others)[:80]}': "
                f"keep the photos of an export in their folders below {IMAGES}"
            )
        return np.asarray(load_image(path))

    def _find(self, name: str) -> Path | None:
        steps = name.replace("\\", "/").split("/")
        parts = [step for step in steps if step not in ("", ".", "..")]
        for start in range(len(parts)):
            for folder in (self.source.folder / IMAGES, self.source.folder):
                path = folder.joinpath(*parts[start:])
                if is_inside(path, self.source.folder):
                    return path
        uploaded = _UPLOADED.search(name)
        return self._find(uploaded[1]) if uploaded else None
