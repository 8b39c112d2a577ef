"""Exchange with other tools: one module for each format, and the tables that name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from annotate.correction import Correction
from annotate.exchange import coco, cvat, folder, labelstudio
from annotate.exchange.labeled import ImportedPhoto
from annotate.exchange.source import ExportSource, open_source
from segface_hf.labels import LabelSchema

Export = Callable[[Iterable[Correction], Path], int]
Read = Callable[[ExportSource, LabelSchema], Iterator[ImportedPhoto]]

EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "folder": folder.export,
        "coco": coco.export,
        "cvat": cvat.export,
        "labelstudio": labelstudio.export,
    }
)
READERS: Mapping[str, Read] = MappingProxyType(
    {
        "folder": folder.read,
        "coco": coco.read,
        "cvat": cvat.read,
        "labelstudio": labelstudio.read,
    }
)
NEXT_STEPS: Mapping[str, Callable[[Path], str]] = MappingProxyType(
    {"cvat": cvat.next_steps, "labelstudio": labelstudio.next_steps}
)
"""How to load an export into a tool that can't simply open the folder."""


def read_export(path: Path, schema: LabelSchema, *, format: str) -> Iterator[ImportedPhoto]:
    """Reads the photos and masks of an export.

    Args:
        path: A folder, a ZIP archive, or an annotation file with its photos beside it.
        schema: Gives the ids of the class names.
        format: A key of `READERS`.

    Raises:
        ExchangeError: It can't be read as a whole; errors of one photo are in its item.
        DataError: As `find_pairs`, for format "folder".
    """
    with open_source(path) as source:
        yield from READERS[format](source, schema)
