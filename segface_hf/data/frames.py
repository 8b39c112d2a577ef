"""Faces of pictures with masks: which pictures are aligned crops, and a sample per face of others.

A photo's faces are framed as `FaceParser` frames them. Landmarks come from the mask, where the
parser reads them off its first parse, so no model is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from segface_hf.errors import DetectorUnavailableError
from segface_hf.labels import IGNORED, LabelSchema
from segface_hf.pipeline.align import frame_of_landmarks, turn_between
from segface_hf.pipeline.batching import SharedDetector
from segface_hf.pipeline.centerface import default_detector
from segface_hf.pipeline.coarse import FACE_PARTS, faces_in
from segface_hf.pipeline.detect import Detection, Detector
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.landmarks import read_landmarks
from segface_hf.pipeline.merge import near_weights
from segface_hf.pipeline.pipeline import View, align, first_view, points_in

# Limits for an aligned crop, as the mask's landmarks place it. The 844 masks of CelebAMask-HQ that
# were measured are within 1.40, 0.09 and 13 degrees, and above 0.15.
_MOST_ASPECT = 1.1
_MOST_SCALE = 1.6
_MOST_SHIFT = 0.2
_MOST_TURN = 25.0
_LEAST_FACE_SHARE = 0.05
# Sides to which masks are reduced: to recognize a crop, and to read landmarks in a frame.
_GLANCE_SIDE = 128
_READ_SIDE = 256


@dataclass(frozen=True, eq=False)
class FaceSample:
    """One face in its frame, at a square size.

    Attributes:
        image: uint8 RGB (S, S, 3). Beyond the photo its border pixels repeat.
        mask: uint8 (S, S) of class ids. `IGNORED` beyond the photo, and on pixels that belong to
            another face.
    """

    image: np.ndarray
    mask: np.ndarray


def is_aligned_crop(mask: np.ndarray, schema: LabelSchema) -> bool:
    """Whether a picture shows one upright face, framed as in the training photos.

    The mask alone decides: the picture is about square, shows at most one face, and landmarks
    that are read off the mask place this face about where training photos have it. Where no
    landmarks can be read (schemas without eyes, nose and mouth; partly labeled masks), a square
    picture is taken as a crop.

    Args:
        mask: uint8 (H, W) of class ids and `IGNORED`.
        schema: What the ids stand for.
    """
    if max(mask.shape) > _MOST_ASPECT * min(mask.shape):
        return False
    labels = crop_mask(mask, _square_around(mask), _GLANCE_SIDE)
    ids = [schema.id_of(name) for name in FACE_PARTS if name in schema.names]
    share = float(np.isin(labels, ids).mean())
    if ids and share < _LEAST_FACE_SHARE and not (mask == IGNORED).any():
        return False
    unit = Frame((0.5, 0.5), 1.0)
    if len(faces_in(labels, unit, schema)) > 1:
        return False
    read = read_landmarks(labels, schema)
    face = None if read is None else frame_of_landmarks(read.points / len(labels))
    return face is None or (
        1 / _MOST_SCALE <= face.side <= _MOST_SCALE
        and float(np.hypot(*np.subtract(face.center, 0.5))) <= _MOST_SHIFT
        and turn_between(unit, face) <= _MOST_TURN
    )


def shared_detector() -> Detector | None:
    """Returns the parser's face detector, for several threads; None where none can run."""
    try:
        return SharedDetector(default_detector())
    except DetectorUnavailableError:
        return None


def photo_frames(
    image: Image.Image, mask: np.ndarray, schema: LabelSchema, *, detector: Detector | None
) -> tuple[Frame, ...]:
    """Returns the frame of every face of a photo, as the parser would frame it.

    Args:
        image: RGB.
        mask: uint8 (H, W) of class ids and `IGNORED`.
        schema: What the ids stand for.
        detector: Finds the faces. Where it finds none, or is None, the mask's faces are taken.
    """
    found = list(detector.detect(image)) if detector else []
    found = found or faces_of_mask(mask, schema)
    return tuple(_aligned(face, mask, schema) for face in found)


def faces_of_mask(mask: np.ndarray, schema: LabelSchema) -> list[Detection]:
    """Returns the faces that a mask shows, largest first."""
    frame = _square_around(mask)
    found = faces_in(crop_mask(mask, frame, 2 * _READ_SIDE), frame, schema)
    return sorted(found, key=lambda face: -face.side)


def _aligned(face: Detection, mask: np.ndarray, schema: LabelSchema) -> Frame:
    """Follows the parser's passes, with the mask in place of the model's parses."""
    size = (mask.shape[1], mask.shape[0])

    def look(view: View) -> View:
        labels = crop_mask(mask, view.frame, _READ_SIDE)
        return replace(view, points=points_in(view.frame, labels, schema))

    return align(first_view(face, size), size, look).frame


def face_samples(
    image: Image.Image, mask: np.ndarray, frames: Sequence[Frame], *, side: int
) -> tuple[FaceSample, ...]:
    """Cuts faces out of a photo and its mask.

    Args:
        image: RGB.
        mask: uint8 (H, W) of class ids and `IGNORED`.
        frames: One for each face of the photo.
        side: Side of the samples in pixels.
    """
    samples = []
    for index, frame in enumerate(frames):
        ids = crop_mask(mask, frame, side)
        ids[_owned_by_others(frames, index, side) & (ids != 0)] = IGNORED
        samples.append(FaceSample(np.array(frame.crop(image, side)), ids))
    return tuple(samples)


def crop_mask(mask: np.ndarray, frame: Frame, side: int) -> np.ndarray:
    """Cuts a frame out of a mask, upright, by nearest pixel: uint8 (side, side).

    Pixels beyond the mask are `IGNORED`.
    """
    corners = frame.to_photo(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    origin, across, down = corners[0], corners[1] - corners[0], corners[2] - corners[0]
    rows = zip(across / side, down / side, origin, strict=True)
    coefficients = tuple(float(value) for row in rows for value in row)
    cropped = Image.fromarray(mask).transform(
        (side, side),
        Image.Transform.AFFINE,
        coefficients,
        resample=Image.Resampling.NEAREST,
        fillcolor=IGNORED,
    )
    return np.array(cropped)


def _owned_by_others(frames: Sequence[Frame], index: int, side: int) -> np.ndarray:
    """bool (side, side): where the parser gives a pixel of one frame to another face's frame."""
    weights, frame = near_weights(side), frames[index]
    places = (np.arange(side) + 0.5) / side
    grid = np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)
    points = frame.to_photo(grid)
    others = np.zeros(side * side, bool)
    for other in (*frames[:index], *frames[index + 1 :]):
        if not _boxes_meet(frame, other):
            continue
        cells = np.floor(other.to_unit(points) * side).astype(np.int64)
        inside = ((cells >= 0) & (cells < side)).all(1)
        columns, rows = cells[inside].T
        others[inside] |= weights[rows, columns] > weights.ravel()[inside]
    return others.reshape(side, side)


def _boxes_meet(first: Frame, second: Frame) -> bool:
    a, b = first.box, second.box
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _square_around(mask: np.ndarray) -> Frame:
    """The upright square around a whole mask."""
    height, width = mask.shape
    return Frame((width / 2, height / 2), float(max(height, width)))
