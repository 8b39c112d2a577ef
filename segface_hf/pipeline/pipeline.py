"""From a photo to its label map: crop, parse, align by landmarks, parse again, merge. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from segface_hf.config import SegFaceConfig
from segface_hf.faces import UNREADABLE, Face
from segface_hf.labels import LabelSchema
from segface_hf.pipeline.align import (
    frame_of_detection,
    frame_of_landmarks,
    is_plausible,
    is_steady,
    turn_between,
)
from segface_hf.pipeline.beyond_frame import (
    OUTER_CLASSES,
    WIDER,
    extends_beyond_frame,
    ids_of,
    keep_outer_classes,
    of_face,
    without_padding,
)
from segface_hf.pipeline.detect import Detection
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.landmarks import TEMPLATE, read_landmarks
from segface_hf.pipeline.merge import Canvas, CropParse, near_weights, wide_weights
from segface_hf.pipeline.plausible import Place, plausible

# Crops in one call of the model: more are not faster on a CPU and take more memory.
BATCH = 4
# Frames of at most so many photo pixels are parsed at this share of the model's resolution. On 25
# photos of val, shrunk to such frames, the F1 of common classes falls by at most 0.009.
SMALL_FRAMES = ((40.0, 0.7), (96.0, 0.8))
# A face that the first alignment turned by more than this many degrees is aligned again.
_LARGE_TURN = 10.0
# If the photo extends at most 15 % beyond the face frame, use the whole photo.
_COVERING = 1.15
# In its frame a face's features are within this share of the side around this place.
_FEATURES_WITHIN = 0.33
_FEATURES_MIDDLE = (0.5, 0.58)
# Mean probability in the middle of a face: at least 0.90 on val and 0.85 on main faces of street
# photos; at most 0.78 on faces shrunk to 16 pixels and 0.55 on faces blurred by 12 of 320 pixels.
_LEAST_CONFIDENCE = 0.75
# Warped models compress a face's surroundings into their frame, so it is larger.
_WARPED_WIDER = 1.4


class Engine(Protocol):
    """A model that parses crops, on whatever runtime."""

    @property
    def config(self) -> SegFaceConfig:
        """Resolution, labels and warp of the model."""

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, confidence: bool
    ) -> list[CropParse]:
        """Parses upright crops.

        Args:
            crops: uint8 RGB (B, S, S, 3).
            landmarks: float32 (B, 5, 2) in crop pixels; None for models without a warp.
            confidence: Whether to return confidence and runner-up.
        """


@dataclass(frozen=True, eq=False)
class View:
    """One face and its latest parse.

    Attributes:
        face: The detector's result.
        frame: The frame of the latest parse.
        parse: The latest parse; None before the first.
        points: (5, 2) landmarks in photo pixels, read off the latest parse; None if unreadable.
        number: The index of the face in the photo, from 1.
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
        scout: Makes the parses that landmarks are read off: `engine` itself, unless that needs
            landmarks.
        confidence: Whether confidence and runner-up are wanted.
        wanted: The ids of the requested classes; None for all.
        instances: Whether the face of each pixel is wanted.
        raw: Whether parts that can't be there are kept.
    """

    engine: Engine
    scout: Engine
    confidence: bool = False
    wanted: frozenset[int] | None = None
    instances: bool = False
    raw: bool = False

    def of_faces(
        self, image: Image.Image, found: Sequence[Detection]
    ) -> tuple[Canvas, tuple[Face, ...]]:
        """Parses detected faces of an RGB photo and merges them in its pixels."""
        canvas = self._canvas(image)
        faces: list[Face] = []
        cut: list[View] = []
        for number, face in enumerate(found, 1):
            view = self._final(image, first_view(face, image.size, number=number))
            self._paste(canvas, image, view)
            faces.append(_face(view, image.size, problem=self._problem(view)))
            if faces[-1].problem is None and self._is_cut(view, image):
                cut.append(replace(view, parse=None))
        for view in cut:
            self._paste_surroundings(canvas, image, view)
        return canvas, tuple(faces)

    def _canvas(self, image: Image.Image) -> Canvas:
        return Canvas(image.size, confidence=self.confidence, instances=self.instances)

    def _final(self, image: Image.Image, view: View) -> View:
        """Parses a face in its final frame."""
        view = self.aligned(image, view)
        if not self._needs_landmarks:
            return view
        wider = replace(view, frame=view.frame.scaled(_WARPED_WIDER))
        return self._parsed(self.engine, [(image, wider)])[0]

    def _paste(self, canvas: Canvas, image: Image.Image, view: View) -> None:
        """Pastes a face's parse on the photo."""
        schema = self.engine.config.labels
        parse = without_padding(_parse_of(view), schema, frame=view.frame, photo=image)
        if not self.raw and not self._needs_landmarks:
            parse = plausible(parse, schema)
        canvas.add(view.frame, parse, near_weights(len(parse.labels)), face=view.number)

    def _problem(self, view: View) -> str | None:
        """Says that the model can't read a face, if it is unsure of its middle."""
        sure = confidence_within(_parse_of(view), _features_zone(len(_parse_of(view).labels)))
        return UNREADABLE if sure is not None and sure < _LEAST_CONFIDENCE else None

    def _is_cut(self, view: View, image: Image.Image) -> bool:
        """Whether hair or clothes of a face extend beyond its frame."""
        if self._needs_landmarks:
            return False
        labels, schema = _parse_of(view).labels, self.engine.config.labels
        return extends_beyond_frame(view.frame, labels, schema, photo=image.size)

    def _paste_surroundings(self, canvas: Canvas, image: Image.Image, cut: View) -> None:
        """Parses wider around a face, unless no requested class could change."""
        schema = self.engine.config.labels
        outer = self.wanted is None or self.wanted & set(ids_of(OUTER_CLASSES, schema))
        # Hair or clothes can cover a requested class, so they are parsed even if not requested.
        weight, widest = int(wide_weights(1).max()), WIDER[-1].frame(cut.frame)
        if not outer and not canvas.has_below(widest, tuple(self.wanted or ()), weight):
            return
        for level, (wider, following) in enumerate(zip(WIDER, (*WIDER[1:], None), strict=True)):
            frame = wider.frame(cut.frame)
            size = crop_side(frame, self.engine.config.resolution, share=wider.resolution)
            (view,) = self._parsed(self.engine, [(image, replace(cut, frame=frame))], size=size)
            parse = _parse_of(view)
            if not self.raw:
                parse = of_face(parse, schema, Place.of(cut.frame, frame))
            goes_further = following is not None and extends_beyond_frame(
                frame, parse.labels, schema, photo=image.size, classes=following.classes
            )
            around = keep_outer_classes(
                parse, schema, classes=wider.classes, fade_out=not goes_further
            )
            around = without_padding(around, schema, frame=frame, photo=image)
            canvas.add(frame, around, wide_weights(size, level), face=view.number)
            if not goes_further:
                break

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

    def aligned(self, image: Image.Image, view: View) -> View:
        """Parses in the detector's frame, then in the one that the landmarks define."""

        def look(view: View) -> View:
            size = crop_side(view.frame, self.scout.config.resolution)
            return self._parsed(self.scout, [(image, view)], size=size)[0]

        return align(view, image.size, look)

    def _parsed(
        self, engine: Engine, views: Sequence[tuple[Image.Image, View]], *, size: int | None = None
    ) -> list[View]:
        """Runs a model on views, a few at a time, and reads their landmarks.

        Args:
            engine: The model.
            views: Photos with a frame each.
            size: Side of the crops; None for the model's resolution.
        """
        parsed: list[View] = []
        size = size or engine.config.resolution
        for start in range(0, len(views), BATCH):
            batch = views[start : start + BATCH]
            crops = np.stack([view.frame.crop(image, size) for image, view in batch])
            marks = None
            if engine.config.warp != "none":
                marks = np.stack([_points_in_crop(view, size) for _, view in batch])
            runs = engine.run(crops, landmarks=marks, confidence=self.confidence)
            for (_, view), run in zip(batch, runs, strict=True):
                parsed.append(replace(view, parse=run, points=self._points(engine, view, run)))
        return parsed

    def _points(self, engine: Engine, view: View, run: CropParse) -> np.ndarray | None:
        """Reads landmarks off a new parse; those given to a warped model stay."""
        if engine.config.warp != "none":
            return view.points
        return points_in(view.frame, run.labels, engine.config.labels)


