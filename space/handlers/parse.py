"""What the parse view and the parse endpoints do, without a user interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from segface_hf.errors import ImageError, SegFaceError
from segface_hf.faces import Face, FaceParse
from segface_hf.images import load_image
from segface_hf.labels import LabelSchema, title
from space.errors import VisitError
from space.handlers.services import Services
from space.state.examples import Example
from space.state.photo_cache import OpenPhoto
from space.state.showcase import Showcase

# Browsers get the photo as a JPEG, which can't have longer sides.
_LONGEST_SIDE = 65_500


@dataclass(frozen=True)
class Request:
    """How a visitor wants photos parsed.

    Attributes:
        visitor: The session, for the rate limit.
        model: A model id.
        whole_image: Takes the whole picture as one face.
        address: Where the request comes from, for the rate limit; empty where it is unknown.
    """

    visitor: str
    model: str
    whole_image: bool = False
    address: str = ""


@dataclass(frozen=True)
class Parsed:
    """One photo that was parsed.

    Attributes:
        photo: The photo with its parse.
        note: A sentence to add where it was changed first.
        name: What it is called; empty for an upload, whose name stays in the browser.
        given: Its place among the photos that were uploaded together; -1 for any other.
    """

    photo: OpenPhoto
    note: str = ""
    name: str = ""
    given: int = -1


@dataclass(frozen=True)
class Batch:
    """Photos that were parsed, and one sentence for each that could not be.

    Attributes:
        parsed: In the order in which they were given.
        problems: One clear sentence each.
    """

    parsed: tuple[Parsed, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the photos in the cache."""
        return tuple(item.photo.key for item in self.parsed)

    @property
    def count(self) -> int:
        """How many photos were parsed or refused."""
        return len(self.parsed) + len(self.problems)


def parse_photo(services: Services, path: str | Path, *, request: Request) -> Parsed:
    """Parses one uploaded photo and opens it for this visit.

    Raises:
        ImageError: The file is not a picture, damaged, or larger than accepted.
        TooFastError: The visitor parses more photos a minute than accepted.
        CheckpointError: The model can't be loaded.
    """
    services.limit.spend(request.visitor, request.address)
    _check_bytes(services, Path(path))
    return parse_bytes(services, Path(path).read_bytes(), request=request)


def parse_bytes(services: Services, data: bytes, *, request: Request) -> Parsed:
    """Parses an encoded photo that was counted and is small enough; see `parse_photo`."""
    image = load_image(data, max_pixels=services.settings.max_pixels)
    if max(image.size) > _LONGEST_SIDE:
        raise ImageError(
            f"The photo is {image.width} x {image.height} pixels: a side may have at most "
            f"{_LONGEST_SIDE:,}. Cut it to the face."
        )
    return _parse(services, image, request)


def open_example(
    services: Services, showcase: Showcase, example: Example, *, request: Request
) -> Parsed:
    """Opens an example for this visit, with its known parse where there is one.

    Raises:
        TooFastError: It has to be parsed, and the visitor parses more than accepted.
        CheckpointError: It has to be parsed, and the model can't be loaded.
    """
    parse = showcase.known(example.name, model=request.model)
    if parse is None:
        return parse_photo(services, example.path, request=request)
    photo = services.photos.put(load_image(example.path.read_bytes()), parse)
    return Parsed(photo, name=example.path.stem)


def parse_photos(services: Services, paths: Sequence[str | Path], *, request: Request) -> Batch:
    """Parses several uploaded photos; one that fails does not stop the others.

    Raises:
        VisitError: No photo was given.
    """
    *_, batch = parse_each(services, paths, request=request)
    return batch


def parse_each(
    services: Services, paths: Sequence[str | Path], *, request: Request
) -> Iterator[Batch]:
    """Parses several photos one by one, so that a visitor who leaves stops the work.

    Yields:
        What was parsed so far, after every photo.

    Raises:
        VisitError: No photo was given.
    """
    parsed: list[Parsed] = []
    taken, problems = accepted(services, paths)
    for number, path in enumerate(taken, start=1):
        try:
            item = parse_photo(services, path, request=request)
            parsed.append(replace(item, given=number - 1))
        except SegFaceError as error:
            which = f"Photo {number}: " if len(paths) > 1 else ""
            problems.append(f"{which}{as_sentence(error)}")
        yield Batch(tuple(parsed), tuple(problems))


def accepted(
    services: Services, paths: Sequence[str | Path]
) -> tuple[Sequence[str | Path], list[str]]:
    """Returns the photos that are taken, and a sentence where there are too many of them.

    Raises:
        VisitError: None was given.
    """
    if not paths:
        raise VisitError("Choose a photo first.")
    most = services.settings.max_photos
    left = len(paths) - most
    if left <= 0:
        return paths, []
    rest = "the last one" if left == 1 else f"the last {left}"
    sentence = f"At most {most} photos are parsed at once: choose {rest} of the {len(paths)} again."
    return paths[:most], [sentence]


