"""The cards of the examples and their parses, made once after the app has started.

Cards are part of the page, so showing them needs no request and no served file. Opening one needs
no model call.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from segface_hf.errors import SegFaceError
from segface_hf.images import load_image
from segface_hf.overlay import blend, outline
from space.state.examples import Example

if TYPE_CHECKING:
    from segface_hf.parser import FaceParse

log = logging.getLogger(__name__)
# Pixels of a card's side: twice what is shown, for dense screens.
_SIDE = 360
# How much of the surroundings is shown, in sides of the faces' common box.
_AROUND = 1.9
_LINE = (255, 255, 255)
# Fills the card of a photo that is not square, in light and dark pages.
_MAT = (44, 46, 52)


@dataclass(frozen=True)
class Card:
    """One example as the first page shows it.

    Attributes:
        name: File name, which identifies the example.
        title: What it shows.
        photo: A square WebP of it, as a data address.
        parsed: The same with its parts in color; empty where nothing has parsed it.
    """

    name: str
    title: str
    photo: str
    parsed: str = ""

    def as_dict(self) -> dict[str, str]:
        """Returns the card as the page takes it."""
        return asdict(self)


class Showcase:
    """The examples that an app offers, as photos until `parse` shows what a model finds in them.

    Args:
        examples: In the order in which they are shown.
    """

    def __init__(self, examples: Sequence[Example] = ()) -> None:
        self._examples = tuple(examples)
        self._model = ""
        self._parses: dict[str, FaceParse] = {}
        self.cards = tuple(_card(example, _opened(example), None) for example in examples)

    def parse(self, parse: Callable[[Image.Image], FaceParse], *, model: str) -> None:
        """Parses the examples; one that can't be parsed stays without its parts.

        Args:
            parse: The model that visitors start with.
            model: Its id.
        """
        self._model = model
        cards = []
        for example in self._examples:
            image = _opened(example)
            try:
                self._parses[example.name] = parse(image)
            except SegFaceError as error:
                log.warning("the example %s can't be parsed: %s", example.name, error)
            cards.append(_card(example, image, self._parses.get(example.name)))
        self.cards = tuple(cards)

    def known(self, name: str, *, model: str) -> FaceParse | None:
        """Returns what a model found in an example if that is known."""
        return self._parses.get(name) if model == self._model else None


def _opened(example: Example) -> Image.Image:
    return load_image(example.path.read_bytes())


def _card(example: Example, image: Image.Image, found: FaceParse | None) -> Card:
    size = (_SIDE, _SIDE)
    if found is None:
        return Card(example.name, example.title, _address(ImageOps.fit(image, size)))
    crop = _around_faces(found, image.size)
    photo = image.crop(crop)
    photo.thumbnail(size)
    mask = Image.fromarray(found.mask).crop(crop).resize(photo.size, Image.Resampling.NEAREST)
    ids = np.asarray(mask)
    shown = np.array(blend(photo, ids, found.schema, opacity=0.6))
    shown[outline(ids)] = _LINE
    pair = [ImageOps.pad(p, size, color=_MAT) for p in (photo, Image.fromarray(shown))]
    return Card(example.name, example.title, *(_address(p) for p in pair))


def _around_faces(parse: FaceParse, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns the part of a photo, square where that holds all faces, that shows them large."""
    boxes = [face.box for face in parse.faces] or [(0, 0, *size)]
    edges = [
        (min(box[i] for box in boxes), max(box[i + 2] for box in boxes), size[i]) for i in (0, 1)
    ]
    side = _AROUND * max(high - low for low, high, _ in edges)
    (left, right), (top, bottom) = (_span(*edge, side) for edge in edges)
    return left, top, right, bottom


def _span(low: float, high: float, most: int, length: float) -> tuple[int, int]:
    length = int(min(length, most))
    start = round(min(max(0, (low + high - length) / 2), most - length))
    return start, start + length


def _address(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=76)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