def first_view(face: Detection, photo: tuple[int, int], *, number: int = 1) -> View:
    """Returns a detected face in the detector's frame, in a photo of (width, height)."""
    return View(face, covering(frame_of_detection(face), photo), number=number)


def align(view: View, photo: tuple[int, int], look: Callable[[View], View]) -> View:
    """Looks at a face in the detector's frame, then in the one that its landmarks define.

    Args:
        view: The face in the detector's frame.
        photo: (width, height).
        look: Reads the landmarks in a view's frame, off a model's parse or off a true mask.

    Returns:
        The face as it was looked at last.
    """
    view = look(view)
    frame = better_frame(view, photo)
    if frame is None:
        return view
    view = look(replace(view, frame=frame))
    frame = better_frame(view, photo) if _was_turned_far(view) else None
    return view if frame is None else look(replace(view, frame=frame))


def crop_side(frame: Frame, resolution: int, *, share: float = 1.0) -> int:
    """Returns the side at which a frame is parsed: small frames need less than the resolution.

    Args:
        frame: In photo pixels.
        resolution: The model's.
        share: How much of the resolution a frame of any size needs at most.
    """
    share = min([share, *(least for most, least in SMALL_FRAMES if frame.side <= most)])
    return resolution if share == 1 else max(32, round(resolution * share / 32) * 32)