def parse_again(services: Services, key: str, *, request: Request) -> Parsed:
    """Parses an open photo once more, with another model or as one whole face.

    Raises:
        PhotoGoneError: The photo is no longer open.
        TooFastError: The visitor parses more photos a minute than accepted.
        CheckpointError: The model can't be loaded; the photo stays as it was.
    """
    services.limit.spend(request.visitor, request.address)
    return _parse(services, services.photos.get(key).own_image, request)


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """What another model says about an open photo.

    Attributes:
        mask: uint8 (H, W) of the open photo's size.
        sentence: How much the two differ.
    """

    mask: np.ndarray
    sentence: str


def compare_models(services: Services, key: str, *, request: Request) -> ModelComparison:
    """Parses an open photo with another model, to look at both; nothing is replaced.

    Raises:
        PhotoGoneError: The photo is no longer open.
        VisitError: The models name different classes.
        TooFastError: The visitor parses more photos a minute than accepted.
        CheckpointError: The model can't be loaded.
    """
    services.limit.spend(request.visitor, request.address)
    photo = services.photos.get(key)
    if request.model == photo.parse.model_id:
        raise VisitError(
            f"This photo was parsed by {request.model} already: choose another checkpoint to "
            "compare it with."
        )
    whole = bool(photo.parse.faces) and photo.parse.faces[0].confidence == 0
    other = services.models.parse(request.model, photo.own_image, whole_image=whole)
    if other.schema.names != photo.parse.schema.names:
        raise VisitError(
            f"{request.model} names other classes ({other.schema.name}) than "
            f"{photo.parse.model_id} ({photo.parse.schema.name}): choose one with the same."
        )
    full = photo.full_mask
    mask = photo.parse.mask if full is None else full
    differs = (other.mask != mask)[(other.mask > 0) | (mask > 0)]
    share = 100 * float(differs.mean()) if differs.size else 0.0
    most = _most_different(mask, other.mask, photo.parse.schema)
    where = f", most of all in {' and '.join(most)}" if most else ""
    sentence = (
        f"{request.model} differs in {share:.1f} % of the face pixels{where}: it is on the left."
    )
    return ModelComparison(_resized(other.mask, photo.image.size), sentence)


def _most_different(mask: np.ndarray, other: np.ndarray, schema: LabelSchema) -> list[str]:
    """The two classes whose pixels differ most between two masks, by area; background aside."""
    moved = mask != other
    both = np.concatenate((mask[moved], other[moved]))
    counts = np.bincount(both, minlength=schema.num_classes)
    counts[0] = 0
    return [title(schema.names[i]) for i in np.argsort(-counts)[:2] if counts[i]]


def _parse(services: Services, image: Image.Image, request: Request) -> Parsed:
    """Parses a photo in its own pixels; one that is too large to be edited is kept smaller, too."""
    parse = services.models.parse(request.model, image, whole_image=request.whole_image)
    small = reduced(image, services.settings.max_side)
    if small.size == image.size:
        return Parsed(services.photos.put(image, parse))
    note = (
        f"It is shown and corrected at {small.width} x {small.height} pixels; the downloaded mask "
        f"has all {image.width} x {image.height}."
    )
    photo = services.photos.put(
        small, reduced_parse(parse, small.size), full_mask=parse.mask, own_image=image
    )
    return Parsed(photo, note)


def reduced_parse(parse: FaceParse, size: tuple[int, int]) -> FaceParse:
    """Returns a parse in other pixels: each takes the class at its center.

    Args:
        parse: Of the photo in its own pixels.
        size: New width and height.
    """
    scale = size[0] / parse.mask.shape[1]
    return replace(
        parse,
        mask=_resized(parse.mask, size),
        faces=tuple(scaled(face, scale) for face in parse.faces),
        confidence=None if parse.confidence is None else _resized(parse.confidence, size),
        runner_up=None if parse.runner_up is None else _resized(parse.runner_up, size),
    )


def _resized(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns a plane of another width and height, each pixel as the nearest one."""
    if plane.shape == (size[1], size[0]):
        return plane
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.NEAREST))


def scaled(face: Face, scale: float) -> Face:
    """Returns a face in the pixels of a photo that is `scale` times as large."""
    x0, y0, x1, y1 = (float(v) * scale for v in face.box)
    landmarks = None if face.landmarks is None else face.landmarks * np.float32(scale)
    return replace(face, box=(x0, y0, x1, y1), landmarks=landmarks)


def _check_bytes(services: Services, path: Path) -> None:
    most = services.settings.max_upload_mb
    if path.stat().st_size > most * 1_000_000:
        raise ImageError(f"The file is larger than {most} MB: make the photo smaller.")


def reduced(image: Image.Image, max_side: int) -> Image.Image:
    """Returns a picture whose longer side is at most `max_side` pixels."""
    longest = max(image.size)
    if longest <= max_side:
        return image
    width, height = (max(1, round(side * max_side / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def as_sentence(error: Exception | str) -> str:
    """Returns an error's message as a sentence for a person: a capital, a full stop, one line."""
    text = " ".join(str(error).split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
