"""Exchange with other tools: one module a format, and the table that names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from annotate.correction import Correction
from annotate.exchange import coco, cvat, folder, labelstudio
from annotate.exchange.labelled import Item
from segface_hf.labels import LabelSchema

Export = Callable[[Iterable[Correction], Path], int]
Read = Callable[[Path, LabelSchema], Iterator[Item]]

EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "folder": folder.export,
        "coco": coco.export,
        "cvat": cvat.export,
        "labelstudio": labelstudio.export,
    }
)
READERS: Mapping[str, Read] = MappingProxyType(
    {"folder": folder.read, "cvat": cvat.read, "labelstudio": labelstudio.read}
)
