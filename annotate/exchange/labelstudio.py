"""Label Studio: a JSON file of tasks, with the set-up; brushes, and other shapes when reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np

from annotate.correction import Correction
from annotate.errors import ExchangeError
from annotate.exchange import shapes as drawn
from annotate.exchange.labelled import (
    Item,
    Labelled,
    fresh_folder,
    layered,
    opened,
    save_photo,
)
from annotate.exchange.photos import Photos
from annotate.exchange.rle import pack_brush, unpack_brush
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

    The first annotation with regions that was not cancelled counts; later ones cover earlier ones.

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
    names = [_photo_of(task) for task in tasks]
    photos = Photos(source, names)
    for number, (name, task) in enumerate(zip(names, tasks, strict=True), start=1):
        yield opened(name or f"task {number}", partial(_labelled, task, photos, schema))


def _labelled(task: dict[str, Any], photos: Photos, schema: LabelSchema) -> Labelled | None:
    results = _results(task)
    if not results:
        return None
    name = _file_name(task["data"]["image"])
    pixels = photos.read(name)
    shape = (pixels.shape[0], pixels.shape[1])
    regions = [("background", np.zeros(shape, bool))]
    regions += [_region(result, shape) for result in results]
    return Labelled(Path(name).stem, pixels, layered(regions, schema=schema))


def _results(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the regions of the first annotation that has some and was not cancelled."""
    for annotation in task["annotations"]:
        regions = [r for r in annotation["result"] if r.get("type") not in _NO_SHAPES]
        if regions and not annotation.get("was_cancelled"):
            return regions
    return []


def _region(result: dict[str, Any], shape: tuple[int, int]) -> tuple[str, np.ndarray]:
    """Returns the class of a region and its bool (H, W) pixels."""
    kind, value = result["type"], result["value"]
    if kind not in _SHAPES:
        raise ExchangeError(
            f"a region of type '{kind}' has no class or covers no area: draw it as one of "
            f"{sorted(_SHAPES)}, or delete it"
        )
    size = (result["original_height"], result["original_width"])
    if size != shape:
        raise ExchangeError(
            f"a region was drawn on {size[1]} x {size[0]} pixels, the photo here has {shape[1]} x "
            f"{shape[0]}: put the one there that was annotated"
        )
    if degrees := result.get("image_rotation"):
        raise ExchangeError(
            f"a region was drawn on the photo turned by {degrees} degrees: turn it back in Label "
            "Studio and draw it again"
        )
    if len(value.get(kind, ())) != 1:
        raise ExchangeError(f"a region has the classes {value.get(kind, [])}: give it one")
    return value[kind][0], _SHAPES[kind](value, shape)


def _unbrushed(value: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    if value.get("format") != "rle":
        raise ExchangeError("a brush is not run-length coded: export it as JSON")
    return unpack_brush(value["rle"], shape=shape)


def _polygon(value: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    if value.get("closed") is False:
        raise ExchangeError("a polygon was never closed: close it, or delete it")
    return drawn.polygon([_pixels(point, shape) for point in value["points"]], shape)


def _rectangle(value: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    left, top = _pixels((value["x"], value["y"]), shape)
    width, height = _pixels((value["width"], value["height"]), shape)
    return drawn.box(
        left,
        top,
        left + width,
        top + height,
        degrees=value.get("rotation", 0),
        about=(left, top),
        shape=shape,
    )


def _ellipse(value: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    radii = _pixels((value["radiusX"], value["radiusY"]), shape)
    centre = _pixels((value["x"], value["y"]), shape)
    return drawn.ellipse(centre, radii, degrees=value.get("rotation", 0), shape=shape)


def _pixels(percent: Sequence[float], shape: tuple[int, int]) -> tuple[float, float]:
    """Label Studio measures in percent of the photo's width and height."""
    x, y = percent
    return x * shape[1] / 100, y * shape[0] / 100


_SHAPES = {
    "brushlabels": _unbrushed,
    "polygonlabels": _polygon,
    "rectanglelabels": _rectangle,
    "ellipselabels": _ellipse,
}
# What may be said of a whole photo, or of a region besides its class.
_NO_SHAPES = (
    "choices", "datetime", "number", "pairwise", "ranker", "rating", "relation", "taxonomy",
    "textarea",
)  # fmt: skip


def _photo_of(task: Any) -> str:
    """Returns what a task calls its photo, or nothing where it is malformed."""
    try:
        return _file_name(task["data"]["image"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""


def _file_name(address: str) -> str:
    """Returns the path in an address such as `/data/local-files/?d=folder/photo.png`."""
    url = urlsplit(address)
    return unquote(parse_qs(url.query).get("d", [url.path])[0])
