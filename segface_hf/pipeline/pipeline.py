"""From a photo to its label map: crop, parse, align by landmarks, parse again, merge. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from segface_hf.config import SegFaceConfig
from segface_hf.faces import Face
from segface_hf.pipeline.align import (
    frame_of_detection,
    frame_of_landmarks,
    is_plausible,
    is_steady,
    turn_between,
)
from segface_hf.pipeline.beyond_frame import (
    goes_on,
    only_spreading,
    spreading_ids,
    wider_frame,
    without_padding,
)
from segface_hf.pipeline.detect import Detection
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.landmarks import TEMPLATE, read_landmarks
from segface_hf.pipeline.merge import Canvas, CropParse, near_weights, wide_weights

# Crops that go through a model together, and faces of one photo that are in work together: more
# are not faster on a CPU, only larger; a crowd's logits are never held at once.
BATCH = 4
FACES_AT_ONCE = 1
# A face that the first alignment turned by more than this is aligned once more.
_LARGE_TURN = 10.0
# A photo that ends this close beyond a face's frame is taken whole.
_COVERING = 1.15
# In its frame a face's features lie within this share of the side around this place.
_FEATURES_WITHIN = 0.33
_FEATURES_MIDDLE = (0.5, 0.58)
# Warped models squeeze what lies around a face into their frame, so they get to see some of it.
_WARPED_WIDER = 1.4


class Engine(Protocol):
    """A model that parses crops, on whatever runtime."""

    @property
    def config(self) -> SegFaceConfig:
        """Resolution, labels and warp of the model."""

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, doubt: bool
    ) -> list[CropParse]:
        """Parses upright crops.

        Args:
            crops: uint8 RGB (B, S, S, 3).
            landmarks: float32 (B, 5, 2) in crop pixels; None for models without a warp.
            doubt: Whether to return confidence and runner-up.
        """


@dataclass(frozen=True, eq=False)
class View:
    """One face on its way through the passes.

    Attributes:
        face: What the detector said.
        frame: The frame of the latest parse.
        parse: The latest parse, None before the first.
        points: (5, 2) landmarks in photo pixels, read off the latest parse; None if hidden.
        number: Which face of the photo it is, from 1.
    """

    face: Detection
    frame: Frame
    parse: CropParse | None = None
    points: np.ndarray | None = None
    number: int = 1


@dataclass(frozen=True)
class PhotoParse:
    """How one photo is parsed.

    Attributes:
        engine: Makes the masks.
        scout: Makes the first parses, off which landmarks are read: `engine` itself, unless that
            needs landmarks.
        doubt: Whether confidence and runner-up are wanted.
        wanted: The ids of the only classes wanted; None for all.
        instances: Whether the face of each pixel is wanted.
    """

    engine: Engine
    scout: Engine
    doubt: bool = False
    wanted: frozenset[int] | None = None
    instances: bool = False

    def of_faces(
        self, image: Image.Image, found: Sequence[Detection]
    ) -> tuple[Canvas, tuple[Face, ...]]:
        """Parses detected faces of an RGB photo and merges them in its pixels."""
        canvas = self._canvas(image)
        faces: list[Face] = []
        cut: list[View] = []
        for start in range(0, len(found), FACES_AT_ONCE):
            views = [
                View(face, covering(frame_of_detection(face), image.size), number=number)
                for number, face in enumerate(found[start : start + FACES_AT_ONCE], start + 1)
            ]
            views = self._laid(canvas, image, views)
            faces += [_face(view, image.size) for view in views]
            cut += [replace(view, parse=None) for view in views if self._goes_on(view, image)]
        for view in cut:
            self._lay_surroundings(canvas, image, view)
        return canvas, tuple(faces)

    def _canvas(self, image: Image.Image) -> Canvas:
        return Canvas(image.size, doubt=self.doubt, instances=self.instances)

    def _laid(self, canvas: Canvas, image: Image.Image, views: list[View]) -> list[View]:
        """Parses some faces in their own frames and lays these on the photo."""
        views = self._aligned(image, views)
        if self._needs_landmarks:
            views = [replace(view, frame=view.frame.scaled(_WARPED_WIDER)) for view in views]
            views = self._parsed(self.engine, [(image, view) for view in views])
        schema = self.engine.config.labels
        for view in views:
            parse = without_padding(_parse_of(view), schema, frame=view.frame, photo=image)
            canvas.add(view.frame, parse, near_weights(len(parse.labels)), face=view.number)
        return views

    def _goes_on(self, view: View, image: Image.Image) -> bool:
        """Whether hair or clothes of a face go on beyond its frame."""
        if self._needs_landmarks:
            return False
        labels, schema = _parse_of(view).labels, self.engine.config.labels
        return goes_on(view.frame, labels, schema, photo=image.size)

    def _lay_surroundings(self, canvas: Canvas, image: Image.Image, cut: View) -> None:
        """Parses wider around a face, unless nothing that is wanted could change by it."""
        schema, size = self.engine.config.labels, self.engine.config.resolution
        wide, weights = replace(cut, frame=wider_frame(cut.frame)), wide_weights(size)
        spreads = self.wanted is None or self.wanted & set(spreading_ids(schema))
        # What spreads may hide what is wanted even where it isn't wanted itself.
        if not spreads and not canvas.has_below(
            wide.frame, tuple(self.wanted or ()), int(weights.max())
        ):
            return
        for view in self._parsed(self.engine, [(image, wide)]):
            around = only_spreading(_parse_of(view), schema)
            around = without_padding(around, schema, frame=view.frame, photo=image)
            canvas.add(view.frame, around, weights, face=view.number)

    def of_whole(self, images: Sequence[Image.Image]) -> Iterator[tuple[Canvas, Face]]:
        """Parses each picture as one upright face that fills it."""
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            views = self._parsed(self.scout, [(image, _whole(image)) for image in batch])
            if self._needs_landmarks:
                views = self._parsed(self.engine, list(zip(batch, views, strict=True)))
            for image, view in zip(batch, views, strict=True):
                canvas = self._canvas(image)
                parse = _parse_of(view)
                canvas.add(view.frame, parse, near_weights(len(parse.labels)), face=view.number)
                yield canvas, _face(view, image.size)

    @property
    def _needs_landmarks(self) -> bool:
        return self.engine.config.warp != "none"

    def _aligned(self, image: Image.Image, views: list[View]) -> list[View]:
        """Parses in the detector's frames, then in those that the landmarks define."""
        views = self._parsed(self.scout, [(image, view) for view in views])
        views = self._realigned(image, views, lambda view: True)
        return self._realigned(image, views, _was_turned_far)

    def _realigned(
        self, image: Image.Image, views: list[View], wanted: Callable[[View], bool]
    ) -> list[View]:
        """Parses again those views whose landmarks ask for another frame."""
        better = {i: better_frame(view, image.size) for i, view in enumerate(views) if wanted(view)}
        moved = {i: replace(views[i], frame=frame) for i, frame in better.items() if frame}
        parsed = self._parsed(self.scout, [(image, view) for view in moved.values()])
        again = dict(zip(moved, parsed, strict=True))
        return [again.get(i, view) for i, view in enumerate(views)]

    def _parsed(self, engine: Engine, views: Sequence[tuple[Image.Image, View]]) -> list[View]:
        """Runs a model on views, a few at a time, and reads their landmarks."""
        parsed: list[View] = []
        size = engine.config.resolution
        for start in range(0, len(views), BATCH):
            batch = views[start : start + BATCH]
            crops = np.stack([view.frame.crop(image, size) for image, view in batch])
            marks = None
            if engine.config.warp != "none":
                marks = np.stack([_points_in_crop(view, size) for _, view in batch])
            runs = engine.run(crops, landmarks=marks, doubt=self.doubt)
            for (_, view), run in zip(batch, runs, strict=True):
                parsed.append(replace(view, parse=run, points=self._points(engine, view, run)))
        return parsed

    def _points(self, engine: Engine, view: View, run: CropParse) -> np.ndarray | None:
        """Reads landmarks off a fresh parse; a model that was given some keeps them."""
        if engine.config.warp != "none":
            return view.points
        labels = np.where(_features_zone(len(run.labels)), run.labels, np.uint8(0))
        read = read_landmarks(labels, engine.config.labels)
        return None if read is None else view.frame.to_photo(read.points / len(labels))


