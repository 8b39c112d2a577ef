"""COCO: one JSON file with images, categories and a segment for each class of each image."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

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
from annotate.exchange.rle import coco_region, rle_counts, unpack_counts
from annotate.exchange.shapes import Region, polygon
from annotate.exchange.source import ExportSource, load_json
from segface_hf.labels import LabelSchema

ANNOTATIONS = "annotations.json"


class CocoDocument:
    """A COCO document that grows by one image at a time.

    Args:
        schema: Its classes become the categories, the background left out.
        description: What the document holds, for its `info`.
    """

    def __init__(self, schema: LabelSchema, *, description: str) -> None:
        self._info = {"description": description, "version": "1"}
        self._categories = _categories(schema)
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self._images)

    def add(self, mask: np.ndarray, *, file_name: str) -> None:
        """Adds an image, with one annotation for each class in its mask.

        Args:
            mask: uint8 (H, W) class ids.
            file_name: Where the picture is.
        """
        image = len(self._images) + 1
        height, width = mask.shape
        self._images.append({"id": image, "file_name": file_name, "width": width, "height": height})
        for class_id in (int(index) for index in np.unique(mask) if index):
            annotation = {"id": len(self._annotations) + 1, "image_id": image, "iscrowd": 0}
            self._annotations.append(
                {**annotation, "category_id": class_id, **_segment(mask == class_id)}
            )

    def to_dict(self) -> dict[str, Any]:
        """Returns the document as plain JSON values."""
        return {
            "info": self._info,
            "images": self._images,
            "categories": self._categories,
            "annotations": self._annotations,
        }


def _categories(schema: LabelSchema) -> list[dict[str, Any]]:
    family = {index: name for name, members in schema.families for index in members}
    return [
        {"id": index, "name": name, "supercategory": family.get(index, "person")}
        for index, name in enumerate(schema.names)
        if index
    ]


def _segment(region: np.ndarray) -> dict[str, Any]:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "area": int(region.sum()),
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        "segmentation": {"size": list(region.shape), "counts": rle_counts(region)},
    }


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos and `annotations.json`; returns the number of photos."""
    create_export_folder(out)
    document = None
    for correction in corrections:
        document = document or CocoDocument(
            correction.schema, description=f"face parts, classes of {correction.schema.name}"
        )
        document.add(correction.mask, file_name=f"{IMAGES}/{save_photo(correction, out)}")
    if not document:
        return 0
    (out / ANNOTATIONS).write_text(json.dumps(document.to_dict()))
    return len(document)


def read(source: ExportSource, schema: LabelSchema) -> Iterator[ImportedPhoto]:
    """Reads a COCO file with segmentations: polygons, and run lengths, compressed or not.

    Categories are matched by name. Segments cover each other in the order of the file.

    Raises:
        ExchangeError: The file is missing or malformed, or holds no images.
    """
    path = source.find(ANNOTATIONS, "*.json", "annotations/*.json")
    images, annotations, names = _parts(load_json(path), path.name)
    # CVAT and Datumaro keep the images of `instances_train.json` in `images/train`.
    _, is_subset, subset = path.stem.partition("instances_")
    folder = f"{subset}/" if is_subset else ""
    photos = Photos(source, [folder + str(image["file_name"]) for image in images.values()])
    for image_id, image in images.items():
        name, parts = str(image["file_name"]), annotations.pop(image_id, [])
        yield import_photo(
            name, partial(_read_image, image, folder + name, parts, photos, names, schema)
        )
    for image_id, lost in annotations.items():
        yield ImportedPhoto(
            f"image {str(image_id)[:40]}",
            error=ExchangeError(
                f"{len(lost)} annotations belong to an image that 'images' doesn't list: add it, "
                "or delete them"
            ),
        )


def _parts(
    document: Any, name: str
) -> tuple[dict[Any, dict[str, Any]], dict[Any, list[dict[str, Any]]], dict[Any, str]]:
    """Returns the images by id, their annotations by image id, and the class names by id."""
    if not isinstance(document, dict) or not {"images", "annotations", "categories"} <= {*document}:
        found = sorted(document)[:8] if isinstance(document, dict) else type(document).__name__
        raise ExchangeError(
            f"{name} isn't a COCO file: expected the fields images, annotations and categories, "
            f"found {found}"
        )
    try:
        images = {image["id"]: image for image in document["images"]}
        names = {entry["id"]: entry["name"] for entry in document["categories"]}
        if not all("file_name" in image for image in images.values()):
            raise KeyError("file_name")
        annotations = defaultdict(list)
        for annotation in document["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
    except (KeyError, TypeError, AttributeError) as error:
        raise ExchangeError(
            f"{name} is malformed: an image, category or annotation lacks a field ({error!r})"
        ) from error
    if not images or len(images) < len(document["images"]):
        raise ExchangeError(
            f"{name} lists {len(document['images'])} images with {len(images)} different ids: "
            "expected one or more, each with its own id"
        )
    return images, dict(annotations), names


def _read_image(
    image: dict[str, Any],
    name: str,
    annotations: list[dict[str, Any]],
    photos: Photos,
    names: dict[Any, str],
    schema: LabelSchema,
) -> LabeledPhoto | None:
    if not annotations:
        return None
    pixels = photos.read(name)
    shape = (pixels.shape[0], pixels.shape[1])
    if {"height", "width"} <= {*image}:
        check_photo_size((image["height"], image["width"]), pixels)
    regions = (
        (_class_of(annotation, names), region)
        for annotation in annotations
        for region in _regions(annotation, pixels)
    )
    return LabeledPhoto(
        PurePosixPath(name).stem, pixels, draw_mask(regions, shape=shape, schema=schema)
    )


def _class_of(annotation: dict[str, Any], names: dict[Any, str]) -> str:
    category = annotation["category_id"]
    if category not in names:
        raise ExchangeError(
            f"annotation {annotation.get('id')} has the category {str(category)[:40]}, which "
            f"'categories' doesn't list: expected one of {list(names)[:20]}"
        )
    return names[category]


def _regions(annotation: dict[str, Any], pixels: np.ndarray) -> Iterator[Region]:
    """Gives the parts of an annotation: one for each polygon, or one of run lengths."""
    segmentation = annotation.get("segmentation")
    shape = (pixels.shape[0], pixels.shape[1])
    if isinstance(segmentation, dict):
        height, width = segmentation["size"]
        check_photo_size((height, width), pixels)
        counts = segmentation["counts"]
        if isinstance(counts, str):
            counts = unpack_counts(counts)
        yield coco_region(counts, shape=shape)
    elif isinstance(segmentation, list) and segmentation:
        for part in segmentation:
            yield polygon(list(zip(part[::2], part[1::2], strict=True)), shape)
    else:
        found = "a box alone" if annotation.get("bbox") else "neither a segmentation nor a box"
        raise ExchangeError(
            f"annotation {annotation.get('id')} has {found}: expected a segmentation, polygons or "
            "run lengths. Draw its outline, or delete it"
        )
