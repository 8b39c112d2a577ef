"""Frames map between the photo and upright crops, and never leave a crop empty."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from segface_hf.pipeline.frames import EMPTY_COLOR, Frame


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8))


@pytest.mark.parametrize("angle", [0.0, 30.0, -135.0, 180.0])
def test_points_go_to_the_photo_and_back(angle: float) -> None:
    frame = Frame((40.0, 70.0), 25.0, angle)
    points = np.array([[0.0, 0.0], [0.3, 0.9], [1.0, 0.5]])
    assert np.allclose(frame.to_unit(frame.to_photo(points)), points)


def test_a_frame_turned_clockwise_has_its_top_on_the_right() -> None:
    top = Frame((50.0, 50.0), 20.0, 90.0).to_photo(np.array([[0.5, 0.0]]))
    assert np.allclose(top, [[60.0, 50.0]])


def test_the_crop_of_the_whole_photo_is_the_photo() -> None:
    photo = noise(64, 64)
    assert np.array_equal(Frame((32.0, 32.0), 64.0).crop(photo, 64), photo)


def test_a_crop_of_whole_pixels_is_cut_out_exactly() -> None:
    photo = noise(64, 48)
    crop = Frame((20.0, 16.0), 16.0).crop(photo, 16)
    assert np.array_equal(crop, np.asarray(photo)[8:24, 12:28])


@pytest.mark.parametrize(("angle", "turns"), [(90.0, 1), (180.0, 2), (-90.0, 3)])
def test_a_turned_face_stands_upright_in_its_crop(angle: float, turns: int) -> None:
    photo = noise(32, 32)
    crop = Frame((16.0, 16.0), 32.0, angle).crop(photo, 32)
    assert np.abs(crop.astype(int) - np.rot90(np.asarray(photo), turns)).max() <= 1


def test_beyond_the_photo_its_border_repeats() -> None:
    photo = Image.new("RGB", (20, 20), (200, 10, 50))
    crop = Frame((0.0, 0.0), 30.0, 20.0).crop(photo, 32)
    assert (crop == (200, 10, 50)).all()


def test_a_frame_beside_the_photo_is_one_even_color() -> None:
    crop = Frame((-100.0, 5.0), 20.0).crop(noise(16, 16), 8)
    assert (crop == EMPTY_COLOR).all()


def test_a_large_frame_is_scaled_down_without_aliasing() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = Frame((200.0, 200.0), 400.0, 10.0).crop(Image.fromarray(stripes), 40)
    assert abs(crop[10:30, 10:30].astype(int) - 127).max() < 30


def test_a_one_pixel_photo_can_be_cropped() -> None:
    crop = Frame((0.5, 0.5), 4.0).crop(Image.new("RGB", (1, 1), (9, 8, 7)), 16)
    assert (crop == (9, 8, 7)).all()


@pytest.mark.parametrize("angle", [0.0, 30.0])
@pytest.mark.parametrize("size", [(1, 1_000_000), (1_000_000, 1)])
def test_a_line_of_a_million_pixels_is_cropped_in_little_memory(
    size: tuple[int, int], angle: float
) -> None:
    photo = Image.new("RGB", size, (9, 8, 7))
    tracemalloc.start()
    crop = Frame((size[0] / 2, size[1] / 2), 1e6, angle).crop(photo, 64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (crop == (9, 8, 7)).all()
    assert peak < 1e6


def test_a_line_shows_its_colors_along_it() -> None:
    values = np.repeat(np.arange(0, 160, 10, dtype=np.uint8), 100)
    photo = Image.fromarray(np.stack([values] * 3, -1)[None])
    crop = Frame((800.0, 0.5), 1600.0).crop(photo, 16)
    assert np.abs(crop[..., 0] - np.arange(0, 160, 10.0)).max() <= 2


def test_a_frame_without_a_size_is_refused() -> None:
    for side in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="positive side"):
            Frame((0.0, 0.0), side)


def test_the_pixel_box_stays_within_the_photo() -> None:
    assert Frame((0.0, 0.0), 10.5).pixel_box((4, 100)) == (0, 0, 4, 6)
    assert Frame((500.0, 0.0), 10.0).pixel_box((4, 100))[2:] >= (4, 0)
