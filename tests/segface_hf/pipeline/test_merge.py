"""Frames are merged in the photo's pixels: the nearer face wins, and nothing is cut straight."""

from __future__ import annotations

import numpy as np
import pytest

from segface_hf.pipeline.frames import Frame
from segface_hf.pipeline.merge import Canvas, CropParse, FrameResampler, near_weights, wide_weights


def even(size: int, label: int) -> CropParse:
    return CropParse(np.full((size, size), label, np.uint8))


def test_a_frame_that_is_the_photo_keeps_every_pixel() -> None:
    labels = np.random.default_rng(0).integers(1, 19, (64, 64), np.uint8)
    canvas = Canvas((64, 64))
    canvas.add(Frame((32.0, 32.0), 64.0), CropParse(labels), near_weights(64))
    assert np.array_equal(canvas.labels, labels)


def test_pixels_that_no_frame_covers_are_background() -> None:
    canvas = Canvas((100, 60))
    canvas.add(Frame((20.0, 20.0), 20.0), even(16, 2), near_weights(16))
    assert canvas.labels[10:30, 10:30].min() == 2
    assert np.count_nonzero(canvas.labels) == 400


def test_a_frame_beside_the_photo_changes_nothing() -> None:
    canvas = Canvas((10, 10))
    canvas.add(Frame((-50.0, 5.0), 20.0), even(8, 3), near_weights(8))
    assert not canvas.labels.any()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_pixel_belongs_to_the_nearer_face_whatever_the_order(order: tuple[int, int]) -> None:
    canvas = Canvas((160, 100))
    frames = (Frame((50.0, 50.0), 100.0), Frame((110.0, 50.0), 100.0))
    for index in order:
        canvas.add(frames[index], even(50, index + 5), near_weights(50))
    assert (canvas.labels[20:80, :78] == 5).all()
    assert (canvas.labels[20:80, 82:] == 6).all()


def test_a_neighbors_background_does_not_erase_a_face() -> None:
    canvas = Canvas((160, 100))
    canvas.add(Frame((50.0, 50.0), 100.0), even(50, 2), near_weights(50))
    before = canvas.labels[:, :85].copy()
    canvas.add(Frame((110.0, 50.0), 100.0), even(50, 0), near_weights(50))
    assert np.array_equal(canvas.labels[20:80, :85], before[20:80])


def test_surroundings_never_overwrite_pixels_inside_a_face_frame() -> None:
    canvas = Canvas((200, 200))
    canvas.add(Frame((100.0, 100.0), 170.0), even(64, 14), wide_weights(64))
    canvas.add(Frame((100.0, 100.0), 100.0), even(64, 2), near_weights(64))
    assert (canvas.labels[60:140, 60:140] == 2).all()
    assert canvas.labels[100, 20] == 14


def test_a_wide_frame_ends_in_a_circle_and_not_along_its_border() -> None:
    canvas = Canvas((200, 200))
    canvas.add(Frame((100.0, 100.0), 160.0), even(64, 14), wide_weights(64))
    filled = (canvas.labels > 0).sum(0)
    assert filled.max() <= 160
    assert np.unique(filled[filled > 0]).size > 15
    assert canvas.labels[25, 25] == 0


def test_a_wider_frame_fills_only_what_a_smaller_one_leaves_open() -> None:
    canvas = Canvas((200, 200))
    canvas.add(Frame((100.0, 100.0), 80.0), even(64, 0), wide_weights(64))
    canvas.add(Frame((100.0, 100.0), 160.0), even(64, 3), wide_weights(64, 1))
    assert canvas.labels[100, 100] == 0
    assert canvas.labels[100, 30] == 3


def test_the_seam_between_two_faces_does_not_follow_a_frame_border() -> None:
    canvas = Canvas((300, 200))
    canvas.add(Frame((100.0, 100.0), 200.0), even(64, 2), near_weights(64))
    canvas.add(Frame((215.0, 120.0), 120.0), even(64, 14), near_weights(64))
    first = (canvas.labels == 14).argmax(1)[70:170]
    assert np.unique(first).size > 8


def test_enlarged_borders_follow_the_logits_and_not_the_crops_pixels() -> None:
    logits = np.zeros((2, 2, 3), np.float32)
    logits[:, 0, 1] = 3.0
    logits[:, 1, 2] = 1.0
    parse = CropParse(logits.argmax(-1).astype(np.uint8), logits)
    canvas = Canvas((40, 40))
    canvas.add(Frame((20.0, 20.0), 40.0), parse, np.full((2, 2), 9, np.uint8))
    # Bilinear between the centers at 10 and 30: 3 (1 - t) = 1 t at t = 0.75, so at x = 25.
    assert (canvas.labels[:, :25] == 1).all()
    assert (canvas.labels[:, 25:] == 2).all()


def test_without_logits_the_neighbors_vote() -> None:
    canvas = Canvas((40, 40))
    parse = CropParse(np.array([[1, 2], [1, 1]], np.uint8))
    canvas.add(Frame((20.0, 20.0), 40.0), parse, np.full((2, 2), 9, np.uint8))
    assert canvas.labels[2, 37] == 2
    assert canvas.labels[12, 28] == 2
    assert canvas.labels[18, 22] == 1


def test_enlarging_equals_the_argmax_of_bilinear_logits() -> None:
    torch = pytest.importorskip("torch")
    logits = np.random.default_rng(3).normal(size=(12, 12, 5)).astype(np.float32)
    parse = CropParse(logits.argmax(-1).astype(np.uint8), logits)
    pasted = FrameResampler(Frame((30.0, 30.0), 60.0), (0, 0, 60, 60), 12).labels(parse)
    planes = torch.from_numpy(logits.transpose(2, 0, 1))[None]
    expected = torch.nn.functional.interpolate(planes, size=(60, 60), mode="bilinear")[0].argmax(0)
    assert (pasted == expected.numpy()).mean() > 0.999


def test_a_turned_frame_is_pasted_turned() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[:10] = 7
    canvas = Canvas((40, 40))
    canvas.add(Frame((20.0, 20.0), 40.0, 90.0), CropParse(labels), np.full((40, 40), 9, np.uint8))
    assert (canvas.labels[:, 30:] == 7).all()
    assert not canvas.labels[:, :30].any()


def test_confidence_is_merged_with_the_labels() -> None:
    canvas = Canvas((30, 20), confidence=True)
    parse = CropParse(
        np.full((8, 8), 2, np.uint8),
        None,
        np.full((8, 8), 80, np.uint8),
        np.full((8, 8), 1, np.uint8),
    )
    canvas.add(Frame((10.0, 10.0), 16.0), parse, near_weights(8))
    assert canvas.confidence is not None
    assert canvas.runner_up is not None
    assert (canvas.confidence[10, 10], canvas.runner_up[10, 10]) == (80, 1)
    assert (canvas.confidence[10, 25], canvas.runner_up[10, 25]) == (255, 0)


def test_a_huge_photo_is_merged_in_strips() -> None:
    import tracemalloc

    tracemalloc.start()
    canvas = Canvas((4000, 3000))
    canvas.add(Frame((2000.0, 1500.0), 4000.0), even(64, 2), near_weights(64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert canvas.labels.min() == 2
    assert peak < 80e6
