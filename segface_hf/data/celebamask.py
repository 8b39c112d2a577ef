"""Data folders from the published CelebAMask-HQ, which has one picture for each part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from segface_hf._utils import atomic_write
from segface_hf.errors import DataError, OutputError
from segface_hf.images import BOMBS, DAMAGED
from segface_hf.label_orders import order_named
from segface_hf.labels import CELEBAMASK_HQ

PHOTOS, PARTS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
MAPPING = "CelebA-HQ-to-CelebA-mapping.txt"
RECORD = "painted.txt"
WORN = ("earring", "necklace")
# File numbers of CelebA's photos, from 1 on, with which its validation and its test set begin.
_VAL, _TEST = 162_771, 182_638
_PART = re.compile(r"(\d+)_(\w+)\.png")
_QUALITY = 95

Order = Sequence[tuple[str, int]]
"""Names of parts in file names, each with our id, in the order of painting."""


@dataclass(frozen=True)
class CelebFace:
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
    earrings, so only the part of a necklace beyond the neck is in its masks. Here worn things
    come last.

    Args:
        published: The script's order, for scores that are compared with published ones.
    """
    order = order_named("maskgan")
    layers = list(zip(order.names[1:], order.classes[1:], strict=True))
    if not published:
        layers.sort(key=lambda layer: layer[1] in WORN)
    return [(name, CELEBAMASK_HQ.id_of(part)) for name, part in layers]


def find_faces(root: Path) -> tuple[CelebFace, ...]:
    """Finds the faces of an unpacked CelebAMask-HQ.

    Raises:
        DataError: A folder or a photo is missing, a part has an unknown name, or the mapping
            can't be read.
    """
    for name in (PHOTOS, PARTS):
        if not (root / name).is_dir():
            raise DataError(f"{root} lacks {name}: name the folder of the unpacked CelebAMask-HQ")
    found = _found_parts(root / PARTS)
    splits = read_splits(root / MAPPING)
    faces = [
        CelebFace(number, root / PHOTOS / f"{number}.jpg", parts, splits.get(number, ""))
        for number, parts in sorted(found.items())
    ]
    for face in faces:
        if not face.photo.is_file():
            raise DataError(f"{face.photo} is missing, but its parts are there: unpack all of it")
        if splits and not face.split:
            raise DataError(f"{root / MAPPING} lacks photo {face.number}: take the data set's own")
    return tuple(faces)


def _found_parts(folder: Path) -> dict[int, dict[str, Path]]:
    known, found = {name for name, _ in painting(published=True)}, dict[int, dict[str, Path]]()
    for path in tqdm(folder.rglob("*.png"), desc="find", unit="part", delay=2):
        if path.name.startswith("."):
            continue
        match = _PART.fullmatch(path.name)
        if match is None or match[2] not in known:
            raise DataError(
                f"{path} is not a part of CelebAMask-HQ: expected names such as 00000_skin.png. "
                "Remove other pictures"
            )
        found.setdefault(int(match[1]), {})[match[2]] = path
    if not found:
        raise DataError(f"{folder} holds no pictures of parts: unpack the whole data set")
    return found


def read_splits(mapping: Path) -> dict[int, str]:
    """Returns which set of CelebA every photo belongs to; nothing where the mapping is missing.

    Raises:
        DataError: It can't be read.
    """
    if not mapping.is_file():
        return {}
    try:
        rows = [line.split() for line in mapping.read_text(encoding="utf-8").splitlines()]
        named = [row for row in rows if row and row[0].isdigit()]
        if not named:
            raise ValueError("no line begins with a number")
        return {int(row[0]): _split(int(Path(row[2]).stem)) for row in named}
    except (ValueError, IndexError) as error:
        raise DataError(
            f"{mapping} can't be read ({error}): expected lines such as '0 119613 119614.jpg', "
            "take the data set's own file"
        ) from error


def _split(number: int) -> str:
    return "train" if number < _VAL else "val" if number < _TEST else "test"


def read_parts(face: CelebFace) -> dict[str, np.ndarray]:
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
            raise DataError(f"{path} can't be read ({error}): unpack it again") from error
    sizes = {area.shape for area in areas.values()}
    if len(sizes) > 1:
        raise DataError(
            f"the parts of photo {face.number} differ in size ({sorted(sizes)}): unpack them again"
        )
    return areas


def paint(areas: Mapping[str, np.ndarray], order: Order) -> np.ndarray:
    """Paints a face's parts over one another: uint8 (H, W) of ids of `celebamask_hq`."""
    mask = np.zeros(next(iter(areas.values())).shape, np.uint8)
    for name, index in order:
        if name in areas:
            mask[areas[name]] = index
    return mask


def write_face(face: CelebFace, out: Path, order: Order) -> None:
    """Writes a face into its data folder below `out`, the photo in the size of its mask.

    The mask is written last. If it exists, the face is complete and is skipped.

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
        raise DataError(f"{face.photo} can't be read ({error}): unpack it again") from error
    picture = folder / "images" / f"{face.stem}.jpg"
    try:
        atomic_write(picture, lambda path: photo.save(path, "JPEG", quality=_QUALITY))
        atomic_write(target, lambda path: mask.save(path, "PNG"))
    except OSError as error:
        raise OutputError(f"can't write into {folder}: {error}") from error


def claim(out: Path, *, published: bool, split: bool) -> None:
    """Records in a folder how it is made, or checks that a resumed run has the same options.

    Args:
        out: The folder.
        published: The order of painting.
        split: Whether there is a folder for each set.

    Raises:
        OutputError: It was made with other options, holds other files, or can't be written.
    """
    order = "neck and cloth last" if published else "earrings and necklaces last"
    wanted, record = f"{order}, {'three sets' if split else 'one set'}", out / RECORD
    try:
        noted = record.read_text(encoding="utf-8").strip() if record.exists() else ""
        paths = out.iterdir() if out.exists() else ()
        others = sorted(path.name for path in paths if not path.name.startswith("."))
        if not noted and not others:
            atomic_write(record, lambda path: path.write_text(f"{wanted}\n", encoding="utf-8"))
            return
    except (OSError, ValueError) as error:
        raise OutputError(f"can't write to {out}: {error}") from error
    if noted != wanted:
        held = f"masks made with '{noted}'" if noted else f"other files ({others[:3]})"
        raise OutputError(f"{out} holds {held}, these would be '{wanted}': name another --out")
