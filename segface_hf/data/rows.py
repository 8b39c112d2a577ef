"""Dataset rows as a data folder, so that corrections train like photos and masks on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segface_hf._utils import atomic_write
from segface_hf.errors import DataError
from segface_hf.labels import IGNORED, LabelSchema

if TYPE_CHECKING:
    from datasets import Dataset

_COLUMNS = ("content_id", "image", "mask", "schema", "schema_version")


def unpack_dataset(source: str, folder: Path, *, schema: LabelSchema) -> Path:
    """Writes the rows of a dataset as `images/` and `masks/` with equal stems.

    Rows that were written before are kept, so a resumed run writes only new rows. Rows that the
    dataset no longer has are removed.

    Rows may be of an earlier version of the schema, which lacks its last classes. Where such a
    class may be hidden in their masks (see `LabelSchema.hiding`), the written masks are unknown.

    Args:
        source: `org/name` on the Hub, or a folder of contributions.
        folder: Where to write.
        schema: The label schema that the model is trained on.

    Returns:
        The folder.

    Raises:
        DataError: The dataset does not exist, has other columns or labels, or has no rows.
        LabelError: Rows lack a class that has no parent.
    """
    rows = _load(source)
    wanted, hidden = _check(rows, source=source, schema=schema)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for path in (folder / part).glob("*.png"):
            if path.stem not in wanted:
                path.unlink()
    for index, stem in enumerate(rows["content_id"]):
        if not (folder / "masks" / f"{stem}.png").is_file():
            _write(rows[index], folder, stem, hidden)
    return folder


def _load(source: str) -> Dataset:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        return load_dataset(source, split="train")
    except (DatasetsError, OSError, ValueError) as error:
        raise DataError(
            f"'{source}' can't be loaded as a dataset of corrections: {error}"
        ) from error


def _check(
    rows: Dataset, *, source: str, schema: LabelSchema
) -> tuple[set[str], dict[str, tuple[int, ...]]]:
    """Returns the ids of the rows, and by version the classes that may hide those added since."""
    missing = [name for name in _COLUMNS if name not in rows.column_names]
    if missing:
        raise DataError(f"'{source}' lacks the columns {missing} of a dataset of corrections")
    labels = set(zip(rows["schema"], rows["schema_version"], strict=True))
    other = {(name, version) for name, version in labels if not schema.earlier(version)}
    if names := {name for name, _ in other} - {schema.name}:
        raise DataError(
            f"'{source}' holds '{', '.join(sorted(names))}' masks, the model has "
            f"'{schema.name}' classes: train with that schema"
        )
    if versions := {version for _, version in other}:
        raise DataError(
            f"'{source}' holds '{schema.name}' masks of version {', '.join(sorted(versions))}, the "
            f"model's '{schema.name}' classes are of version {schema.version}: give the model the "
            "label_names that those masks were made with, in their order"
        )
    if not len(rows):
        raise DataError(f"'{source}' has no rows yet: expected at least one contribution")
    past = {version: schema.earlier(version) or schema for _, version in labels}
    hidden = {version: schema.hiding(each) for version, each in past.items()}
    return set(rows["content_id"]), hidden


def _write(
    row: dict[str, Any], folder: Path, stem: str, hidden: Mapping[str, tuple[int, ...]]
) -> None:
    """Writes the mask last and atomically, so that a mask means that its photo is complete."""
    row["image"].convert("RGB").save(folder / "images" / f"{stem}.png", compress_level=1)
    mask = row["mask"]
    if unknown := hidden[row["schema_version"]]:
        mask = mask.point([IGNORED if i in unknown else i for i in range(256)])
    atomic_write(folder / "masks" / f"{stem}.png", lambda path: mask.save(path, "PNG"))
