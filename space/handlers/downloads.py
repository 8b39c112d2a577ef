"""Files to download: masks, colors, cut-outs, COCO, and one ZIP of all of them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from annotate.exchange.coco import CocoDocument
from segface_hf.labels import title
from space.errors import VisitError
from space.handlers.browser_values import describe_schema
from space.handlers.cutouts import cut_out
from space.state.photo_cache import OpenPhoto

if TYPE_CHECKING:
    from segface_hf.faces import Face, FaceParse


def coco_document(parse: FaceParse, *, file_name: str) -> dict[str, Any]:
    """Returns a COCO document of one picture, with a `faces` list of boxes and scores."""
    document = CocoDocument(parse.schema, description=f"face parts by {parse.model_id}")
    document.add(parse.mask, file_name=file_name)
    return {
        **document.to_dict(),
        "faces": [_coco_face(face) for face in parse.faces],
    }


def _coco_face(face: Face) -> dict[str, Any]:
    values = face.to_dict(digits=1)
    return {"box": values["box"], "score": values["confidence"]}


_READ_ME = """Face parts of one photo

photo.png            the photo, upright, without metadata
mask.png             one number a pixel, a class id of schema.json; 0 is background
mask_full_size.png   the mask in the photo's own pixels, where photo.png is smaller
coloured.png         the mask in the colors of schema.json, for looking at
no_background.png    the photo without its background
cutouts/             one picture a class, transparent elsewhere
coco.json            one segment a class as COCO run lengths, and the faces' boxes
schema.json          class ids, names and colors, the model, and what it found

Left and right are the person's own. Made by {model} ({digest}); ids follow "{schema}".
Read mask.png as numbers: in Python, numpy.array(PIL.Image.open("mask.png")).
"""


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def own_mask(photo: OpenPhoto) -> np.ndarray:
    """Returns the mask in the photo's own pixels, also where the photo is kept smaller."""
    full = photo.full_mask
    return photo.parse.mask if full is None else full


def mask_png(photo: OpenPhoto) -> bytes:
    """Returns the class ids as a gray PNG, in the photo's own pixels."""
    return _png(Image.fromarray(own_mask(photo)))


def colored_png(photo: OpenPhoto) -> bytes:
    """Returns the mask in the schema's colors."""
    colors = np.asarray(photo.parse.schema.colors, np.uint8)
    return _png(Image.fromarray(colors[own_mask(photo)]))


def cutouts(photo: OpenPhoto) -> dict[str, bytes]:
    """Returns one RGBA PNG for each class that is present, transparent elsewhere, by file name."""
    pixels, parse = np.asarray(photo.image), photo.parse
    present = [index for index in np.unique(parse.mask).tolist() if index]
    return {
        f"{parse.schema.names[index]}.png": _png(cut_out(pixels, parse, (index,)))
        for index in present
    }


def no_background_png(photo: OpenPhoto) -> bytes:
    """Returns the photo as an RGBA PNG whose background is transparent."""
    every = range(1, photo.parse.schema.num_classes)
    return _png(cut_out(np.asarray(photo.image), photo.parse, every))


def coco_json(photo: OpenPhoto) -> bytes:
    """Returns the parse as a COCO document."""
    return json.dumps(coco_document(photo.parse, file_name="photo.png")).encode()


def schema_json(photo: OpenPhoto) -> bytes:
    """Returns what the ids stand for and what the parse found."""
    parse = photo.parse
    areas = np.bincount(parse.mask.ravel(), minlength=parse.schema.num_classes).tolist()
    return json.dumps(
        {
            "schema": parse.schema.name,
            "classes": describe_schema(parse.schema),
            "areas": {title(n): a for n, a in zip(parse.schema.names, areas, strict=True) if a},
            "faces": len(parse.faces),
            "model": parse.model_id,
            "revision": parse.revision,
            "digest": parse.digest,
        },
        indent=2,
    ).encode()


def everything(photo: OpenPhoto) -> bytes:
    """Returns one ZIP of all the above with an explanation."""
    parse = photo.parse
    read_me = _READ_ME.format(
        model=parse.model_id, digest=parse.digest or "no digest", schema=parse.schema.name
    )
    return _zip(
        {
            "README.txt": read_me.encode(),
            "photo.png": photo.path.read_bytes(),
            "mask.png": _png(Image.fromarray(parse.mask)),
            **({} if photo.full_mask is None else {"mask_full_size.png": mask_png(photo)}),
            "coloured.png": colored_png(photo),
            "no_background.png": no_background_png(photo),
            **{f"cutouts/{name}": data for name, data in cutouts(photo).items()},
            "coco.json": coco_json(photo),
            "schema.json": schema_json(photo),
        }
    )


KINDS: Mapping[str, tuple[str, str, Callable[[OpenPhoto], bytes]]] = MappingProxyType(
    {
        "everything": ("Everything (ZIP)", "segface.zip", everything),
        "mask": ("Mask, class ids (PNG)", "mask.png", mask_png),
        "coloured": ("Colored mask (PNG)", "coloured.png", colored_png),
        "no_background": ("Without background (PNG)", "no_background.png", no_background_png),
        "cutouts": ("Cut-outs by class (ZIP)", "cutouts.zip", lambda p: _zip(cutouts(p))),
        "coco": ("COCO segments (JSON)", "coco.json", coco_json),
    }
)
"""For each kind of download: its label, the end of its file name, and what makes it."""

LABELS = tuple((kind, label) for kind, (label, *_) in KINDS.items())
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 50  # A file name may have 255 bytes, a character up to four.


def with_mask(photo: OpenPhoto, mask: np.ndarray | None) -> OpenPhoto:
    """Returns an open photo with a corrected mask; None leaves the prediction.

    Where the mask differs from the prediction, it is certain.
    """
    if mask is None:
        return photo
    parse, changed = photo.parse, mask != photo.parse.mask
    confidence = parse.confidence
    if confidence is not None:
        confidence = np.where(changed, np.uint8(255), confidence)
    corrected = replace(parse, mask=mask, confidence=confidence, instances=None)
    return replace(photo, parse=corrected, prediction=parse.mask)


def make_download(kind: str, photo: OpenPhoto, *, name: str = "") -> tuple[str, bytes]:
    """Makes one of `KINDS`.

    Args:
        kind: Which.
        photo: An open photo, with the mask to download.
        name: What the photo is called, without a suffix.

    Returns:
        The file's name, which begins with the photo's, and its bytes.

    Raises:
        VisitError: No such kind.
    """
    if kind not in KINDS:
        raise VisitError(f"There is no download '{kind}': choose one of {', '.join(KINDS)}.")
    _, ending, make = KINDS[kind]
    stem = _UNSAFE.sub("_", name)[:_LONGEST_NAME].strip("._")
    return f"{stem}_{ending}" if stem else ending, make(photo)
