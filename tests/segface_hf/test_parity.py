"""Converted checkpoints against the published models: shared fixtures, and a second writing."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from segface_hf import SegFace
from segface_hf.checkpoints.convert import build_model, convert
from segface_hf.checkpoints.upstream import DATASETS
from segface_hf.config import SegFaceConfig
from segface_hf.errors import LandmarksRequiredError
from tests.segface_hf.published import pixels, published_state, reference_backbone
from tests.segface_hf.reference import Reference

FIXTURES = [
    "celeb_convnext_base_256", "celeb_efficientnet_256", "celeb_mobilenet_512",
    "celeb_resnet_256", "celeb_swin_base_224", "celeb_swin_base_512", "celeb_swinv2_base_256",
    "helen_mobilenet_256", "lapa_swin_base_224",
]  # fmt: skip
COMMITTED = Path(__file__).parent / "fixtures" / "sampled_logits.json"
STEP = 24


def landmarks_for(height, width):
    """Five landmarks of a face that is turned, scaled and off the center."""
    places = [[0.36, 0.44], [0.64, 0.47], [0.51, 0.60], [0.37, 0.74], [0.61, 0.76]]
    return np.array(places) * [width, height]


def formula_of(folder):
    spec = importlib.util.spec_from_file_location("parity_formula", folder / "formula.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", FIXTURES)
def test_a_converted_checkpoint_gives_the_published_logits(shared_parity, tmp_path, name):
    formula = formula_of(shared_parity)
    spec = json.loads((shared_parity / f"{name}.json").read_text())
    expected = np.load(shared_parity / f"{name}.npz")
    checkpoint = tmp_path / "model_299.pt"
    torch.save(formula.official_checkpoint(shared_parity / f"{name}.json"), checkpoint)

    options = {key: spec[key] for key in ("dataset", "backbone", "resolution")}
    convert(checkpoint, tmp_path / "out", **options, build=SegFace)
    model = SegFace.from_pretrained(tmp_path / "out")
    landmarks = torch.from_numpy(expected["landmarks"])[None].float()
    warps = model.config.warp != "none"
    with torch.inference_mode():
        logits = model(formula.image(spec["resolution"]), landmarks if warps else None)

    step = int(expected["step"])
    sampled = logits[0, :, step // 2 :: step, step // 2 :: step].numpy()
    assert list(logits.shape) == spec["output_shape"]
    assert np.abs(sampled - expected["logits"]).max() < 1e-4
    assert (logits[0].argmax(0).numpy() == expected["argmax"]).mean() >= 0.9999


@cache
def reference_of(backbone, dataset):
    state = published_state(backbone, dataset)
    return state, Reference(state, reference_backbone(backbone), dataset)


def converted(backbone, dataset):
    known = DATASETS[dataset]
    config = SegFaceConfig(backbone=backbone, schema=known.schema, warp=known.warp)
    return build_model(reference_of(backbone, dataset)[0], config, dataset=dataset, build=SegFace)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("backbone", "dataset", "size"),
    [
        ("mobilenet", "celeb", (96, 128)),
        ("mobilenet", "lapa", (128, 128)),
        ("mobilenet", "lapa", (96, 144)),
        ("mobilenet", "helen", (112, 96)),
        ("swinv2_tiny", "celeb", (100, 96)),
        ("swinv2_tiny", "lapa", (96, 96)),
        ("resnet", "celeb", (64, 96)),
        ("efficientnet", "helen", (64, 64)),
        ("convnext_small", "lapa", (64, 64)),
        ("swin_base", "celeb", (72, 96)),
    ],
)
def test_a_converted_model_equals_a_reference_implementation(backbone, dataset, size):
    _, reference = reference_of(backbone, dataset)
    places = landmarks_for(*size)
    landmarks = None if dataset == "celeb" else torch.tensor(places)[None].float()
    ours = converted(backbone, dataset)(pixels(*size), landmarks)[0]
    expected = reference.logits(pixels(*size), places)
    assert ours.shape == expected.shape
    assert (ours - expected).abs().max() < 2e-4
    # Pictures are small here: one pixel of a tie is already more than 0.01 %.
    assert (ours.argmax(0) != expected.argmax(0)).sum() <= 1


@torch.inference_mode()
@pytest.mark.parametrize("case", sorted(json.loads(COMMITTED.read_text())))
def test_a_converted_model_gives_the_committed_logits(case):
    dataset, backbone, height, width = case.split("-")
    size = int(height), int(width)
    landmarks = torch.tensor(landmarks_for(*size))[None].float()
    model = converted(backbone, dataset)
    logits = model(pixels(*size), None if dataset == "celeb" else landmarks)[0]
    expected = torch.tensor(json.loads(COMMITTED.read_text())[case])
    assert (logits[:, STEP // 2 :: STEP, STEP // 2 :: STEP] - expected).abs().max() < 1e-4


@torch.inference_mode()
def test_pictures_of_a_batch_are_warped_by_their_own_landmarks():
    model = converted("mobilenet", "lapa")
    first = torch.tensor(landmarks_for(96, 96)).float()
    both = torch.stack([first, first + torch.tensor([6.0, -4.0])])
    batch = pixels(96, 96, batch=2)
    together = model(batch, both)
    for index in range(2):
        alone = model(batch[index : index + 1], both[index : index + 1])
        assert (together[index] - alone[0]).abs().max() < 1e-4


@pytest.mark.parametrize("dataset", ["lapa", "helen"])
def test_lapa_and_helen_models_say_that_they_need_landmarks(dataset):
    model = converted("mobilenet", dataset)
    with pytest.raises(LandmarksRequiredError, match=r"give landmarks of shape \(1, 5, 2\)"):
        model(pixels(64, 64))
    with pytest.raises(LandmarksRequiredError, match=r"got \(1, 4, 2\)"):
        model(pixels(64, 64), torch.zeros(1, 4, 2))


@torch.inference_mode()
def test_helen_models_leave_the_picture_as_it_is_as_published():
    model = converted("mobilenet", "helen")
    one, other = (torch.tensor(landmarks_for(*size))[None].float() for size in ((64, 64), (96, 80)))
    assert torch.equal(model(pixels(64, 64), one), model(pixels(64, 64), other))
