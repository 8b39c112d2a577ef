"""Which pictures are aligned crops, and how the faces of other photos become samples."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import find_pairs
from segface_hf.data.frames import crop_mask, face_samples, is_aligned_crop, photo_frames
from segface_hf.data.photo_set import load_photos
from segface_hf.errors import DataError
from segface_hf.labels import CELEBAMASK_HQ, IGNORED
from segface_hf.pipeline.align import detection_of_frame
from segface_hf.pipeline.frames import Frame
from tests.segface_hf.drawn import FixedDetector, face_mask, scene
from tests.segface_hf.training.drawn import write_pair

SIDE = 128
THREE = ((150.0, 160.0, 200.0, 0.0), (360.0, 170.0, 200.0, 20.0), (570.0, 160.0, 180.0, -10.0))


def detector_of(places):
    frames = [Frame((x, y), side, angle) for x, y, side, angle in places]
    return FixedDetector(*(detection_of_frame(frame, confidence=0.9) for frame in frames))


@pytest.fixture
def pairs(tmp_path):
    """A photo of three faces, and an aligned crop."""
    photo, mask = scene(*THREE, size=(720, 320))
    write_pair(tmp_path, "group", np.asarray(photo), mask)
    crop, mask = scene((128, 128, 256, 0), size=(256, 256))
    write_pair(tmp_path, "crop", np.asarray(crop), mask)
    return find_pairs(tmp_path)


def test_a_framed_face_is_an_aligned_crop():
    mask = face_mask(256)
    hair = mask == CELEBAMASK_HQ.id_of("hair")
    assert is_aligned_crop(mask, CELEBAMASK_HQ)
    assert is_aligned_crop(np.where(hair, IGNORED, mask).astype(np.uint8), CELEBAMASK_HQ)


def test_a_square_picture_of_classes_without_a_face_is_a_crop():
    own = SegFaceConfig(label_names=("background", "pin"), label_colors=((0, 0, 0), (9, 9, 9)))
    assert is_aligned_crop(np.eye(64, dtype=np.uint8), own.labels)
    assert not is_aligned_crop(np.eye(64, 96, dtype=np.uint8), own.labels)


@pytest.mark.parametrize(
    ("places", "size"),
    [
        ([(128, 128, 256, 0)], (400, 256)),
        ([(256, 256, 256, 0)], (512, 512)),
        ([(150, 150, 256, 0)], (400, 400)),
        ([(200, 200, 256, 60)], (400, 400)),
        ([(128, 256, 240, 0), (384, 256, 240, 0)], (512, 512)),
        ([(100, 100, 50, 0)], (512, 512)),
        ([], (512, 512)),
    ],
    ids=["wide", "small", "aside", "turned", "two faces", "tiny", "no face"],
)
def test_other_pictures_are_photos(places, size):
    assert not is_aligned_crop(scene(*places, size=size)[1], CELEBAMASK_HQ)


@pytest.mark.parametrize("detector", [detector_of(THREE), FixedDetector()], ids=["box", "mask"])
def test_every_face_of_a_photo_becomes_a_sample_in_its_own_frame(pairs, detector):
    photos = load_photos(pairs, CELEBAMASK_HQ, side=SIDE, detector=detector)
    assert sorted(photos.stems) == ["crop", "group/1", "group/2", "group/3"]
    truth, nose = face_mask(SIDE), CELEBAMASK_HQ.id_of("nose")
    for mask in photos.masks.numpy():
        known = mask != IGNORED
        assert known.mean() > 0.7
        assert (mask == truth)[known].mean() > 0.95
        assert (mask == nose).sum() == pytest.approx((truth == nose).sum(), rel=0.15)


def test_crops_are_taken_whole_when_the_caller_says_so(pairs):
    photos = load_photos(pairs, CELEBAMASK_HQ, side=SIDE, aligned=True)
    assert photos.stems == ("crop", "group")


def test_photos_without_a_face_are_refused_with_their_number(tmp_path):
    write_pair(tmp_path, "sea", np.zeros((60, 90, 3), np.uint8), np.zeros((60, 90), np.uint8))
    with pytest.raises(DataError, match=r"no face was found in 1 photo: .* Pass --aligned"):
        load_photos(find_pairs(tmp_path), CELEBAMASK_HQ, side=SIDE, detector=FixedDetector())


def test_pixels_beyond_the_photo_and_of_other_faces_do_not_count():
    photo, mask = scene((140, 128, 256, 0), (300, 128, 256, 0), size=(440, 256))
    photo, mask = photo.crop((40, 0, 400, 256)), mask[:, 40:400]
    frames = photo_frames(
        photo, mask, CELEBAMASK_HQ, detector=detector_of([(100, 128, 256, 0), (260, 128, 256, 0)])
    )
    left, right = face_samples(photo, mask, frames, side=256)
    assert np.array_equal(left.image[:, 0], left.image[:, 20])
    assert (left.mask[:, :20] == IGNORED).all()
    skin = CELEBAMASK_HQ.id_of("skin")
    assert (crop_mask(mask, frames[0], 256)[100:160, 240:] == skin).any()
    assert not (left.mask[:, 200:] == skin).any()
    assert (left.mask[:, 200:] == 0).any()
    assert (right.mask[128, 120:136] != IGNORED).all()
