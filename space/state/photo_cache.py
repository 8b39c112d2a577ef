"""The photos of current visits, on disk; each is removed some time after its last use.

A save finds the photo and the prediction that it belongs to here, also after the page was reloaded.
Keys are hashes of the photo's pixels and its parse: only a visitor who holds the photo knows its
key. File names of visitors are never stored.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from segface_hf.errors import OutputError
from segface_hf.labels import LabelSchema
from space.errors import PhotoGoneError

if TYPE_CHECKING:
    from segface_hf.parser import FaceParse

log = logging.getLogger(__name__)
_KEY = re.compile(r"[0-9a-f]{32}")
_PHOTO, _SHOWN, _PARSE, _MAPS = "photo.png", "shown.jpg", "parse.json", "maps.npz"
_FULL, _OWN = "full_mask.png", "own_size.jpg"
GONE = (
    "This photo is no longer open here. Open it again: your corrections are kept in this browser."
)


@dataclass(frozen=True)
class OpenPhoto:
    """A prepared photo and its parse.

    Attributes:
        key: Its name in the cache, 32 hexadecimal digits.
        path: The prepared photo, an RGB PNG without metadata, as large as the mask.
        shown: The same as a JPEG, for browsers.
        parse: What the model found, or what was corrected of it.
        prediction: What the model found, where `parse` was corrected; None elsewhere.
    """

    key: str
    path: Path
    shown: Path
    parse: FaceParse
    prediction: np.ndarray | None = None

    @property
    def full_mask(self) -> np.ndarray | None:
        """The mask in the photo's own pixels; None where the photo is kept in its own size."""
        try:
            with Image.open(self.path.with_name(_FULL)) as image:
                full = np.asarray(image).copy()
        except FileNotFoundError:
            return None
        if self.prediction is not None:
            mask, changed = self.parse.mask, self.parse.mask != self.prediction
            full = np.where(_enlarged(changed, full.shape), _enlarged(mask, full.shape), full)
        return full

    @property
    def own_image(self) -> Image.Image:
        """The photo in its own size, to parse it again; `image` where it was not reduced.

        Raises:
            PhotoGoneError: Its time ran out.
        """
        try:
            with Image.open(self.path.with_name(_OWN)) as image:
                return image.convert("RGB")
        except FileNotFoundError:
            return self.image

    @property
    def image(self) -> Image.Image:
        """The photo's pixels.

        Raises:
            PhotoGoneError: Its time ran out.
        """
        try:
            with Image.open(self.path) as image:
                return image.convert("RGB")
        except FileNotFoundError as error:
            raise PhotoGoneError(GONE) from error


