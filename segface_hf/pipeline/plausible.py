"""Rules for parts that can't be there: specks, and parts apart from the face they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from segface_hf.labels import LabelSchema
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.merge import CropParse

FEATURES = ("l_brow", "r_brow", "l_eye", "r_eye", "nose", "mouth", "l_lip", "u_lip")
HEAD = ("skin", "hair", "l_ear", "r_ear", *FEATURES)
# Smaller components, as a share of the frame's area, are specks. A stud in an ear is small.
SPECK = 2e-4
SPECKS = {"earring": 1e-4, "hat": 2e-3, "eyeglasses": 1e-3, "necklace": 3e-4}
# A face's features are within this distance of this place in its frame; see `pipeline`.
FACE_CENTER = (0.5, 0.58)
FACE_WITHIN = 0.36
# Between the eyes, and how far from there the center of eyeglasses may be: worn on the nose or
# pushed up, but not as low as a tie.
EYES = (0.5, 0.48)
EYEGLASSES_WITHIN = 0.5
EYEGLASSES_ABOVE = 0.62
# The center of a hat is above the nose tip: at most 0.52 down the frame in training masks. What
# the model calls hat lower down is a dark collar or shoulder.
HAT_ABOVE = 0.62
# Centers of earrings and necklaces in training masks: 0.43 to 0.98, and 0.81 or more.
EARRING_BETWEEN = (0.4, 1.1)
NECKLACE_BELOW = 0.72
# Parts that touch are at most this share of the face frame apart.
REACH = 0.015
_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Place:
    """Where a face frame is in the frame that is parsed: in a wider one it is a smaller square.

    Attributes:
        corner: x and y of its upper left corner in the parsed frame's unit square.
        side: Its side, as a share of the parsed frame's.
    """

    corner: tuple[float, float] = (0.0, 0.0)
    side: float = 1.0

    @classmethod
    def of(cls, face: Frame, frame: Frame) -> Place:
        """Returns the place of a face frame in a frame of the same angle."""
        x, y = frame.to_unit(face.to_photo(np.zeros((1, 2))))[0]
        return cls((float(x), float(y)), face.side / frame.side)

    def in_frame(self, point: tuple[float, float]) -> tuple[float, float]:
        """Maps a point of the face frame's unit square to the parsed frame's."""
        x, y = (start + value * self.side for start, value in zip(self.corner, point, strict=True))
        return (x, y)

    def in_face(self, point: tuple[float, float]) -> tuple[float, float]:
        """Maps a point of the parsed frame's unit square to the face frame's."""
        x, y = (
            (value - start) / self.side for start, value in zip(self.corner, point, strict=True)
        )
        return (x, y)


WHOLE = Place()


@dataclass(frozen=True, eq=False)
class Part:
    """A connected component of one class in a frame.

    Attributes:
        name: Its class.
        box: Slices of its rows and columns.
        region: bool, within the box.
        size: Side of the frame's label map.
        place: Where the face is in the frame.
    """

    name: str
    box: tuple[slice, slice]
    region: np.ndarray
    size: int
    place: Place = WHOLE

    @property
    def share(self) -> float:
        """Its area over the face frame's."""
        return float(np.count_nonzero(self.region)) / (self.size * self.place.side) ** 2

    @property
    def center(self) -> tuple[float, float]:
        """x and y in the face frame's unit square."""
        rows, columns = np.nonzero(self.region)
        x, y = columns.mean() + self.box[1].start, rows.mean() + self.box[0].start
        return self.place.in_face((float(x + 0.5) / self.size, float(y + 0.5) / self.size))

    def touches(self, mask: np.ndarray) -> bool:
        """Whether it is within reach of a bool (S, S) mask."""
        steps = max(1, round(REACH * self.size * self.place.side))
        rows, columns = (slice(max(0, side.start - steps), side.stop + steps) for side in self.box)
        near = np.zeros(mask[rows, columns].shape, bool)
        top, left = self.box[0].start - rows.start, self.box[1].start - columns.start
        near[top : top + self.region.shape[0], left : left + self.region.shape[1]] = self.region
        grown = ndimage.binary_dilation(near, _EIGHT, iterations=steps)
        return bool((grown & mask[rows, columns]).any())


@dataclass(frozen=True, eq=False)
class Person:
    """What is known of the person whose face a frame shows.

    Attributes:
        labels: uint8 (S, S).
        schema: Names the ids.
        place: Where the face is in the frame.
    """

    labels: np.ndarray
    schema: LabelSchema
    place: Place = WHOLE

    def where(self, *names: str) -> np.ndarray:
        """bool (S, S): where any of some classes is."""
        return np.isin(
            self.labels, [self.schema.names.index(n) for n in names if n in self.schema.names]
        )

    def own_head(self) -> np.ndarray:
        """bool (S, S): the parts of the head that are connected with the frame's face, with a hat.

        A part that is connected with its own head touches it by being in it.
        """
        return around_face(self.where(*HEAD, "hat"), self.place)


# (part, person, the person's head) -> whether the part can't be there
Rule = Callable[[Part, Person, np.ndarray], bool]


def is_speck(part: Part, person: Person, head: np.ndarray) -> bool:
    """A component is smaller than any real part of its class."""
    return part.share < SPECKS.get(part.name, SPECK)


def is_hat_apart_from_head(part: Part, person: Person, head: np.ndarray) -> bool:
    """A hat touches the head of the frame's face."""
    return part.name == "hat" and not part.touches(head)


