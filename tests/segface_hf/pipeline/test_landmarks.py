"""Five landmarks come off a label map, whatever is hidden, mislabeled or tilted."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.labels import CELEBAMASK_HQ, LAPA
from segface_hf.pipeline.landmarks import TEMPLATE, Landmarks, landmark_error, read_landmarks
from tests.segface_hf.drawn import EYES, face_mask

SIZE = 256


def read(mask: np.ndarray) -> Landmarks:
    landmarks = read_landmarks(mask, CELEBAMASK_HQ)
    assert landmarks is not None
    return landmarks


def test_landmarks_are_the_eyes_the_nose_and_the_lip_corners_from_the_images_left() -> None:
    landmarks = read(face_mask(SIZE))
    assert landmarks.seen.all()
    assert np.allclose(landmarks.points[:2] / SIZE, EYES, atol=0.004)
    assert np.allclose(landmarks.points[2] / SIZE, (0.5, 0.61), atol=0.02)
    assert np.allclose(landmarks.points[3:] / SIZE, [(0.406, 0.744), (0.594, 0.744)], atol=0.012)


def test_swapped_left_and_right_ids_change_nothing() -> None:
    mask = face_mask(SIZE)
    swapped = np.array(CELEBAMASK_HQ.mirror_ids, np.uint8)[mask]
    assert np.array_equal(read(mask).points, read(swapped).points)


def test_an_eye_that_is_half_mislabeled_stays_in_its_place() -> None:
    mask = face_mask(SIZE).copy()
    left = mask[:, : SIZE // 2]
    left[: int(0.478 * SIZE)][left[: int(0.478 * SIZE)] == CELEBAMASK_HQ.id_of("r_eye")] = (
        CELEBAMASK_HQ.id_of("l_eye")
    )
    assert np.allclose(read(mask).points[:2] / SIZE, EYES, atol=0.004)


@pytest.mark.parametrize("angle", [-40, 25, 45])
def test_a_tilted_face_gives_tilted_landmarks(angle: int) -> None:
    upright = read(face_mask(SIZE)).points - SIZE / 2
    tilted = read(np.asarray(Image.fromarray(face_mask(SIZE)).rotate(-angle))).points - SIZE / 2
    turn = math.radians(angle)
    expected = upright @ np.array(
        [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]
    )
    assert np.abs(tilted - expected).max() < 0.03 * SIZE


def test_hidden_eyes_are_read_off_the_lenses() -> None:
    lenses = (("eyeglasses", 0.30, 0.43, 0.46, 0.53), ("eyeglasses", 0.54, 0.43, 0.70, 0.53))
    landmarks = read(face_mask(SIZE, without=("l_eye", "r_eye"), extra=lenses))
    assert landmarks.seen.tolist() == [False, False, True, True, True]
    assert np.allclose(landmarks.points[:2] / SIZE, EYES, atol=0.01)


def test_hidden_eyes_are_read_off_the_brows() -> None:
    landmarks = read(face_mask(SIZE, without=("l_eye", "r_eye")))
    assert not landmarks.seen[:2].any()
    assert np.allclose(landmarks.points[:2] / SIZE, EYES, atol=0.02)


@pytest.mark.parametrize(("hidden", "seen"), [("r_eye", [False, True]), ("l_eye", [True, False])])
def test_one_hidden_eye_is_inferred_on_its_own_side(hidden: str, seen: list[bool]) -> None:
    brow = hidden.replace("eye", "brow")
    landmarks = read(face_mask(SIZE, without=(hidden, brow)))
    assert landmarks.seen[:2].tolist() == seen
    assert np.allclose(landmarks.points[:2] / SIZE, EYES, atol=0.03)


def test_a_hidden_mouth_is_inferred_from_the_rest() -> None:
    landmarks = read(face_mask(SIZE, without=("u_lip", "l_lip")))
    assert landmarks.seen.tolist() == [True, True, True, False, False]
    assert np.allclose(landmarks.points[3:] / SIZE, TEMPLATE[3:], atol=0.03)


def test_a_mask_without_features_has_no_landmarks() -> None:
    assert read_landmarks(np.zeros((SIZE, SIZE), np.uint8), CELEBAMASK_HQ) is None
    assert (
        read_landmarks(np.full((4, 4), CELEBAMASK_HQ.id_of("hair"), np.uint8), CELEBAMASK_HQ)
        is None
    )


def test_a_few_stray_pixels_are_not_an_eye() -> None:
    mask = face_mask(SIZE, without=("l_eye", "r_eye", "l_brow", "r_brow")).copy()
    mask[3, 3:6] = CELEBAMASK_HQ.id_of("l_eye")
    assert not read(mask).seen[:2].any()


def test_schemas_without_glasses_work_too() -> None:
    names = {i: LAPA.names.index(n) for i, n in enumerate(CELEBAMASK_HQ.names) if n in LAPA.names}
    table = np.zeros(19, np.uint8)
    table[list(names)] = list(names.values())
    landmarks = read_landmarks(table[face_mask(SIZE)], LAPA)
    assert landmarks is not None
    assert np.allclose(landmarks.points[:2] / SIZE, EYES, atol=0.004)


def test_the_error_is_a_share_of_the_eye_distance() -> None:
    true = read(face_mask(SIZE))
    moved = Landmarks(true.points + np.array([true.eye_distance / 10, 0.0]), true.seen)
    assert landmark_error(moved, true) == pytest.approx(0.1)
    assert landmark_error(true, true) == 0.0
    assert landmark_error(None, true) == 1.0


def test_the_error_counts_only_what_the_truth_shows() -> None:
    true = read(face_mask(SIZE, without=("u_lip", "l_lip")))
    points = true.points.copy()
    points[3:] += 50.0
    assert landmark_error(Landmarks(points, true.seen), true) == 0.0
    blind = read(face_mask(SIZE, without=("l_eye",)))
    assert math.isnan(landmark_error(true, blind))


def test_the_template_is_the_mean_of_the_training_masks(shared_data: Path) -> None:
    files = sorted((shared_data / "train" / "masks").glob("*.png"))[::8]
    found = [read(np.asarray(Image.open(path))) for path in files]
    seen = np.array([landmarks.seen for landmarks in found])
    points = np.where(seen[..., None], [landmarks.points / 512 for landmarks in found], np.nan)
    assert np.abs(np.nanmedian(points, 0) - TEMPLATE).max() < 0.006
