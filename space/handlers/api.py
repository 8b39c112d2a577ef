"""What the named endpoints do: the same as the views, with files and plain values in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from annotate.label_maps import pack_label_map
from segface_hf.errors import ImageError
from segface_hf.labels import SCHEMAS, schema_named
from space.errors import VisitError
from space.handlers.browser_values import class_rows, describe_schema
from space.handlers.downloads import mask_png
from space.handlers.parse import Request, checked, parse_photo, parse_photos
from space.handlers.save import ConsentForm, save_correction
from space.handlers.services import Services
from space.state.model_list import allowed_model
from space.state.photo_cache import OpenPhoto
from space.state.saving import Contributor


@dataclass(frozen=True)
class Answer:
    """One parse as a script gets it.

    Attributes:
        summary: Plain values.
        mask: A grey PNG of class ids.
    """

    summary: dict[str, Any]
    mask: Path


def parse(services: Services, image: str | None, *, request: Request) -> Answer:
    """Parses one photo.

    Raises:
        SegFaceError: The file is no picture, the model can't be loaded, or a limit is reached.
    """
    if not image:
        raise VisitError("Send a photo: the field 'image' is empty.")
    return _answer(
        services, parse_photo(services, image, request=_allowed(services, request)).photo
    )


def _allowed(services: Services, request: Request) -> Request:
    # A client may send null, though the field has a default.
    chosen = allowed_model(request.model or "", configured=services.settings.model)
    return replace(request, model=chosen)


def parse_many(
    services: Services, images: Sequence[str] | None, *, request: Request
) -> tuple[list[dict[str, Any]], list[Path]]:
    """Parses several photos.

    Returns:
        One summary a photo, in order, with `error` in place of the rest where it failed; and the
        masks of those that did not.

    Raises:
        SegFaceError: No photo, too many, or an unknown model.
    """
    asked = _allowed(services, request)
    paths = checked(services, list(images or ()))
    summaries, masks = [], []
    for path in paths:
        batch = parse_photos(services, [path], request=asked)
        if batch.problems:
            summaries.append({"error": batch.problems[0]})
            continue
        answer = _answer(services, batch.parsed[0].photo)
        summaries.append(answer.summary)
        masks.append(answer.mask)
    return summaries, masks


def list_classes(schema: str) -> list[dict[str, Any]]:
    """Returns the classes of a label schema, by id.

    Raises:
        LabelError: No such schema.
    """
    return describe_schema(schema_named(schema or next(iter(SCHEMAS))))


def save(
    services: Services,
    photo: str,
    mask: str | None,
    *,
    form: ConsentForm,
    who: Contributor,
    asked: Request | None = None,
) -> dict[str, Any]:
    """Saves a corrected mask of a photo that was parsed a while ago and is still kept.

    Args:
        services: What the app runs on.
        photo: The `photo` that a parse returned.
        mask: Path of a grey PNG of class ids, as large as the photo.
        form: The contributor's statements.
        who: The contributor.
        asked: Who asks, for the rate limit; None where there is none.

    Raises:
        SegFaceError: The photo is gone, a statement is missing, or the mask doesn't fit.
    """
    opened = services.photos.get(photo)
    ids = read_mask(mask, size=opened.parse.mask.shape[::-1])
    payload = {"id": photo, **pack_label_map(ids)}
    result = save_correction(services, payload, form=form, who=who, asked=asked)
    return {
        "id": result.row.id,
        "created": result.row.created,
        "changed": dict(result.changed),
        "message": result.sentence,
    }


def read_mask(path: str | None, *, size: tuple[int, int]) -> np.ndarray:
    """Reads class ids from a grey PNG, byte for byte.

    Raises:
        ImageError: No PNG, colours instead of ids, or another size than the photo's.
    """
    if not path:
        raise ImageError("Send the corrected mask: the field 'mask' is empty.")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode != "L" or image.size != tuple(size):
                raise ImageError(
                    f"The mask must be a grey 8-bit PNG of {size[0]} x {size[1]} pixels, got mode "
                    f"{image.mode} of {image.width} x {image.height}."
                )
            return np.asarray(image).copy()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError("The mask is not a PNG that can be read.") from error


def _answer(services: Services, photo: OpenPhoto) -> Answer:
    height, width = photo.parse.mask.shape
    summary = {
        "photo": photo.key,
        "width": width,
        "height": height,
        "faces": [face.to_dict(digits=1) for face in photo.parse.faces],
        "classes": [_class(row) for row in class_rows(photo.parse) if row["area"]],
        "schema": photo.parse.schema.name,
        "model": photo.parse.model_id,
        "digest": photo.parse.digest,
    }
    return Answer(summary, services.photos.put_file("mask.png", mask_png(photo)))


def _class(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("id", "name", "area", "share", "confidence", "rare")}
