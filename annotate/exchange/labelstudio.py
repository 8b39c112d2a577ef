"""Label Studio: a JSON file of tasks with brush annotations, and the labelling set-up for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np

from annotate.correction import Correction
from annotate.errors import ExchangeError
from annotate.exchange.labelled import Labelled, find_photo, fresh_folder, layered, save_photo
from annotate.rle import pack_brush, unpack_brush
from segface_hf.errors import SegFaceError
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


def read(source: Path, schema: LabelSchema) -> Iterator[Labelled]:
    """Reads an export of Label Studio: a folder with a JSON file of tasks and its photos.

    The first annotation that was not cancelled counts; later brushes cover earlier ones.

    Raises:
        ExchangeError: No or a malformed JSON file, a photo is missing, or a class unknown.
    """
    files = sorted(source.glob("*.json"))
    if len(files) != 1:
        raise ExchangeError(f"{source} must hold one JSON file of tasks, found {len(files)}")
    try:
        for task in json.loads(files[0].read_bytes()):
            yield _labelled(task, source, schema)
    except SegFaceError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExchangeError(f"{files[0]} is malformed ({error!r}): export it as JSON") from error


def _labelled(task: dict[str, Any], source: Path, schema: LabelSchema) -> Labelled:
    name = _file_name(task["data"]["image"])
    pixels = find_photo(source, name)
    shape = (pixels.shape[0], pixels.shape[1])
    kept = [a for a in task["annotations"] if not a.get("was_cancelled")]
    regions = [("background", np.zeros(shape, bool))]
    for result in kept[0]["result"] if kept else []:
        if result.get("type") != "brushlabels":
            continue
        size = (result["original_height"], result["original_width"])
        if size != shape or result["value"].get("format") != "rle":
            raise ExchangeError(
                f"a brush on '{name}' is of size {size[::-1]}, the photo {shape[::-1]}"
            )
        region = unpack_brush(result["value"]["rle"], shape=shape)
        regions.append((result["value"]["brushlabels"][0], region))
    return Labelled(Path(name).stem, pixels, layered(regions, schema=schema))


def _file_name(address: str) -> str:
    """Returns the file of an address such as `/data/local-files/?d=folder/photo.png`."""
    url = urlsplit(address)
    return unquote(parse_qs(url.query).get("d", [url.path])[0]).rsplit("/", 1)[-1]
