"""Label Studio: a JSON file of tasks with brushes, bit masks, polygons, boxes and ellipses."""

from __future__ import annotations

import base64
import binascii
import io
import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from annotate.correction import Correction
from annotate.errors import ExchangeError
from annotate.exchange.labeled import (
    IMAGES,
    ImportedPhoto,
    LabeledPhoto,
    check_photo_size,
    create_export_folder,
    draw_mask,
    import_photo,
    save_photo,
)
from annotate.exchange.photos import Photos
from annotate.exchange.rle import pack_brush, unpack_brush
from annotate.exchange.shapes import Region, box, ellipse, polygon
from annotate.exchange.source import ExportSource, load_json
from segface_hf.images import BOMBS, DAMAGED, SUFFIXES
from segface_hf.labels import LabelSchema

TASKS = "tasks.json"
SETUP = "labeling.xml"


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos, `tasks.json` and `labeling.xml`; returns the number of photos."""
    create_export_folder(out)
    tasks = []
    for correction in corrections:
        name = save_photo(correction, out)
        results = [
            _brush_result(correction.mask == index, name=correction.schema.names[index])
            for index in np.unique(correction.mask).tolist()
            if index
        ]
        data = {"image": _local_address(out, name), "content_id": correction.content_id}
        tasks.append({"data": data, "annotations": [{"result": results}]})
        (out / SETUP).write_text(_setup(correction.schema))
    (out / TASKS).write_text(json.dumps(tasks))
    return len(tasks)


def next_steps(out: Path) -> str:
    """Says how to load an export into Label Studio, with the command that serves its photos."""
    folder = out.resolve()
    return (
        "start Label Studio so that it serves the photos:\n"
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={shlex.quote(str(folder.parent))} "
        "label-studio start\n"
        f"create a project with {folder / SETUP} as its labeling interface, add {folder / IMAGES} "
        f"in 'Cloud Storage' as source storage of type 'Local files', then import {folder / TASKS}"
    )


def _local_address(out: Path, name: str) -> str:
    """Returns the address of a photo below Label Studio's root, the parent of the export."""
    return f"/data/local-files/?d={quote(f'{out.resolve().name}/{IMAGES}/{name}')}"


def _brush_result(region: np.ndarray, *, name: str) -> dict[str, Any]:
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


@dataclass(frozen=True, eq=False)
class _Picture:
    """One picture of a task.

    Attributes:
        name: Its path; empty if the task is malformed.
        results: The regions and labels that belong to it.
        error: Why the task can't be read.
    """

    name: str
    results: list[dict[str, Any]]
    error: ExchangeError | None = None


def read(source: ExportSource, schema: LabelSchema) -> Iterator[ImportedPhoto]:
    """Reads a JSON export of Label Studio: a file of tasks, and its photos.

    Of each task, one annotation with regions that was not cancelled is used: the one that is
    starred as ground truth, otherwise the first. Later regions cover earlier ones.

    Raises:
        ExchangeError: No JSON file, one that is malformed, or one of another format.
    """
    pictures = [
        (number, picture)
        for number, task in enumerate(_tasks(source), start=1)
        for picture in _pictures(task)
    ]
    photos = Photos(source, [picture.name for _, picture in pictures if picture.name])
    for number, picture in pictures:
        name = picture.name or f"task {number}"
        yield import_photo(name, partial(_read_picture, picture, photos, schema))


def _tasks(source: ExportSource) -> list[Any]:
    path = source.find(TASKS, "*.json")
    tasks = load_json(path)
    if isinstance(tasks, dict) and {"images", "annotations"} <= {*tasks}:
        raise ExchangeError(f"{path.name} is a COCO file: import it with --format coco")
    if not isinstance(tasks, list) or not tasks:
        found = "an empty list" if tasks == [] else type(tasks).__name__
        raise ExchangeError(
            f"{path.name} holds no tasks: expected a list, found {found}; export as 'JSON'"
        )
    if not any(isinstance(task, dict) and "data" in task for task in tasks):
        fields = sorted(map(str, tasks[0]))[:8] if isinstance(tasks[0], dict) else tasks[0]
        raise ExchangeError(
            f"{path.name} holds no tasks with 'data' and 'annotations', found {str(fields)[:80]}, "
            "as in an export as JSON-MIN, which leaves out what a mask needs: export as 'JSON'"
        )
    return tasks