def _enlarged(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a plane at another size, each pixel as the nearest one."""
    size = (shape[1], shape[0])
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.NEAREST))


class PhotoCache:
    """Keeps open photos in one folder, each for a limited time after its last use.

    Args:
        folder: Where; created when the first photo arrives.
        keep_seconds: How long a photo stays after it was last asked for.
        clock: Seconds since the epoch, as file systems count them.
    """

    def __init__(
        self, folder: Path, *, keep_seconds: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._keep = keep_seconds
        self._clock = clock

    def put(
        self,
        image: Image.Image,
        parse: FaceParse,
        *,
        full_mask: np.ndarray | None = None,
        own_image: Image.Image | None = None,
    ) -> OpenPhoto:
        """Stores a prepared photo with its parse and drops photos whose time ran out.

        Args:
            image: The photo, as large as the maps of the parse.
            parse: What the model found.
            full_mask: uint8 mask in the photo's own pixels, where it is kept smaller.
            own_image: The photo in these pixels. It is kept as a JPEG without visible loss, since
                a PNG of 50 million pixels would take 100 MB.

        Raises:
            OutputError: The folder can't be written.
        """
        self.sweep()
        key = _key_of(image, parse, full_mask)
        entry = self._folder / key
        try:
            if not entry.is_dir():
                self._write(entry, image, parse, full_mask, own_image)
            self._touch(entry)
        except OSError as error:
            raise self._unwritable(error) from error
        return OpenPhoto(key, entry / _PHOTO, entry / _SHOWN, parse)

    def get(self, key: str) -> OpenPhoto:
        """Returns an open photo.

        Raises:
            PhotoGoneError: No photo has that key, or its time ran out.
        """
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise PhotoGoneError(GONE)
        entry = self._folder / key
        try:
            if self._age(entry) > self._keep:
                raise PhotoGoneError(GONE)
            parse = _read_parse(entry)
            self._touch(entry)
        except FileNotFoundError as error:
            raise PhotoGoneError(GONE) from error
        return OpenPhoto(key, entry / _PHOTO, entry / _SHOWN, parse)

    def touch(self, keys: Iterable[str]) -> None:
        """Restarts the time of photos that are still here: a visit needs its whole batch."""
        for key in keys:
            entry = self._folder / key
            with suppress(FileNotFoundError):
                if self._age(entry) <= self._keep:
                    self._touch(entry)

    def keep_mask(self, key: str, name: str, mask: np.ndarray) -> None:
        """Keeps a corrected mask with its photo, for the editor to open with again.

        The row is stored already, so a failure here must not look like a failure to save.

        Args:
            key: The photo's.
            name: Content id of the correction, which only those know who have the mask: another
                visit of the same photo doesn't get it.
            mask: uint8 (H, W) ids.
        """
        try:
            Image.fromarray(mask).save(self._folder / key / f"{name}.png")
        except OSError as error:
            log.warning("a saved mask can't be kept for the editor: %s", error.strerror)

    def mask(self, key: str, name: str) -> np.ndarray | None:
        """Returns a mask that was kept with its photo; None where there is none."""
        try:
            with Image.open(self._folder / key / f"{name}.png") as image:
                return np.asarray(image).copy()
        except OSError:
            return None

    def put_file(self, name: str, data: bytes) -> Path:
        """Writes a file to be fetched once, in a folder of its own that expires like a photo.

        Raises:
            OutputError: The folder can't be written.
        """
        self.sweep()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = Path(tempfile.mkdtemp(prefix="file-", dir=self._folder)) / name
            path.write_bytes(data)
        except OSError as error:
            raise self._unwritable(error) from error
        return path

    def sweep(self) -> int:
        """Removes photos whose time ran out; returns how many."""
        if not self._folder.is_dir():
            return 0
        removed = 0
        for entry in self._folder.iterdir():
            try:
                if self._age(entry) > self._keep:
                    shutil.rmtree(entry)
                    removed += 1
            except FileNotFoundError:
                continue
        return removed

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"the folder {self._folder} can't be written ({error.strerror}): "
            "set SEGFACE_CACHE to one that can"
        )

    def _age(self, entry: Path) -> float:
        return self._clock() - entry.stat().st_mtime

    def _touch(self, entry: Path) -> None:
        os.utime(entry, (self._clock(), self._clock()))

    def _write(
        self,
        entry: Path,
        image: Image.Image,
        parse: FaceParse,
        full_mask: np.ndarray | None,
        own_image: Image.Image | None,
    ) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=self._folder))
        image.save(draft / _PHOTO, compress_level=1)
        image.save(draft / _SHOWN, quality=92, subsampling=0)
        if full_mask is not None:
            Image.fromarray(full_mask).save(draft / _FULL, compress_level=1)
        if own_image is not None:
            own_image.save(draft / _OWN, quality=95, subsampling=0)
        (draft / _PARSE).write_text(json.dumps(_described(parse)), encoding="utf-8")
        maps = {name: getattr(parse, name) for name in ("mask", "confidence", "runner_up")}
        np.savez(
            draft / _MAPS, **{name: value for name, value in maps.items() if value is not None}
        )
        try:
            draft.rename(entry)
        except OSError:
            shutil.rmtree(draft)
            if not entry.is_dir():
                raise


class Sweepable(Protocol):
    """Something that drops its expired content."""

    def sweep(self) -> object:
        """Drops what has expired."""
        ...


def sweep_regularly(*kept: Sweepable, every: float) -> threading.Event:
    """Drops expired content in the background, also without visitors; set the event to end it.

    Args:
        kept: What is swept, one after the other.
        every: Seconds between two sweeps.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every):
            try:
                for one in kept:
                    one.sweep()
            except OSError as error:
                log.warning("expired photos can't be removed: %s", error.strerror)

    threading.Thread(target=run, name="sweeper", daemon=True).start()
    return ended


def _key_of(image: Image.Image, parse: FaceParse, full_mask: np.ndarray | None) -> str:
    digest = hashlib.sha256(json.dumps([image.size, _described(parse)]).encode())
    digest.update(image.tobytes())
    digest.update(parse.mask.tobytes())
    if full_mask is not None:
        digest.update(full_mask.tobytes())
    return digest.hexdigest()[:32]


def _described(parse: FaceParse) -> dict[str, Any]:
    return {
        "schema": parse.schema.to_dict(),
        "faces": [face.to_dict() for face in parse.faces],
        "model_id": parse.model_id,
        "revision": parse.revision,
        "digest": parse.digest,
    }


def _read_parse(entry: Path) -> FaceParse:
    from segface_hf.faces import Face, FaceParse

    described = json.loads((entry / _PARSE).read_text(encoding="utf-8"))
    faces = tuple(Face.from_dict(face) for face in described["faces"])
    with np.load(entry / _MAPS) as maps:
        return FaceParse(
            mask=maps["mask"],
            schema=LabelSchema.from_dict(described["schema"]),
            faces=faces,
            confidence=maps.get("confidence"),
            runner_up=maps.get("runner_up"),
            model_id=described["model_id"],
            revision=described["revision"],
            digest=described["digest"],
        )
