"""Label Studio: a JSON file of tasks with brush annotations, and the labelling set-up for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np

from annotate.correction import Correction
from annotate.errors import ExchangeError
from annotate.exchange.labelled import (
    Item,
    Labelled,
    find_photo,
    fresh_folder,
    layered,
    opened,
    save_photo,
)
from annotate.rle import pack_brush, unpack_brush
from segface_hf.labels import LabelSchema

TASKS = "tasks.json"
SETUP = "labeling.xml"


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos, `tasks.json` and `labeling.xml`; returns the number of photos."""
    fresh_folder(out)
    tasks = []
    for correction in corrections:
        path = save_photo(correction, out)
        results = [
            _brush(correction.mask == index, name=correction.schema.names[index])
            for index in np.unique(correction.mask).tolist()
            if index
        ]
        data = {"image": path, "content_id": correction.content_id}
        tasks.append({"data": data, "annotations": [{"result": results}]})
        (out / SETUP).write_text(_setup(correction.schema))
    (out / TASKS).write_text(json.dumps(tasks))
    return len(tasks)


def _brush(region: np.ndarray, *, name: str) -> dict[str, Any]:
    return {
        "from_name": "part",
        "to_name": "image",
        "type": "brushlabels",
        "original_width": region.shape[1],
        "original_height": region.shape[0],
        "image_rotation": 0,
        "value": {"format": "rle", "rle": pack_brush(region), "brushlabels": [name]},
    }


def _setup(schema: LabelSchema) -> str:
    labels = "".join(
        f"<Label value={quoteattr(name)} background='#{r:02x}{g:02x}{b:02x}'/>"
        for name, (r, g, b) in list(zip(schema.names, schema.colors, strict=True))[1:]
    )
    brushes = f"<BrushLabels name='part' toName='image'>{labels}</BrushLabels>"
    return f"<View><Image name='image' value='$image' zoom='true'/>{brushes}</View>\n"


def read(source: Path, schema: LabelSchema) -> Iterator[Item]:
    """Reads an export of Label Studio: a folder with a JSON file of tasks and its photos.

    The first annotation with brushes that was not cancelled counts; later ones cover earlier ones.

    Raises:
        ExchangeError: No JSON file, or one that is malformed or without tasks.
    """
    files = sorted(source.glob("*.json"))
    if len(files) != 1:
        raise ExchangeError(f"{source} must hold one JSON file of tasks, found {len(files)}")
    try:
        tasks = json.loads(files[0].read_bytes())
    except ValueError as error:
        raise ExchangeError(f"{files[0]} is malformed ({error}): export it as JSON") from error
    if not isinstance(tasks, list) or not tasks:
        raise ExchangeError(f"{files[0]} holds no list of tasks: export it as JSON")
    for number, task in enumerate(tasks, start=1):
        name = _photo_of(task) or f"task {number}"
        yield opened(name, partial(_labelled, task, source, schema))


def _labelled(task: dict[str, Any], source: Path, schema: LabelSchema) -> Labelled | None:
    results = _results(task)
    if not results:
        return None
    name = _file_name(task["data"]["image"])
    pixels = find_photo(source, name)
    shape = (pixels.shape[0], pixels.shape[1])
    regions = [("background", np.zeros(shape, bool))]
    for result in results:
        size = (result["original_height"], result["original_width"])
        if size != shape or result["value"].get("format") != "rle":
            raise ExchangeError(
                f"a brush on '{name}' is of size {size[::-1]}, the photo {shape[::-1]}"
            )
        region = unpack_brush(result["value"]["rle"], shape=shape)
        regions.append((result["value"]["brushlabels"][0], region))
    return Labelled(Path(name).stem, pixels, layered(regions, schema=schema))


def _results(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the brushes of the first annotation that has some and was not cancelled."""
    for annotation in task["annotations"]:
        brushes = [r for r in annotation["result"] if r.get("type") == "brushlabels"]
        if brushes and not annotation.get("was_cancelled"):
            return brushes
    return []


def _photo_of(task: Any) -> str:
    """Returns what a task calls its photo, or nothing where it is malformed."""
    try:
        return _file_name(task["data"]["image"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""


def _file_name(address: str) -> str:
    """Returns the file of an address such as `/data/local-files/?d=folder/photo.png`."""
    url = urlsplit(address)
    return unquote(parse_qs(url.query).get("d", [url.path])[0]).rsplit("/", 1)[-1]
