"""Many pictures at once: a list of them, never one picture taken for a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import ImageError, LabelError
from segface_hf.parser import FaceParser
from tests.segface_hf.drawn import FixedDetector, PaletteEngine, face_mask, painted

SIZE = 256


@pytest.mark.parametrize("kind", ["array", "gray array", "image", "path", "name", "bytes"])
def test_one_crop_instead_of_a_list_is_refused(kind: str) -> None:
    crop = painted(face_mask(64))
    one = {
        "array": np.asarray(crop),
        "gray array": np.asarray(crop)[..., 0],
        "image": crop,
        "path": Path("crop.png"),
        "name": "crop.png",
        "bytes": b"crop",
    }[kind]
    with pytest.raises(ImageError, match="put it in a list"):
        FaceParser(PaletteEngine()).parse_aligned(one)


def test_an_array_of_crops_is_a_list_of_them() -> None:
    batch = np.stack([painted(face_mask(SIZE)), painted(face_mask(SIZE, without=("hair",)))])
    first, second = FaceParser(PaletteEngine()).parse_aligned(batch)
    assert np.array_equal(first, face_mask(SIZE))
    assert np.array_equal(second, face_mask(SIZE, without=("hair",)))


def hidden(*without: str) -> np.ndarray:
    return face_mask(SIZE, without=without)


MASKS = [hidden(name) for name in ("hair", "nose", "neck", "cloth", "skin")] * 5


def parsed_whole(images):
    return FaceParser(PaletteEngine(), detector=FixedDetector()).parse_many(
        images, whole_image=True
    )


def test_many_photos_come_in_order_and_a_few_are_read_ahead() -> None:
    taken: list[int] = []

    def photos():
        for index, mask in enumerate(MASKS):
            taken.append(index)
            yield painted(mask)

    parses = parsed_whole(photos())
    assert taken == []
    found = [next(parses).mask]
    assert len(taken) <= 9
    found += [parse.mask for parse in parses]
    assert len(found) == len(MASKS)
    assert all(np.array_equal(ours, mask) for ours, mask in zip(found, MASKS, strict=True))


@pytest.mark.parametrize("bad", ["none.png", b"no picture", np.zeros((4, 4), np.float32)])
def test_a_photo_that_cannot_be_read_has_its_error_in_its_place(bad: object) -> None:
    first, error, last = parsed_whole([painted(MASKS[0]), bad, painted(MASKS[1])])
    assert isinstance(error, ImageError)
    assert np.array_equal(first.mask, MASKS[0])
    assert np.array_equal(last.mask, MASKS[1])


def test_a_photo_may_be_changed_or_closed_once_the_next_is_asked_for(tmp_path: Path) -> None:
    for index, mask in enumerate(MASKS):
        painted(mask).save(tmp_path / f"{index:02}.png")

    def photos():
        pixels = np.empty((SIZE, SIZE, 3), np.uint8)
        for path in sorted(tmp_path.glob("*.png")):
            with Image.open(path) as photo:
                yield photo
            pixels[:] = np.asarray(painted(hidden("hair")))
            yield pixels
            pixels[:] = 0

    expected = [one for mask in MASKS for one in (mask, hidden("hair"))]
    found = list(parsed_whole(photos()))
    assert len(found) == len(expected)
    assert all(np.array_equal(a.mask, b) for a, b in zip(found, expected, strict=True))


def test_invalid_arguments_are_refused_before_the_first_photo() -> None:
    parser = FaceParser(PaletteEngine(), detector=FixedDetector())
    with pytest.raises(ImageError, match="put it in a list"):
        parser.parse_many("photo.jpg")
    with pytest.raises(LabelError, match="no class 'beard'"):
        parser.parse_many([], classes=("beard",))
