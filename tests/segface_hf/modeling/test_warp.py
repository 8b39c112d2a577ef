"""The alignment and tanh warp: linear in the middle, its own inverse, and clear errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segface_hf.errors import LandmarksRequiredError
from segface_hf.modeling.warp import (
    STANDARD_LANDMARKS,
    build_warp,
    similarity,
    unwarp_logits,
    warp_input,
)
from tests.segface_hf.published import pixels
from tests.segface_hf.reference import warp_grids

STANDARD = torch.tensor(STANDARD_LANDMARKS)


def turned(points, *, angle, scale, shift):
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrix = torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float32)
    return points @ matrix.T + torch.tensor(shift)


def test_a_similarity_brings_turned_and_scaled_landmarks_to_their_places():
    away = turned(STANDARD, angle=0.4, scale=0.7, shift=[31.0, -12.0])
    matrix = similarity(away[None], STANDARD)[0]
    back = torch.cat([away, torch.ones(5, 1)], dim=1) @ matrix.T
    assert torch.allclose(back[:, :2], STANDARD, atol=1e-3)
    assert torch.allclose(matrix[2], torch.tensor([0.0, 0.0, 1.0]))


def test_a_similarity_never_mirrors():
    mirrored = STANDARD * torch.tensor([-1.0, 1.0])
    matrix = similarity(mirrored[None], STANDARD)[0]
    assert torch.linalg.det(matrix[:2, :2]) > 0


def test_standard_landmarks_leave_the_middle_where_it_is():
    warp = build_warp(STANDARD[None] / 512 * 255, height=256, width=256)
    middle = slice(106, 150)
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    expected = torch.stack([x, y], dim=-1) / 256 * 2 - 1
    assert torch.allclose(warp.forward[0, middle, middle], expected[middle, middle], atol=1e-5)
    assert torch.allclose(warp.inverse[0, middle, middle], expected[middle, middle], atol=1e-5)


def test_the_frame_reaches_far_beyond_the_picture_and_stays_finite():
    warp = build_warp(STANDARD[None] / 512 * 255, height=256, width=256)
    assert torch.isfinite(warp.forward).all()
    assert warp.forward.abs().max() > 2.5
    assert warp.inverse.abs().max() < 1


@pytest.mark.parametrize(("height", "width"), [(128, 128), (96, 160)])
def test_both_grids_equal_those_of_a_reference_implementation(height, width):
    places = np.array(STANDARD_LANDMARKS) / 512 * [width, height] * 0.8 + 5
    places[0] += 3
    warp = build_warp(torch.tensor(places)[None].float(), height=height, width=width)
    forward, inverse = warp_grids(places, height, width)
    assert (warp.forward - forward).abs().max() < 1e-4
    assert (warp.inverse - inverse).abs().max() < 1e-5


def test_warping_forward_and_back_moves_a_point_by_at_most_one_and_a_half_pixels():
    # The published grids are off by half a pixel each way; parity keeps that.
    y, x = torch.meshgrid(torch.arange(160.0), torch.arange(160.0), indexing="ij")
    picture = torch.stack([x, y])[None]
    landmarks = turned(STANDARD / 512 * 160, angle=0.1, scale=0.9, shift=[6.0, 9.0])[None]
    warped, warp = warp_input(picture, landmarks)
    back = unwarp_logits(warped, warp)
    error = (back - picture)[0, :, 30:130, 30:130].abs()
    assert warped.shape == picture.shape
    assert error.max() < 1.5
    assert error.mean() < 1.1


def test_coinciding_and_nan_landmarks_are_refused():
    for bad in (torch.full((1, 5, 2), 7.0), torch.full((1, 5, 2), float("nan"))):
        with pytest.raises(LandmarksRequiredError, match="five finite places"):
            warp_input(pixels(64, 64), bad)
