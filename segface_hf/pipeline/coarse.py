"""CoarseDetector: finds faces by parsing the whole photo, where no face detector can run."""

from __future__ import annotations

import numpy as np
from PIL import Image

from segface_hf.labels import LabelSchema
from segface_hf.pipeline.align import detection_of_frame, frame_of_landmarks
from segface_hf.pipeline.detect import Detection, strongest
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.landmarks import read_landmarks
from segface_hf.pipeline.pipeline import Engine

# Sides of the parsed frame over the photo's: a face that fills the photo is found at the larger.
_ZOOMS = (1.0, 1.6)
FACE_PARTS = (
    "skin", "l_brow", "r_brow", "l_eye", "r_eye", "nose", "mouth", "l_lip", "u_lip", "eyeglasses",
)  # fmt: skip
_CELLS = 64
_LEAST_CELLS = 6
# A patch with fewer visible landmarks is not a face but, for example, a hand.
_LEAST_SEEN = 3
_CONFIDENCE = 0.5


class CoarseDetector:
    """Finds large, roughly upright faces with the parsing model itself.

    It is slower than `SlimefaceDetector` and misses small faces.

    Args:
        engine: A model without a warp.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def detect(self, image: Image.Image) -> list[Detection]:
        """Returns the faces of an RGB image, largest first."""
        size = self._engine.config.resolution
        middle = (image.width / 2, image.height / 2)
        found: list[Detection] = []
        for zoom in _ZOOMS:
            frame = Frame(middle, max(image.size) * zoom)
            crop = frame.crop(image, size)[None]
            labels = self._engine.run(crop, landmarks=None, confidence=False)[0].labels
            found += faces_in(labels, frame, self._engine.config.labels)
        return sorted(strongest(found), key=lambda face: -face.side)


def faces_in(labels: np.ndarray, frame: Frame, schema: LabelSchema) -> list[Detection]:
    """Turns every patch of face parts that shows features into a detection."""
    found = []
    for patch in _patches(labels, schema):
        read = read_landmarks(np.where(patch, labels, np.uint8(0)), schema)
        if read is None or read.seen.sum() < _LEAST_SEEN:
            continue
        aligned = frame_of_landmarks(frame.to_photo(read.points / len(labels)))
        if aligned is not None:
            found.append(detection_of_frame(aligned, confidence=_CONFIDENCE))
    return found


def _patches(labels: np.ndarray, schema: LabelSchema) -> list[np.ndarray]:
    """bool (S, S) of each connected patch of face parts, on a coarse grid."""
    step = max(1, len(labels) // _CELLS)
    ids = [schema.names.index(name) for name in FACE_PARTS if name in schema.names]
    free = np.isin(labels[step // 2 :: step, step // 2 :: step], ids)
    patches = []
    while free.any():
        cells = _connected(free)
        free = free & ~cells
        if cells.sum() >= _LEAST_CELLS:
            patch = np.kron(cells, np.ones((step, step), bool))[: len(labels), : len(labels)]
            short = [(0, len(labels) - side) for side in patch.shape]
            patches.append(np.pad(patch, short, mode="edge"))
    return patches


def _connected(free: np.ndarray) -> np.ndarray:
    """The cells that are connected with the first free one."""
    cells = np.zeros_like(free)
    cells.flat[int(free.argmax())] = True
    while True:
        grown = cells.copy()
        grown[1:] |= cells[:-1]
        grown[:-1] |= cells[1:]
        grown[:, 1:] |= cells[:, :-1]
        grown[:, :-1] |= cells[:, 1:]
        grown &= free
        if np.array_equal(grown, cells):
            return cells
        cells = grown