def points_in(frame: Frame, labels: np.ndarray, schema: LabelSchema) -> np.ndarray | None:
    """Reads a face's landmarks off the uint8 (S, S) labels of its frame.

    Returns:
        (5, 2) in photo pixels; None if they can't be read.
    """
    read = read_landmarks(np.where(_features_zone(len(labels)), labels, np.uint8(0)), schema)
    return None if read is None else frame.to_photo(read.points / len(labels))


def better_frame(view: View, photo: tuple[int, int]) -> Frame | None:
    """Returns the frame that a view's landmarks define, where parsing there may help; else None."""
    aligned = None if view.points is None else frame_of_landmarks(view.points)
    if aligned is None or not is_plausible(frame_of_detection(view.face), aligned):
        return None
    frame = covering(aligned, photo)
    return None if is_steady(view.frame, frame) else frame


def covering(frame: Frame, photo: tuple[int, int]) -> Frame:
    """Enlarges a frame to hold the whole photo of (width, height), if little is missing.

    Otherwise hair and clothes would be cut off shortly before the photo's edge.
    """
    width, height = photo
    corners = frame.to_unit(np.array([[0, 0], [width, 0], [width, height], [0, height]]))
    factor = 2 * float(np.abs(corners - 0.5).max())
    return frame.scaled(factor) if 1.0 < factor <= _COVERING else frame


@dataclass(frozen=True)
class FramedFace:
    """A detected face and the frame that the parser parses it in.

    Attributes:
        detection: The detector's result.
        frame: The final frame, after alignment.
    """

    detection: Detection
    frame: Frame


def frames_of(
    image: Image.Image, detections: Sequence[Detection], *, engine: Engine
) -> tuple[FramedFace, ...]:
    """Returns the frame of each detected face, as `FaceParser` frames it.

    Args:
        image: The RGB photo.
        detections: Its faces, in photo pixels.
        engine: A model without a warp; landmarks are read off its parses.

    Returns:
        As many faces as detections, in the same order.

    Example:
        >>> faces = frames_of(photo, parser.detector.detect(photo), engine=parser.engine)
        >>> crops = [face.frame.crop(photo, 512) for face in faces]
    """
    passes = PhotoParse(engine, engine)
    views = (
        first_view(face, image.size, number=number) for number, face in enumerate(detections, 1)
    )
    return tuple(FramedFace(view.face, passes.aligned(image, view).frame) for view in views)


def _parse_of(view: View) -> CropParse:
    assert view.parse is not None
    return view.parse


def _was_turned_far(view: View) -> bool:
    return turn_between(Frame((0.0, 0.0), 1.0, view.face.angle), view.frame) > _LARGE_TURN


def _features_zone(size: int) -> np.ndarray:
    """bool (size, size): the place of a face's features; a neighbor's are outside."""
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


def confidence_within(parse: CropParse, zone: np.ndarray) -> float | None:
    """Returns the mean probability of the best class, 0 to 1, within a bool (S, S) zone."""
    if parse.logits is None:
        return None if parse.confidence is None else float(parse.confidence[zone].mean()) / 255
    logits = parse.logits[zone]
    return float(np.mean(1 / np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)))


def _face(view: View, photo: tuple[int, int], *, problem: str | None = None) -> Face:
    """Builds the public `Face`, its box clipped to a photo of (width, height)."""
    points = None if view.points is None else view.points.astype(np.float32)
    x0, x1, y0, y1 = (min(max(0.0, view.face.box[i]), float(photo[i % 2])) for i in (0, 2, 1, 3))
    return Face((x0, y0, x1, y1), points, view.face.confidence, problem)
