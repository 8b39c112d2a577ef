"""Parses as the plain values that the browser draws: class lists, faces, and a sentence."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from annotate.label_maps import pack_label_map
from segface_hf._utils import counted
from segface_hf.faces import UNREADABLE
from segface_hf.labels import RGB, LabelSchema, title
from space.state.photo_cache import OpenPhoto

if TYPE_CHECKING:
    from segface_hf.parser import FaceParse

NO_FACE = "No face was found in this photo. You can parse the whole picture as one face."
_DOUBT_SIDE = 640
# An accessory is listed but not named in the sentence if it has less than this share of a face's
# box or this mean probability. On 110 photos of val and street, true ones had 0.09 (eyeglasses),
# 0.15 (hats) and mostly more than 0.0017 (earrings); false earrings mostly less, at 0.33 to 0.58.
_LEAST_SHARES = {"eyeglasses": 0.03, "hat": 0.08, "earring": 0.0015, "necklace": 0.002}
_LEAST_SHARE = 0.002
_LEAST_SURE = 0.55
# Okabe and Ito's palette, whose hues readers with any color vision tell apart.
_SAFE: tuple[RGB, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


def safe_colors(count: int) -> tuple[RGB, ...]:
    """Returns colors by id that differ in hue for every reader, or else in lightness."""
    colors: list[RGB] = [(0, 0, 0)]
    for index in range(count - 1):
        red, green, blue = (channel / 255 for channel in _SAFE[index % len(_SAFE)])
        hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
        light = (light, light * 0.5, light + (1 - light) * 0.6)[index // len(_SAFE) % 3]
        r, g, b = colorsys.hls_to_rgb(hue, light, strength)
        colors.append((round(255 * r), round(255 * g), round(255 * b)))
    return tuple(colors)


def class_rows(parse: FaceParse) -> list[dict[str, Any]]:
    """Returns one row a class: rare classes first, then by area, the largest first.

    A row's `confidence` is the mean probability in percent of the pixels that got the class, None
    where the class is absent or the model gave no probabilities.
    """
    schema, count = parse.schema, parse.schema.num_classes
    areas = np.bincount(parse.mask.ravel(), minlength=count)
    known = parse.confidence is not None
    weights = parse.confidence if parse.confidence is not None else np.zeros_like(parse.mask)
    sums = np.bincount(parse.mask.ravel(), weights.ravel(), minlength=count)
    safe = safe_colors(count)
    rows = [
        {
            "id": index,
            "name": name,
            "title": title(name),
            "rare": index in schema.tail,
            "color": list(schema.colors[index]),
            "safe": list(safe[index]),
            "area": int(areas[index]),
            "share": float(areas[index] / parse.mask.size),
            "confidence": _percent(sums[index], areas[index], known=known),
        }
        for index, name in enumerate(schema.names)
    ]
    return sorted(rows, key=lambda row: (not row["rare"], -row["area"]))


def _percent(total: float, count: int, *, known: bool) -> int | None:
    return round(100 * total / count / 255) if known and count else None


def sentence(parse: FaceParse) -> str:
    """Says in one sentence what a parse found."""
    faces = len(parse.faces)
    if not faces and not parse.mask.any():
        return NO_FACE
    rare = [title(name) for name in named_accessories(parse)]
    # A saved row keeps its mask, but not where its faces were found.
    found = counted(faces, "face") if faces else "A saved mask"
    unread = sum(face.problem is not None for face in parse.faces)
    if faces and unread == faces:
        return f"{found}, {UNREADABLE}."
    seen = f"{found}, with {_listed(rare)}." if rare else f"{found}, no accessories seen."
    few = "1 face is" if unread == 1 else f"{unread} faces are"
    return f"{seen} {few} {UNREADABLE}." if unread else seen


def named_accessories(parse: FaceParse) -> list[str]:
    """Returns the accessory classes that are large and sure enough to be named in one sentence.

    An accessory must have at least a share of the smallest readable face's box, by class, and a
    mean probability of `_LEAST_SURE`.
    """
    boxes = [face.box for face in parse.faces if face.problem is None]
    smallest = min(((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes), default=0.0)
    named = []
    for index in parse.schema.tail:
        name, here = parse.schema.names[index], parse.mask == index
        pixels = np.count_nonzero(here)
        if not pixels or pixels < _LEAST_SHARES.get(name, _LEAST_SHARE) * smallest:
            continue
        sure = 255 if parse.confidence is None else parse.confidence[here].mean()
        if sure >= 255 * _LEAST_SURE:
            named.append(name)
    return named


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def photo_view(photo: OpenPhoto, *, note: str = "") -> dict[str, Any]:
    """Returns what the parse view needs of one photo, without the photo's own bytes.

    Args:
        photo: An open photo.
        note: A sentence to add, such as that the photo was reduced.
    """
    parse = photo.parse
    height, width = parse.mask.shape
    return {
        "id": photo.key,
        "w": width,
        "h": height,
        "labels": pack_label_map(parse.mask),
        "confidence": None if parse.confidence is None else _small(parse.confidence),
        "other": None,
        "faces": [face.to_dict() for face in parse.faces],
        "classes": class_rows(parse),
        "note": " ".join(filter(None, (sentence(parse), note))),
        "model": parse.model_id,
    }


def _small(plane: np.ndarray) -> dict[str, Any]:
    """Packs a doubt plane, thinned out to what a screen shows."""
    step = -(-max(plane.shape) // _DOUBT_SIDE)
    return pack_label_map(np.ascontiguousarray(plane[::step, ::step]))


def describe_schema(schema: LabelSchema) -> list[dict[str, Any]]:
    """Returns the classes of a schema as plain values, by id."""
    return [
        {
            "id": index,
            "name": name,
            "title": title(name),
            "color": list(schema.colors[index]),
            "rare": index in schema.tail,
        }
        for index, name in enumerate(schema.names)
    ]