def is_hat_below_eyes(part: Part, person: Person, head: np.ndarray) -> bool:
    """The center of a hat is above the tip of the nose."""
    return part.name == "hat" and part.center[1] > HAT_ABOVE


def is_necklace_apart_from_neck(part: Part, person: Person, head: np.ndarray) -> bool:
    """A necklace is below the mouth and touches a neck."""
    if part.name != "necklace":
        return False
    return part.center[1] < NECKLACE_BELOW or not part.touches(person.where("neck"))


def is_earring_apart_from_head(part: Part, person: Person, head: np.ndarray) -> bool:
    """An earring is at the height of ears, and touches one or the hair or skin that hides it."""
    if part.name != "earring":
        return False
    low, high = EARRING_BETWEEN
    return not low < part.center[1] < high or not part.touches(head)


def is_feature_outside_face(part: Part, person: Person, head: np.ndarray) -> bool:
    """Eyes, brows, nose and mouth are in the middle of a face's frame."""
    if part.name not in FEATURES:
        return False
    offset = np.subtract(part.center, FACE_CENTER)
    return float(np.hypot(*offset)) > FACE_WITHIN


def are_eyeglasses_away_from_eyes(part: Part, person: Person, head: np.ndarray) -> bool:
    """Eyeglasses touch the head, near the eyes and not below the nose."""
    if part.name != "eyeglasses":
        return False
    distance = float(np.hypot(*np.subtract(part.center, EYES)))
    too_far = distance > EYEGLASSES_WITHIN or part.center[1] > EYEGLASSES_ABOVE
    return too_far or not part.touches(head)


RULES: tuple[Rule, ...] = (
    is_speck,
    is_hat_apart_from_head,
    is_hat_below_eyes,
    is_necklace_apart_from_neck,
    is_earring_apart_from_head,
    is_feature_outside_face,
    are_eyeglasses_away_from_eyes,
)


def plausible(
    parse: CropParse,
    schema: LabelSchema,
    *,
    place: Place = WHOLE,
    rules: tuple[Rule, ...] = RULES,
) -> CropParse:
    """Relabels the components that break a rule by the class around them.

    Args:
        parse: A parse of a face's own frame or of a wider one.
        schema: Names the ids.
        place: Where the face's own frame is in the parsed one.
        rules: Which rules; all by default.
    """
    person = Person(parse.labels, schema, place)
    head = person.own_head()
    broken = [
        part
        for part in parts_of(parse.labels, schema, place)
        if any(rule(part, person, head) for rule in rules)
    ]
    if not broken:
        return parse
    labels = parse.labels.copy()
    logits = None if parse.logits is None else parse.logits.copy()
    for part in broken:
        _relabel(labels, logits, part)
    return replace(parse, labels=labels, logits=logits)


def parts_of(labels: np.ndarray, schema: LabelSchema, place: Place = WHOLE) -> Iterator[Part]:
    """Yields the connected components of each class but background."""
    names = schema.names[1:]
    for index, around in enumerate(ndimage.find_objects(labels, len(names)), 1):
        if around is None:
            continue
        components, _ = ndimage.label(labels[around] == index, _EIGHT)
        for number, box in enumerate(ndimage.find_objects(components), 1):
            region = components[box] == number
            yield Part(names[index - 1], _within(around, box), region, len(labels), place)


def _within(outer: tuple[slice, ...], inner: tuple[slice, ...]) -> tuple[slice, slice]:
    """The box in a map that an inner box has in the map's outer box."""
    rows, columns = (
        slice(side.start + start.start, side.stop + start.start)
        for start, side in zip(outer, inner, strict=True)
    )
    return rows, columns


def around_face(mask: np.ndarray, place: Place) -> np.ndarray:
    """bool (S, S): the component of a bool (S, S) mask that covers most of a face's features."""
    return connected_with(mask, place.in_frame(FACE_CENTER), FACE_WITHIN / 2 * place.side)


def connected_with(mask: np.ndarray, center: tuple[float, float], reach: float) -> np.ndarray:
    """Returns the component of a mask that covers most of the square around a place.

    Args:
        mask: bool (S, S).
        center: x and y in the unit square.
        reach: Half of the square's side, as a share of the mask's.

    Returns:
        bool (S, S); all False where the square is empty.
    """
    components, count = ndimage.label(mask, _EIGHT)
    x, y, steps = (round(value * len(mask)) for value in (*center, reach))
    steps = max(1, steps)
    here = components[max(0, y - steps) : y + steps, max(0, x - steps) : x + steps]
    counts = np.bincount(here.ravel(), minlength=count + 1)
    counts[0] = 0
    return np.asarray(components == counts.argmax()) if counts.any() else np.zeros_like(mask)


def _relabel(labels: np.ndarray, logits: np.ndarray | None, part: Part) -> None:
    """Gives a component the commonest class of the pixels around it, in place."""
    rows, columns = (slice(max(0, side.start - 1), side.stop + 1) for side in part.box)
    near = labels[rows, columns]
    region = np.zeros(near.shape, bool)
    top, left = part.box[0].start - rows.start, part.box[1].start - columns.start
    region[top : top + part.region.shape[0], left : left + part.region.shape[1]] = part.region
    around = near[ndimage.binary_dilation(region, _EIGHT) & ~region]
    new = int(np.bincount(around).argmax()) if len(around) else 0
    near[region] = new
    if logits is not None:
        here = logits[rows, columns]
        here[region, new] = here[region].max(-1) + 1
