"""The detection benchmark counts faces at their places, and false ones."""

from __future__ import annotations

from bench.detection import Scene, alone, close, count, crowd, small, turned
from bench.pictures import portrait
from segface_hf.pipeline.align import SIDE_OVER_BOX
from segface_hf.pipeline.detect import Detection
from tests.segface_hf.drawn import FixedDetector


def test_faces_lie_where_the_scenes_say() -> None:
    crop = portrait(200)
    for scene in (alone(crop), small(crop, 24), turned(crop, 30), close(crop), crowd([crop] * 7)):
        detector = FixedDetector(
            *(Detection((x, y), (side, side), 0.9) for x, y, side in scene.faces)
        )
        assert count(detector, scene) == (len(scene.faces), 0)
    (x, y, side) = small(crop, 24).faces[0]
    picture = small(crop, 24).image.crop((300, 200, 339, 239))
    assert (x, y, side) == (319.5, 219.5, 24.0)
    assert picture.size == (round(24 * SIDE_OVER_BOX),) * 2


def test_detections_elsewhere_and_of_another_size_are_false() -> None:
    scene = Scene(portrait(100), ((50.0, 50.0, 40.0),))
    elsewhere = Detection((90.0, 50.0), (40.0, 40.0), 0.9)
    large = Detection((50.0, 50.0), (90.0, 90.0), 0.9)
    assert count(FixedDetector(elsewhere, large), scene) == (0, 2)
