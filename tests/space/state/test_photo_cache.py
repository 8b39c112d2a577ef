import os
from dataclasses import replace

import numpy as np
import pytest

from segface_hf.errors import OutputError
from space.errors import PhotoGoneError
from space.state.photo_cache import PhotoCache
from tests.space.conftest import noise, painted_parser


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def photos(tmp_path, clock):
    return PhotoCache(tmp_path / "visits", keep_seconds=3600, clock=clock)


def opened(photos, seed=0):
    image = noise(seed=seed)
    return photos.put(image, painted_parser().parse(image, confidence=True))


def test_a_cached_photo_keeps_all_results_of_its_parse(photos):
    put = opened(photos)
    got = photos.get(put.key)
    for name in ("mask", "confidence", "runner_up"):
        assert np.array_equal(getattr(got.parse, name), getattr(put.parse, name))
    assert got.parse.faces[0].box == pytest.approx(put.parse.faces[0].box)
    assert np.allclose(got.parse.faces[0].landmarks, put.parse.faces[0].landmarks)
    assert got.parse.schema == put.parse.schema
    assert (got.parse.model_id, got.parse.digest) == ("embedded", "sha256:0")


def test_photos_of_one_visit_stay_as_long_as_one_of_them_is_used(photos, clock):
    late = opened(photos, seed=2).key
    clock.now += 1000
    keys = [opened(photos, seed=seed).key for seed in (0, 1)]
    clock.now += 3000
    photos.touch([*keys, late, "0" * 32])
    clock.now += 3000
    assert [photos.get(key).key for key in keys] == keys
    with pytest.raises(PhotoGoneError):
        photos.get(late)


def test_a_photo_is_gone_an_hour_after_it_was_last_used(photos, clock, tmp_path):
    key = opened(photos).key
    clock.now += 3000
    photos.get(key)
    clock.now += 3000
    assert photos.get(key).key == key
    clock.now += 3601
    with pytest.raises(PhotoGoneError):
        photos.get(key)
    assert photos.sweep() == 1
    assert list((tmp_path / "visits").iterdir()) == []


def test_a_new_photo_removes_expired_ones(photos, clock, tmp_path):
    opened(photos)
    photos.put_file("mask.png", b"bytes")
    clock.now += 3601
    # Files keep the time of the machine; the clock by hand is only ahead of what it touched.
    for entry in (tmp_path / "visits").iterdir():
        os.utime(entry, (0, 0))
    fresh = opened(photos, seed=1)
    assert [entry.name for entry in (tmp_path / "visits").iterdir()] == [fresh.key]


def test_different_photos_have_unrelated_keys(photos):
    first, second = opened(photos).key, opened(photos, seed=1).key
    assert first != second
    assert len(first) == 32
    assert opened(photos).key == first


def test_two_parses_of_one_photo_with_equal_masks_are_kept_apart(photos):
    image = noise()
    parse = painted_parser().parse(image)
    without = photos.put(image, replace(parse, faces=()))
    assert len(photos.get(photos.put(image, parse).key).parse.faces) == 1
    assert photos.get(without.key).parse.faces == ()


def test_the_cache_holds_no_file_name_of_a_visitor(photos, tmp_path):
    opened(photos)
    names = {path.name for path in (tmp_path / "visits").rglob("*") if path.is_file()}
    assert names == {"photo.png", "shown.jpg", "parse.json", "maps.npz"}


def test_a_folder_that_cannot_be_written_says_which_setting_to_change(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(OutputError, match="SEGFACE_CACHE"):
        opened(PhotoCache(blocked / "visits", keep_seconds=60))
