"""Instances: each pixel of a photo belongs to one face."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import LabelError
from segface_hf.faces import FaceParse
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.parser import FaceParser
from segface_hf.pipeline.align import detection_of_frame
from segface_hf.pipeline.frames import Frame
from tests.segface_hf.drawn import FixedDetector, PaletteEngine, scene

PLACES = ((200.0, 220.0, 260.0, 0.0), (520.0, 250.0, 240.0, 0.0), (830.0, 200.0, 200.0, 20.0))
SIZE = (1000, 480)


@pytest.fixture
def parser() -> FaceParser:
    frames = [Frame((x, y), side, angle) for x, y, side, angle in PLACES]
    detections = [detection_of_frame(frame, confidence=0.9) for frame in frames]
    return FaceParser(PaletteEngine(), detector=FixedDetector(*detections))


@pytest.fixture
def photo() -> Image.Image:
    return scene(*PLACES, size=SIZE)[0]


def test_every_pixel_of_a_part_belongs_to_the_face_that_it_is_drawn_with(
    parser: FaceParser, photo: Image.Image
) -> None:
    parse = parser.parse(photo, instances=True)
    assert parse.instances is not None
    assert parse.instances.dtype == np.uint16
    assert ((parse.instances == 0) == (parse.mask == 0)).all()
    for index, place in enumerate(PLACES):
        theirs = scene(place, size=SIZE)[1] > 0
        ours = parse.region(face=index)
        assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) > 0.97
        left, top, right, bottom = parse.faces[index].box
        rows, columns = np.nonzero(parse.region("nose", face=index))
        assert left < columns.mean() < right
        assert top < rows.mean() < bottom
    noses = [parse.region("nose", face=index) for index in range(3)]
    assert (np.sum(noses, axis=0) == parse.region("nose")).all()


def test_instances_change_no_label_and_are_equal_for_many_photos(
    parser: FaceParser, photo: Image.Image
) -> None:
    plain, with_instances = parser.parse(photo), parser.parse(photo, instances=True)
    assert plain.instances is None
    assert (plain.mask == with_instances.mask).all()
    (again,) = parser.parse_many([photo], instances=True)
    assert isinstance(again, FaceParse)
    assert again.instances is not None
    assert (again.instances == with_instances.instances).all()


def test_pixels_of_unrequested_classes_belong_to_no_face(
    parser: FaceParser, photo: Image.Image
) -> None:
    parse = parser.parse(photo, instances=True, classes=("nose",))
    assert parse.instances is not None
    assert ((parse.instances > 0) == (parse.mask == CELEBAMASK_HQ.id_of("nose"))).all()


def test_a_whole_picture_is_one_face_and_a_photo_without_a_face_has_none(
    photo: Image.Image,
) -> None:
    parser = FaceParser(PaletteEngine(), detector=FixedDetector())
    whole = parser.parse(photo, whole_image=True, instances=True)
    assert (whole.region(face=0) == (whole.mask > 0)).all()
    empty = parser.parse(photo, instances=True)
    assert empty.instances is not None
    assert not empty.instances.any()


def test_a_missing_face_or_a_parse_without_instances_is_refused(
    parser: FaceParser, photo: Image.Image
) -> None:
    with pytest.raises(LabelError, match="parse with instances=True"):
        parser.parse(photo).region("nose", face=0)
    for index in (3, -1):
        with pytest.raises(LabelError, match=rf"the photo has 3 faces, no faces\[{index}\]"):
            parser.parse(photo, instances=True).region("nose", face=index)


def test_a_map_of_instances_of_another_kind_is_refused() -> None:
    mask = np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match="instances is uint16 of shape"):
        FaceParse(mask, CELEBAMASK_HQ, instances=mask)