def better_frame(view: View, photo: tuple[int, int]) -> Frame | None:
    """Returns the frame that a view's landmarks define, where parsing there may help."""
    aligned = None if view.points is None else frame_of_landmarks(view.points)
    if aligned is None or not is_plausible(frame_of_detection(view.face), aligned):
        return None
    frame = covering(aligned, photo)
    return None if is_steady(view.frame, frame) else frame


def covering(frame: Frame, photo: tuple[int, int]) -> Frame:
    """Enlarges a frame to hold the whole photo of (width, height), where little is missing.

    Hair and clothes that go on to the photo's edge are then not cut off shortly before it.
    """
    width, height = photo
    corners = frame.to_unit(np.array([[0, 0], [width, 0], [width, height], [0, height]]))
    factor = 2 * float(np.abs(corners - 0.5).max())
    return frame.scaled(factor) if 1.0 < factor <= _COVERING else frame


def _parse_of(view: View) -> CropParse:
    assert view.parse is not None
    return view.parse


def _was_turned_far(view: View) -> bool:
    return turn_between(Frame((0.0, 0.0), 1.0, view.face.angle), view.frame) > _LARGE_TURN


def _features_zone(size: int) -> np.ndarray:
    """bool (size, size): where a face's features lie; a neighbour's lie outside."""
    places = (np.arange(size) + 0.5) / size
    across, down = places - _FEATURES_MIDDLE[0], places - _FEATURES_MIDDLE[1]
    return np.asarray(across[None, :] ** 2 + down[:, None] ** 2 < _FEATURES_WITHIN**2)


def _points_in_crop(view: View, size: int) -> np.ndarray:
    """Landmarks in crop pixels; the mean face's where they could not be read."""
    unit = TEMPLATE if view.points is None else view.frame.to_unit(view.points)
    return np.asarray(unit * size, np.float32)


def _whole(image: Image.Image) -> View:
    width, height = image.size
    face = Detection.from_box((0.0, 0.0, float(width), float(height)), confidence=0.0)
    return View(face, Frame((width / 2, height / 2), float(max(width, height))))


def _face(view: View, photo: tuple[int, int]) -> Face:
    """What is told of a face: the part of its box that lies in a photo of (width, height)."""
    points = None if view.points is None else view.points.astype(np.float32)
    x0, x1, y0, y1 = (min(max(0.0, view.face.box[i]), float(photo[i % 2])) for i in (0, 2, 1, 3))
    return Face((x0, y0, x1, y1), points, view.face.confidence)