def _pictures(task: Any) -> list[_Picture]:
    """Returns the pictures of a task with their results; one with an error if it is malformed."""
    first = ""
    try:
        fields = _picture_fields(task["data"])
        first = next(iter(fields.values()))[0]
        results = _results(task)
        found: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for result in results:
            found[_place(result, fields)].append(result)
        used = {key for key, _ in found} or {next(iter(fields))}
        return [
            _Picture(name, found[key, index])
            for key in fields
            if key in used
            for index, name in enumerate(fields[key])
        ]
    except ExchangeError as error:
        return [_Picture(first, [], error)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        content = sorted(map(str, task))[:8] if isinstance(task, dict) else type(task).__name__
        refusal = ExchangeError(
            f"it is malformed ({error!r}): expected 'data' and 'annotations' with their results, "
            f"found {content}"
        )
        return [_Picture(first, [], refusal)]


def _results(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the regions of the annotation that counts, and their labels."""
    found = []
    for annotation in task["annotations"]:
        results = [r for r in annotation["result"] if r.get("type") not in _NOT_SHAPES]
        if results and not annotation.get("was_cancelled"):
            found.append((annotation.get("ground_truth") is not True, results))
    return min(found, key=lambda item: item[0])[1] if found else []


def _picture_fields(data: dict[str, Any]) -> dict[str, list[str]]:
    """Returns the paths of the pictures in each field of a task that names some.

    A project names its fields itself, and the export doesn't say which one holds the picture.
    """
    fields = {}
    for key, value in data.items():
        names = [_path_of(v) for v in (value if isinstance(value, list) else [value])]
        if names and all(PurePosixPath(name).suffix.lower() in SUFFIXES for name in names):
            fields[key] = names
    if not fields and isinstance(data.get("image"), str):
        return {"image": [_path_of(data["image"])]}
    if not fields:
        raise ExchangeError(
            f"no field of its data names a picture, found {sorted(map(str, data))[:8]}: give the "
            f"file name a suffix such as .png, or name the field 'image'"
        )
    return fields


def _place(result: dict[str, Any], fields: dict[str, list[str]]) -> tuple[str, int]:
    """Returns the field and the index of the picture that a result belongs to."""
    target = str(result.get("to_name"))
    key = next((k for k in (target, "image") if k in fields), next(iter(fields)))
    if key not in (target, "image") and len(fields) > 1:
        raise ExchangeError(
            f"a region belongs to '{target[:40]}', but the pictures are in the fields "
            f"{list(fields)}: give the Image tag the name of its field"
        )
    index = result.get("item_index") or 0
    if type(index) is not int or not 0 <= index < len(fields[key]):
        raise ExchangeError(
            f"a region belongs to picture {str(index)[:20]} of '{key}', which holds "
            f"{len(fields[key])}, counted from 0"
        )
    return key, index


def _read_picture(picture: _Picture, photos: Photos, schema: LabelSchema) -> LabeledPhoto | None:
    if picture.error:
        raise picture.error
    if not picture.results:
        return None
    pixels = photos.read(picture.name)
    shape = (pixels.shape[0], pixels.shape[1])
    regions = (
        (label, _region(result, pixels)) for result, label in _labeled_shapes(picture.results)
    )
    mask = draw_mask(regions, shape=shape, schema=schema)
    return LabeledPhoto(PurePosixPath(picture.name).stem, pixels, mask)


def _labeled_shapes(results: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Gives each shape with its class, which may be in another result with the same id."""
    labels_by_id: dict[Any, list[str]] = defaultdict(list)
    for result in results:
        labels_by_id[result.get("id")] += _labels(result)
    drawn = {result.get("id") for result in results if result["type"] != "labels"}
    for result in results:
        if result["type"] == "labels" and result.get("id") in drawn:
            continue
        labels = _labels(result)
        if not labels and result.get("id") is not None:
            labels = labels_by_id[result["id"]]
        if len(set(labels)) != 1:
            found = f"has the classes {labels}" if labels else "has no class"
            raise ExchangeError(f"a region of type '{result['type']}' {found}: give it one")
        yield result, labels[0]


def _labels(result: dict[str, Any]) -> list[str]:
    kind = str(result["type"])
    return result["value"].get(kind, []) if kind.endswith("labels") else []


def _region(result: dict[str, Any], pixels: np.ndarray) -> Region:
    kind = str(result["type"]).removesuffix("labels")
    if kind not in _SHAPES:
        raise ExchangeError(
            f"a region of type '{result['type']}' covers no area that can be imported: draw it as "
            f"one of {sorted(_SHAPES)}, or delete it"
        )
    check_photo_size((result["original_height"], result["original_width"]), pixels)
    if degrees := result.get("image_rotation"):
        raise ExchangeError(
            f"a region was drawn on the photo rotated by {degrees} degrees: rotate it back in "
            "Label Studio and draw it again"
        )
    return _SHAPES[kind](result["value"], (pixels.shape[0], pixels.shape[1]))


def _brush(value: dict[str, Any], shape: tuple[int, int]) -> Region:
    if value.get("format") != "rle":
        raise ExchangeError(
            f"a brush has the format '{str(value.get('format'))[:20]}', expected 'rle': export as "
            "'JSON'"
        )
    return Region(0, 0, unpack_brush(value["rle"], shape=shape))


def _bitmask(value: dict[str, Any], shape: tuple[int, int]) -> Region:
    """Reads black pixels on a transparent PNG."""
    header, _, encoded = value["imageDataURL"].partition(",")
    if header != "data:image/png;base64":
        raise ExchangeError(f"a bit mask is '{header[:40]}', expected data:image/png;base64")
    try:
        data = base64.b64decode(encoded, validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as png:
            size = png.size
            alpha = png.convert("RGBA").getchannel("A") if size == shape[::-1] else None
    except (binascii.Error, *DAMAGED, *BOMBS) as error:
        raise ExchangeError(f"a bit mask can't be decoded ({error}): draw it again") from error
    if alpha is None:
        raise ExchangeError(
            f"a bit mask has {size[0]} x {size[1]} pixels, but its photo has {shape[1]} x "
            f"{shape[0]}: draw it again"
        )
    return Region(0, 0, np.asarray(alpha) > 127)


def _polygon(value: dict[str, Any], shape: tuple[int, int]) -> Region:
    if value.get("closed") is False:
        raise ExchangeError("a polygon was never closed: close it, or delete it")
    return polygon([_pixels(point, shape) for point in value["points"]], shape)


def _rectangle(value: dict[str, Any], shape: tuple[int, int]) -> Region:
    left, top = _pixels((value["x"], value["y"]), shape)
    width, height = _pixels((value["width"], value["height"]), shape)
    return box(
        left,
        top,
        left + width,
        top + height,
        degrees=value.get("rotation", 0),
        about=(left, top),
        shape=shape,
    )


def _ellipse(value: dict[str, Any], shape: tuple[int, int]) -> Region:
    radii = _pixels((value["radiusX"], value["radiusY"]), shape)
    center = _pixels((value["x"], value["y"]), shape)
    return ellipse(center, radii, degrees=value.get("rotation", 0), shape=shape)


def _pixels(percent: Sequence[float], shape: tuple[int, int]) -> tuple[float, float]:
    """Label Studio measures in percent of the photo's width and height."""
    x, y = percent
    return x * shape[1] / 100, y * shape[0] / 100


# By type, without the ending of those that carry their class themselves, such as `brushlabels`.
_SHAPES = {
    "bitmask": _bitmask,
    "brush": _brush,
    "ellipse": _ellipse,
    "magicwand": _brush,
    "polygon": _polygon,
    "rectangle": _rectangle,
}
# Statements about a whole photo, or about a region besides its class.
_NOT_SHAPES = (
    "choices", "datetime", "number", "pairwise", "ranker", "rating", "relation", "taxonomy",
    "textarea",
)  # fmt: skip


def _path_of(address: Any) -> str:
    """Returns the path in an address such as `/data/local-files/?d=folder/photo.png`."""
    if not isinstance(address, str):
        return ""
    try:
        url = urlsplit(address)
    except ValueError:
        return ""
    return unquote(parse_qs(url.query).get("d", [url.path])[0])
