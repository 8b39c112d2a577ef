"""CVAT: "CVAT for images 1.1", an XML file of masks (and other shapes, when reading) by photo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

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
from annotate.exchange.rle import region_of, rle_counts
from segface_hf.labels import LabelSchema

ANNOTATIONS = "annotations.xml"


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos and `annotations.xml`; returns the number of photos."""
    fresh_folder(out)
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    job = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "job")
    labels = ElementTree.SubElement(job, "labels")
    count = 0
    for count, correction in enumerate(corrections, start=1):
        if count == 1:
            _add_labels(labels, correction.schema)
        name, (height, width) = save_photo(correction, out), correction.mask.shape
        image = ElementTree.SubElement(
            root, "image", id=str(count - 1), name=name, width=str(width), height=str(height)
        )
        for class_id in (int(index) for index in np.unique(correction.mask) if index):
            _add_mask(image, correction.mask == class_id, name=correction.schema.names[class_id])
    ElementTree.ElementTree(root).write(out / ANNOTATIONS, encoding="utf-8", xml_declaration=True)
    return count


def _add_labels(labels: ElementTree.Element, schema: LabelSchema) -> None:
    for name, color in list(zip(schema.names, schema.colors, strict=True))[1:]:
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        ElementTree.SubElement(label, "color").text = "#{:02x}{:02x}{:02x}".format(*color)
        ElementTree.SubElement(label, "type").text = "mask"


def _add_mask(image: ElementTree.Element, region: np.ndarray, *, name: str) -> None:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    part = region[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    runs = ", ".join(str(count) for count in rle_counts(part, order="C"))
    ElementTree.SubElement(
        image,
        "mask",
        label=name,
        source="manual",
        occluded="0",
        rle=runs,
        left=str(left),
        top=str(top),
        width=str(part.shape[1]),
        height=str(part.shape[0]),
        z_order="0",
    )


def read(source: Path, schema: LabelSchema) -> Iterator[Item]:
    """Reads an export of CVAT: a folder with `annotations.xml` and its photos.

    Raises:
        ExchangeError: The file is missing, malformed or of another format.
    """
    path = source / ANNOTATIONS
    if not path.is_file():
        raise ExchangeError(f"{source} holds no {ANNOTATIONS}: export as 'CVAT for images 1.1'")
    # Read twice, so that a file that breaks off is told before anything of it is imported.
    names = [_name(image) for image in _images(path)]
    if not names:
        raise ExchangeError(
            f"{path} names no photos, as in an export of a video: export as 'CVAT for images 1.1'"
        )
    photos = Photos(source, names)
    for image in _images(path):
        yield opened(_name(image), partial(_labelled, image, photos, schema))


def _images(path: Path) -> Iterator[ElementTree.Element]:
    """Reads the photos of a file one by one; each is emptied when the next one is asked for."""
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag == "image":
                yield element
                element.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ExchangeError(f"{path} is malformed ({error}): export it again") from error


def _name(image: ElementTree.Element) -> str:
    """Returns where the photo is below `images/`: a project's export has a folder for a subset."""
    return "/".join(part for part in (image.get("subset"), image.get("name", "?")) if part)


def _labelled(image: ElementTree.Element, photos: Photos, schema: LabelSchema) -> Labelled | None:
    shapes = [shape for shape in image if shape.tag not in _NO_SHAPES]
    if not shapes:
        return None
    name = _name(image)
    pixels = photos.read(name)
    shape = (int(image.attrib["height"]), int(image.attrib["width"]))
    if shape != pixels.shape[:2]:
        raise ExchangeError(
            f"it was annotated at {shape[1]} x {shape[0]} pixels, the photo here has "
            f"{pixels.shape[1]} x {pixels.shape[0]}: put the one there that was annotated"
        )
    shapes.sort(key=lambda s: int(s.attrib.get("z_order", "0")))
    regions = [("background", np.zeros(shape, bool))]
    regions += [(s.attrib["label"], _region(s, shape)) for s in shapes]
    return Labelled(Path(name).stem, pixels, layered(regions, schema=schema))


def _region(element: ElementTree.Element, shape: tuple[int, int]) -> np.ndarray:
    if element.tag not in _SHAPES:
        raise ExchangeError(
            f"a {element.tag} of '{element.get('label')}' covers no area: draw it as one of "
            f"{sorted(_SHAPES)}, or delete it"
        )
    return _SHAPES[element.tag](element, shape)


def _mask(element: ElementTree.Element, shape: tuple[int, int]) -> np.ndarray:
    left, top, width, height = (int(element.attrib[k]) for k in ("left", "top", "width", "height"))
    if min(left, top) < 0 or left + width > shape[1] or top + height > shape[0]:
        raise ExchangeError(f"a mask of '{element.attrib['label']}' reaches beyond its photo")
    counts = [int(count) for count in element.attrib["rle"].split(",")]
    region = np.zeros(shape, bool)
    region[top : top + height, left : left + width] = region_of(
        counts, shape=(height, width), order="C"
    )
    return region


def _polygon(element: ElementTree.Element, shape: tuple[int, int]) -> np.ndarray:
    pairs = [point.split(",") for point in element.attrib["points"].split(";")]
    return drawn.polygon([(float(x), float(y)) for x, y in pairs], shape)


def _box(element: ElementTree.Element, shape: tuple[int, int]) -> np.ndarray:
    left, top, right, bottom = _numbers(element, "xtl", "ytl", "xbr", "ybr")
    degrees, about = _degrees(element), ((left + right) / 2, (top + bottom) / 2)
    return drawn.box(left, top, right, bottom, degrees=degrees, about=about, shape=shape)


def _ellipse(element: ElementTree.Element, shape: tuple[int, int]) -> np.ndarray:
    x, y, *radii = _numbers(element, "cx", "cy", "rx", "ry")
    return drawn.ellipse((x, y), (radii[0], radii[1]), degrees=_degrees(element), shape=shape)


def _numbers(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(element.attrib[name]) for name in names]


def _degrees(element: ElementTree.Element) -> float:
    return float(element.get("rotation", "0"))


_SHAPES = {"mask": _mask, "polygon": _polygon, "box": _box, "ellipse": _ellipse}
# What may be said of a whole photo.
_NO_SHAPES = ("tag", "attribute")
