"""Hair and clothes beyond a frame are parsed, and padding is background."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.pipeline.beyond_frame import (
    WIDER,
    extends_beyond_frame,
    keep_outer_classes,
    of_face,
    padding_color,
    without_padding,
)
from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.merge import CropParse
from segface_hf.pipeline.plausible import Place

HAIR, SKIN, CLOTH = (CELEBAMASK_HQ.id_of(name) for name in ("hair", "skin", "cloth"))


def test_wider_frames_reach_further_down_along_the_face() -> None:
    frames = [wider.frame(Frame((50.0, 50.0), 20.0, 180.0)) for wider in WIDER]
    assert [frame.side for frame in frames] == [20.0 * wider.side for wider in WIDER]
    assert all(frame.center[1] < 50.0 for frame in frames)


def test_hair_at_the_border_extends_beyond_the_frame_and_skin_does_not() -> None:
    labels = np.zeros((16, 16), np.uint8)
    labels[8:, 4:8] = SKIN
    frame = Frame((100.0, 100.0), 50.0)
    assert not extends_beyond_frame(frame, labels, CELEBAMASK_HQ, photo=(200, 200))
    labels[15, 4:8] = HAIR
    assert extends_beyond_frame(frame, labels, CELEBAMASK_HQ, photo=(200, 200))


def test_hair_that_ends_with_the_photo_does_not_extend_further() -> None:
    labels = np.zeros((16, 16), np.uint8)
    labels[15, 4:8] = HAIR
    assert not extends_beyond_frame(
        Frame((25.0, 25.0), 50.0), labels, CELEBAMASK_HQ, photo=(50, 50)
    )


def test_only_outer_classes_are_kept() -> None:
    labels = np.array([[HAIR, SKIN], [CLOTH, CELEBAMASK_HQ.id_of("earring")]], np.uint8)
    kept = keep_outer_classes(CropParse(labels), CELEBAMASK_HQ)
    assert kept.labels.tolist() == [[HAIR, 0], [CLOTH, 0]]


def test_what_is_not_connected_with_the_face_is_background() -> None:
    labels = np.zeros((32, 32), np.uint8)
    labels[10:32, 12:20] = SKIN
    labels[4:10, 24:30] = HAIR
    place = Place.of(Frame((50.0, 50.0), 40.0), Frame((50.0, 50.0), 100.0))
    own = of_face(CropParse(labels), CELEBAMASK_HQ, place).labels
    assert (own[10:, 12:20] == SKIN).all()
    assert HAIR not in own


def test_a_hat_on_the_shoulders_in_a_wider_frame_gets_the_class_around_it() -> None:
    labels = np.zeros((100, 100), np.uint8)
    labels[70:100, 10:90] = CLOTH
    labels[30:70, 35:65] = SKIN
    true = labels.copy()
    true[15:30, 30:70] = CELEBAMASK_HQ.id_of("hat")
    wrong = true.copy()
    wrong[75:90, 15:30] = CELEBAMASK_HQ.id_of("hat")
    place = Place.of(Frame((50.0, 50.0), 60.0), Frame((50.0, 50.0), 100.0))
    assert np.array_equal(of_face(CropParse(wrong), CELEBAMASK_HQ, place).labels, true)


def test_unsure_parts_fade_towards_the_rim() -> None:
    size = 32
    logits = np.zeros((size, size, 19), np.float32)
    logits[..., CLOTH] = 3.0
    parse = CropParse(np.full((size, size), CLOTH, np.uint8), logits)
    kept = keep_outer_classes(parse, CELEBAMASK_HQ)
    assert kept.labels[16, 16] == CLOTH
    assert kept.labels[16, 31] == 0
    assert kept.logits is not None
    assert np.array_equal(kept.logits.argmax(-1), kept.labels)
    assert logits[16, 31].argmax() == CLOTH
    whole = keep_outer_classes(parse, CELEBAMASK_HQ, fade_out=False)
    assert whole.labels[16, 31] == CLOTH


@pytest.mark.parametrize("color", [(0, 0, 0), (250, 251, 249)])
def test_a_letterbox_is_background(color: tuple[int, int, int]) -> None:
    photo = Image.new("RGB", (64, 64), color)
    noise = np.random.default_rng(0).integers(60, 200, (32, 64, 3), np.uint8)
    photo.paste(Image.fromarray(noise), (0, 16))
    parse = CropParse(np.full((64, 64), CLOTH, np.uint8))
    frame = Frame((32.0, 32.0), 64.0)
    kept = without_padding(parse, CELEBAMASK_HQ, frame=frame, photo=photo)
    assert not kept.labels[:15].any()
    assert (kept.labels[20:44] == CLOTH).all()


def test_a_black_coat_in_one_corner_is_not_padding() -> None:
    photo = Image.new("RGB", (64, 64), (40, 90, 200))
    photo.paste((0, 0, 0), (0, 40, 64, 64))
    assert padding_color(photo) is None
    parse = CropParse(np.full((8, 8), CLOTH, np.uint8))
    frame = Frame((32.0, 32.0), 64.0)
    assert without_padding(parse, CELEBAMASK_HQ, frame=frame, photo=photo) is parse


def test_a_one_pixel_photo_has_corners_too() -> None:
    assert padding_color(Image.new("RGB", (1, 1), (9, 8, 7))) is not None
