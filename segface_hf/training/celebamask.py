"""CelebAMask-HQ as it is published, a picture for each part, made into data folders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segface_hf.adapters import order_named
from segface_hf.errors import DataError, OutputError
from segface_hf.images import BOMBS, DAMAGED
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.whole import write_whole

PHOTOS, PARTS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
MAPPING = "CelebA-HQ-to-CelebA-mapping.txt"
RECORD = "order.txt"
WORN = ("earring", "necklace")
# Numbers of CelebA's photos with which its validation and its test set begin.
_VAL, _TEST = 162_771, 182_638
_PART = re.compile(r"(\d+)_(\w+)\.png")
_QUALITY = 95

Order = Sequence[tuple[str, int]]
"""Names of parts in file names, each with our id, in the order of painting."""


@dataclass(frozen=True)
class Face:
    """A photo and the pictures of its parts.

    Attributes:
        number: Its number in CelebA-HQ.
        photo: Path of the photo.
        parts: Name of the part in file names -> path of its picture.
        split: `train`, `val` or `test` as CelebA has it; empty where the mapping is not there.
    """

    number: int
    photo: Path
    parts: Mapping[str, Path]
    split: str

    @property
    def stem(self) -> str:
        """Its name in a data folder."""
        return f"{self.number:05d}"


def painting(*, published: bool) -> Order:
    """Returns the order in which parts are painted over one another.

    The data set's own script (`g_mask.py`) paints neck and cloth last, over necklaces and
    earrings, so that its masks hold what juts out of the neck. Here what is worn comes last.

    Args:
        published: The script's order, for scores that are compared with published ones.
    """
    order = order_named("maskgan")
    layers = list(zip(order.names[1:], order.classes[1:], strict=True))
    if not published:
        layers.sort(key=lambda layer: layer[1] in WORN)
    return [(name, CELEBAMASK_HQ.id_of(part)) for name, part in layers]


def find_faces(root: Path) -> tuple[Face, ...]:
    """Finds the faces of an unpacked CelebAMask-HQ.

    Raises:
        DataError: A folder or a photo is missing, a part has an unknown name, or the mapping
            can't be read.
    """
    for name in (PHOTOS, PARTS):
        if not (root / name).is_dir():
            raise DataError(f"{root} lacks {name}: name the folder of the unpacked CelebAMask-HQ")
    known, found = {name for name, _ in painting(published=True)}, dict[int, dict[str, Path]]()
    for path in (root / PARTS).rglob("*.png"):
        match = _PART.fullmatch(path.name)
        if match is None or match[2] not in known:
            raise DataError(f"{path} is no part of CelebAMask-HQ: expected 00000_skin.png or alike")
        found.setdefault(int(match[1]), {})[match[2]] = path
    if not found:
        raise DataError(f"{root / PARTS} holds no pictures of parts")
    splits = read_splits(root / MAPPING)
    faces = [
        Face(number, root / PHOTOS / f"{number}.jpg", parts, splits.get(number, ""))
        for number, parts in sorted(found.items())
    ]
    for face in faces:
        if not face.photo.is_file():
            raise DataError(f"{face.photo} is missing, and its parts are there")
        if splits and not face.split:
            raise DataError(f"{root / MAPPING} lacks photo {face.number}")
    return tuple(faces)


def read_splits(mapping: Path) -> dict[int, str]:
    """Returns which set of CelebA every photo belongs to; nothing where the mapping is missing.

    Raises:
        DataError: It can't be read.
    """
    if not mapping.is_file():
        return {}
    try:
        lines = mapping.read_text(encoding="utf-8").split("\n")[1:]
        pairs = [line.split()[:2] for line in lines if line.strip()]
        return {int(number): _split(int(original)) for number, original in pairs}
    except ValueError as error:
        raise DataError(f"{mapping} can't be read as CelebA-HQ's mapping: {error}") from error


def _split(original: int) -> str:
    return "train" if original < _VAL else "val" if original < _TEST else "test"


def read_parts(face: Face) -> dict[str, np.ndarray]:
    """Reads the pictures of a face's parts as bool (H, W).

    Raises:
        DataError: One can't be read, or their sizes differ.
    """
    areas = {}
    for name, path in face.parts.items():
        try:
            with Image.open(path) as file:
                areas[name] = np.asarray(file.convert("L")) > 0
        except (*DAMAGED, *BOMBS) as error:
            raise DataError(f"{path} can't be read: {error}") from error
    sizes = {area.shape for area in areas.values()}
    if len(sizes) > 1:
        raise DataError(f"the parts of photo {face.number} differ in size: {sorted(sizes)}")
    return areas


def paint(areas: Mapping[str, np.ndarray], order: Order) -> np.ndarray:
    """Paints a face's parts over one another: uint8 (H, W) of ids of `celebamask_hq`."""
    mask = np.zeros(next(iter(areas.values())).shape, np.uint8)
    for name, index in order:
        if name in areas:
            mask[areas[name]] = index
    return mask


def write_face(face: Face, out: Path, order: Order) -> None:
    """Writes a face into its data folder below `out`, the photo in the size of its mask.

    The mask comes last: where it is, the photo is whole, and nothing is done.

    Raises:
        DataError: The photo or a part can't be used.
        OutputError: A file can't be written.
    """
    folder = out / face.split
    target = folder / "masks" / f"{face.stem}.png"
    if target.exists():
        return
    mask = Image.fromarray(paint(read_parts(face), order))
    try:
        with Image.open(face.photo) as file:
            photo = file.convert("RGB").resize(mask.size, Image.Resampling.LANCZOS)
    except (*DAMAGED, *BOMBS) as error:
        raise DataError(f"{face.photo} can't be read as a photo: {error}") from error
    picture = folder / "images" / f"{face.stem}.jpg"
    try:
        write_whole(picture, lambda path: photo.save(path, "JPEG", quality=_QUALITY))
        write_whole(target, lambda path: mask.save(path, "PNG"))
    except OSError as error:
        raise OutputError(f"can't write {target}: {error}") from error


def claim(out: Path, *, published: bool) -> None:
    """Notes the order of painting in a folder, or checks that it is the one noted.

    Raises:
        OutputError: The folder's masks were painted in the other order, or it can't be written.
    """
    wanted, record = "published" if published else "worn last", out / RECORD
    try:
        noted = record.read_text(encoding="utf-8").strip() if record.exists() else ""
        if not noted:
            write_whole(record, lambda path: path.write_text(f"{wanted}\n", encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"can't write to {out}: {error}") from error
    if noted not in ("", wanted):
        raise OutputError(f"the masks of {out} were painted in the order '{noted}': choose another")
