"""What the named endpoints do: the same as the views, with files and plain values."""

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
from space.handlers.downloads import mask_png, own_mask
from space.handlers.parse import Request, accepted, parse_photo, parse_photos, scaled
from space.handlers.save import ConsentForm, save_correction
from space.handlers.services import Services
from space.state.model_list import allowed_model
from space.state.photo_cache import OpenPhoto
from space.state.saving import Contributor


@dataclass(frozen=True)
class Answer:
    """A parse as a script receives it.

    Attributes:
        summary: Plain values.
        mask: A gray PNG of class ids.
    """

    summary: dict[str, Any]
    mask: Path


def parse(services: Services, image: str | None, *, request: Request) -> Answer:
    """Parses one photo.

    Raises:
        SegFaceError: The file is not a picture, the model can't be loaded, or a limit is reached.
    """
    if not image:
        raise VisitError("Send a photo: the field 'image' is empty.")
    return _answer(
        services, parse_photo(services, image, request=_allowed(services, request)).photo
    )


def _allowed(services: Services, request: Request) -> Request:
    chosen = allowed_model(request.model, configured=services.settings.model)
    return replace(request, model=chosen)


def parse_many(
    services: Services, images: Sequence[str] | None, *, request: Request
) -> tuple[list[dict[str, Any]], list[Path]]:
    """Parses several photos.

    Returns:
        One summary a photo, in order, with `error` in place of the rest where it failed; and the
        masks of those that did not.

    Raises:
        SegFaceError: No photo, or an unknown model.
    """
    asked = _allowed(services, request)
    given = list(images or ())
    paths, too_many = accepted(services, given)
    summaries, masks = [], []
    for path in paths:
        batch = parse_photos(services, [path], request=asked)
        if batch.problems:
            summaries.append({"error": batch.problems[0]})
            continue
        answer = _answer(services, batch.parsed[0].photo)
        summaries.append(answer.summary)
        masks.append(answer.mask)
    summaries += [{"error": too_many[0]} for _ in given[len(paths) :]]
    return summaries, masks


def list_classes(schema: object) -> list[dict[str, Any]]:
    """Returns the classes of a label schema, by id; null stands for the first schema.

    Raises:
        LabelError: No such schema.
    """
    if schema is None or schema == "":
        schema = next(iter(SCHEMAS))
    return describe_schema(schema_named(schema if isinstance(schema, str) else repr(schema)[:40]))


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
        mask: Path of a gray PNG of class ids, as large as the photo.
        form: The contributor's statements.
        who: The contributor.
        asked: Who asks, for the rate limit; None where there is none.

    Raises:
        SegFaceError: The photo is gone, a statement is missing, or the mask doesn't fit.
    """
    if asked is not None:
        services.saves.spend(asked.visitor, asked.address)  # before anything is decoded
    opened = services.photos.get(photo)
    ids = _kept_mask(opened, mask)
    payload = {"id": photo, **pack_label_map(ids)}
    result = save_correction(services, payload, form=form, who=who)
    return {
        "id": result.row.id,
        "created": result.row.created,
        "changed": dict(result.changed),
        "message": result.sentence,
    }


def read_mask(path: str | None, *, size: tuple[int, int]) -> np.ndarray:
    """Reads class ids from a gray PNG, byte for byte.

    Raises:
        ImageError: No PNG, colors instead of ids, or another size than the photo's.
    """
    if not path:
        raise ImageError("Send the corrected mask: the field 'mask' is empty.")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode != "L" or image.size != tuple(size):
                raise ImageError(
                    f"The mask must be a gray 8-bit PNG of {size[0]} x {size[1]} pixels, got mode "
                    f"{image.mode} of {image.width} x {image.height}."
                )
            return np.asarray(image).copy()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError("The mask is not a PNG that can be read.") from error


def _kept_mask(photo: OpenPhoto, path: str | None) -> np.ndarray:
    """Reads a mask of a photo; one in the photo's own size is reduced to the size that is kept."""
    height, width = photo.parse.mask.shape
    full = photo.full_mask
    if full is None:
        return read_mask(path, size=(width, height))
    ids = read_mask(path, size=full.shape[::-1])
    return np.asarray(Image.fromarray(ids).resize((width, height), Image.Resampling.NEAREST))


def _answer(services: Services, photo: OpenPhoto) -> Answer:
    mask = own_mask(photo)
    height, width = mask.shape
    scale = width / photo.parse.mask.shape[1]
    areas = np.bincount(mask.ravel(), minlength=photo.parse.schema.num_classes)
    summary = {
        "photo": photo.key,
        "width": width,
        "height": height,
        "faces": [scaled(face, scale).to_dict(digits=1) for face in photo.parse.faces],
        "classes": [_class(row, areas) for row in class_rows(photo.parse) if areas[row["id"]]],
        "schema": photo.parse.schema.name,
        "model": photo.parse.model_id,
        "digest": photo.parse.digest,
    }
    return Answer(summary, services.photos.put_file("mask.png", mask_png(photo)))


def _class(row: Mapping[str, Any], areas: np.ndarray) -> dict[str, Any]:
    area = int(areas[row["id"]])
    own = {"area": area, "share": area / int(areas.sum())}
    return {key: row[key] for key in ("id", "name", "confidence", "rare")} | own
