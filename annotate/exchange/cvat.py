"""CVAT: the format "CVAT for images 1.1", an XML file of masks and other shapes by photo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

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
from annotate.exchange.rle import region_of, rle_counts
from annotate.exchange.shapes import Region, box, ellipse, polygon
from annotate.exchange.source import ExportSource
from segface_hf._utils import counted
from segface_hf.labels import LabelSchema

FORMAT = "CVAT for images 1.1"
ANNOTATIONS = "annotations.xml"


def export(corrections: Iterable[Correction], out: Path) -> int:
    """Writes photos and `annotations.xml`; returns the number of photos.

    CVAT looks for the masks of a photo by its name, and where no name fits, by its number. So the
    names are those of the files in `images/`, and the numbers follow the order of the names, which
    is the order of a task of these files.
    """
    create_export_folder(out)
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    labels = ElementTree.SubElement(task, "labels")
    images: list[ElementTree.Element] = []
    for correction in corrections:
        if not images:
            _add_labels(labels, correction.schema)
        images.append(_image(correction, name=save_photo(correction, out)))
    images.sort(key=lambda image: image.attrib["name"])
    for number, image in enumerate(images):
        image.set("id", str(number))
    root.extend(images)
    ElementTree.ElementTree(root).write(out / ANNOTATIONS, encoding="utf-8", xml_declaration=True)
    return len(images)


def next_steps(out: Path) -> str:
    """Says how to load an export into CVAT."""
    return (
        f"create a task of the files in {out / IMAGES}, then choose 'Upload annotations', "
        f"'{FORMAT}' and {out / ANNOTATIONS}"
    )


def _image(correction: Correction, *, name: str) -> ElementTree.Element:
    height, width = correction.mask.shape
    # CVAT writes the id first; it is set when the order is known.
    image = ElementTree.Element("image", id="", name=name, width=str(width), height=str(height))
    for class_id in (int(index) for index in np.unique(correction.mask) if index):
        _add_mask(image, correction.mask == class_id, name=correction.schema.names[class_id])
    return image


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


def read(source: ExportSource, schema: LabelSchema) -> Iterator[ImportedPhoto]:
    """Reads an export of CVAT: `annotations.xml` and its photos.

    Raises:
        ExchangeError: The file is missing, malformed or of another format.
    """
    path = source.find(ANNOTATIONS)
    # Read twice, so that a file that breaks off is refused before anything of it is imported.
    names = [_name(image) for image in _images(path)]
    if not names:
        raise ExchangeError(_why_empty(path))
    photos = Photos(source, names)
    for image in _images(path):
        yield import_photo(_name(image), partial(_read_image, image, photos, schema))


def _elements(path: Path, tag: str) -> Iterator[ElementTree.Element]:
    """Gives the elements of a file one by one; each is emptied when the next one is asked for."""
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag == tag:
                yield element
                element.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ExchangeError(
            f"{path.name} isn't complete XML ({error}): export it again, as '{FORMAT}'"
        ) from error
    except OSError as error:
        raise ExchangeError(f"{path} can't be read ({error.strerror})") from error


def _images(path: Path) -> Iterator[ElementTree.Element]:
    return _elements(path, "image")


def _why_empty(path: Path) -> str:
    """Says what a file without images holds instead."""
    tracks = sum(1 for _ in _elements(path, "track"))
    found = f"{counted(tracks, 'track')} of a video" if tracks else "no tracks either"
    return f"{path.name} holds no images, found {found}: export as '{FORMAT}'"


def _name(image: ElementTree.Element) -> str:
    """Returns the photo's path below `images/`; a project's export has a folder for each subset."""
    return "/".join(part for part in (image.get("subset"), image.get("name", "?")) if part)


def _read_image(
    image: ElementTree.Element, photos: Photos, schema: LabelSchema
) -> LabeledPhoto | None:
    elements = [element for element in image if element.tag not in _NOT_SHAPES]
    if not elements:
        return None
    name = _name(image)
    pixels = photos.read(name)
    shape = (int(image.attrib["height"]), int(image.attrib["width"]))
    check_photo_size(shape, pixels)
    elements.sort(key=lambda element: int(element.get("z_order", "0")))
    regions = (_labeled_region(element, shape) for element in elements)
    return LabeledPhoto(
        PurePosixPath(name).stem, pixels, draw_mask(regions, shape=shape, schema=schema)
    )


def _labeled_region(element: ElementTree.Element, shape: tuple[int, int]) -> tuple[str, Region]:
    if element.tag not in _SHAPES:
        raise ExchangeError(
            f"a {element.tag} of '{element.get('label')}' covers no area: draw it as one of "
            f"{sorted(_SHAPES)}, or delete it"
        )
    return element.attrib["label"], _SHAPES[element.tag](element, shape)


def _mask(element: ElementTree.Element, shape: tuple[int, int]) -> Region:
    left, top, width, height = (int(element.attrib[k]) for k in ("left", "top", "width", "height"))
    if min(left, top) < 0 or left + width > shape[1] or top + height > shape[0]:
        raise ExchangeError(
            f"a mask of '{element.attrib['label']}' covers columns {left} to {left + width} and "
            f"rows {top} to {top + height}, beyond its photo of {shape[1]} x {shape[0]} pixels: "
            "draw it again, or delete it"
        )
    counts = [int(count) for count in element.attrib["rle"].split(",")]
    return Region(top, left, region_of(counts, shape=(height, width), order="C"))


def _polygon(element: ElementTree.Element, shape: tuple[int, int]) -> Region:
    pairs = [point.split(",") for point in element.attrib["points"].split(";")]
    return polygon([(float(x), float(y)) for x, y in pairs], shape)


def _box(element: ElementTree.Element, shape: tuple[int, int]) -> Region:
    left, top, right, bottom = _numbers(element, "xtl", "ytl", "xbr", "ybr")
    degrees, about = _degrees(element), ((left + right) / 2, (top + bottom) / 2)
    return box(left, top, right, bottom, degrees=degrees, about=about, shape=shape)


def _ellipse(element: ElementTree.Element, shape: tuple[int, int]) -> Region:
    x, y, *radii = _numbers(element, "cx", "cy", "rx", "ry")
    return ellipse((x, y), (radii[0], radii[1]), degrees=_degrees(element), shape=shape)


def _numbers(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(element.attrib[name]) for name in names]


def _degrees(element: ElementTree.Element) -> float:
    return float(element.get("rotation", "0"))


_SHAPES = {"mask": _mask, "polygon": _polygon, "box": _box, "ellipse": _ellipse}
# What a tag or an attribute says about a whole photo.
_NOT_SHAPES = ("tag", "attribute")
