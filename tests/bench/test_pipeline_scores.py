"""The photo pipeline's measures: a correct engine has a small error, a missed face is counted."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt

from bench.pipeline_scores import ParserScores, tilted
from segface_hf.config import SegFaceConfig
from segface_hf.evaluation.scores import confusion_matrix
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.parser import FaceParser
from segface_hf.pipeline.detect import Detection
from segface_hf.pipeline.merge import CropParse
from tests.segface_hf.training.drawn import draw_face


class ColorEngine:
    """Takes every pixel for the class whose color is nearest: exact on drawn faces."""

    config = SegFaceConfig(resolution=256)

    def run(self, crops, *, landmarks, confidence):
        colors = np.array(CELEBAMASK_HQ.colors, np.float32)
        used = np.unique(draw_face(0, glasses=True)[1])
        distances = np.square(crops[..., None, :].astype(np.float32) - colors[used]).sum(-1)
        return [CropParse(self.nearest_pure(used, d)) for d in distances]

    @staticmethod
    def nearest_pure(used, distances):
        """Blended colors along borders look like other classes: they take a pure neighbor's."""
        labels, blended = used[distances.argmin(-1)], distances.min(-1) > 40**2
        rows, columns = distance_transform_edt(blended, return_distances=False, return_indices=True)
        return labels[rows, columns].astype(np.uint8)


class FixedDetector:
    """Finds what it was given."""

    def __init__(self, *found):
        self.found = found

    def detect(self, image):
        return list(self.found)


def drawn_photo(seed):
    image, mask = draw_face(seed)
    big = Image.fromarray(image).resize((256, 256), Image.Resampling.NEAREST)
    ids = np.asarray(Image.fromarray(mask).resize((256, 256), Image.Resampling.NEAREST))
    return big, ids


def test_a_correct_parse_has_a_small_landmark_error():
    face = Detection.from_box((48.0, 32.0, 208.0, 232.0))
    scores = ParserScores(FaceParser(ColorEngine(), detector=FixedDetector(face)))
    for seed in range(2):
        scores.add(str(seed), *drawn_photo(seed))
    values = scores.summary()["landmarks"]
    assert values["photos_measured"] == 2
    assert values["photos_without_a_face_found"] == 0
    assert values["mean_error_in_eye_distances"] < 0.08
    assert values["mean_f1_of_the_photo_pipeline"] > 0.5


def test_a_mask_with_gaps_gives_no_landmarks_and_scores_the_rest():
    face = Detection.from_box((48.0, 32.0, 208.0, 232.0))
    scores = ParserScores(FaceParser(ColorEngine(), detector=FixedDetector(face)), tilt=10)
    image, mask = drawn_photo(0)
    mask = mask.copy()
    mask[:, 128:] = 255
    scores.add("half", image, mask)
    values = scores.summary()
    assert values["landmarks"]["photos_measured"] == 0
    assert values["landmarks"]["mean_f1_of_the_photo_pipeline"] > 0.5
    assert scores.upright[0].sum() == 256 * 128


def test_a_photo_with_a_missed_face_has_error_one():
    scores = ParserScores(FaceParser(ColorEngine(), detector=FixedDetector()), tilt=45)
    scores.add("a", *drawn_photo(0))
    values = scores.summary()
    assert values["landmarks"]["photos_without_a_face_found"] == 1
    assert values["landmarks"]["mean_error_in_eye_distances"] == 1.0
    assert values["tilt"] == {
        "degrees": 45,
        "mean_f1_upright": 0.0,
        "mean_f1_turned": 0.0,
        "difference": 0.0,
    }


def test_a_class_without_true_pixels_is_left_out_of_the_means():
    scores = ParserScores(FaceParser(ColorEngine(), detector=FixedDetector()), tilt=45)
    right = np.zeros((19, 19), np.int64)
    right[2, 2] = right[10, 10] = 50
    stray = right.copy()
    stray[2, 16] = 1
    scores.upright, scores.turned, scores.errors = [right], [stray], [0.0]
    values = scores.summary()["tilt"]
    assert values["mean_f1_upright"] == 1.0
    assert values["mean_f1_turned"] == pytest.approx(1.0, abs=0.01)


def test_a_tilted_photo_stays_complete_and_new_pixels_are_marked():
    image, mask = drawn_photo(0)
    photo, ids = tilted(image, mask, 45)
    assert photo.size == (ids.shape[1], ids.shape[0])
    assert min(photo.size) > 256 * 1.4
    known = ids != 255
    assert known.sum() == pytest.approx(mask.size, rel=0.02)
    assert set(np.unique(ids[known])) == set(np.unique(mask))


def test_pixels_outside_the_photo_are_not_scored():
    mask = np.array([[0, 255], [2, 255]], np.uint8)
    counts = confusion_matrix(mask, np.array([[0, 5], [2, 7]], np.uint8), 19)
    assert counts.sum() == 2
    assert counts[2, 2] == 1
