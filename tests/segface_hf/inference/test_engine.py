"""An engine uses a model in its precision, its mode and on its device."""

import numpy as np
import pytest
import torch

from segface_hf import FaceParser, SegFace, SegFaceConfig
from segface_hf.inference.infer import infer
from tests.segface_hf.drawn import face_mask, painted

SMALL = SegFaceConfig(
    backbone="mobilenetv3_small_050",
    width=32,
    depth=1,
    heads=2,
    upscale_dims=(16, 8),
    resolution=64,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SegFace(SMALL).eval()


def parsed(parser):
    return parser.parse(painted(face_mask(96)), whole_image=True, confidence=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_model_of_another_precision_parses_photos(model, dtype):
    parser = FaceParser(model.to(dtype))
    crops = np.asarray(painted(face_mask(64)))[None]
    (parse,) = parser.engine.run(crops, landmarks=None, confidence=False)
    assert parse.logits.dtype == np.float32
    assert parsed(parser).mask.shape == (96, 96)
    assert next(model.parameters()).dtype == dtype


def test_a_photo_is_parsed_within_autocast_and_float32_returns_after_it(model):
    expected = parsed(FaceParser(SegFace(SMALL))).mask.shape
    pixels = torch.randn(1, 3, 64, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert parsed(FaceParser(model)).mask.shape == expected
    with torch.inference_mode():
        plain = model(pixels)
    fused = infer(model, pixels, logits=True).logits
    assert (fused - plain).abs().max() <= 1e-5 * plain.abs().max()


def test_a_model_in_training_mode_parses_and_stays_in_training_mode(model):
    expected = parsed(FaceParser(model))
    model.train()
    model.backbone.eval()
    modes = [part.training for part in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    parser = FaceParser(model)
    assert np.array_equal(parsed(parser).mask, expected.mask)
    assert np.array_equal(parsed(parser.shared()).confidence, expected.confidence)
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_a_model_stays_on_its_device():
    model = SegFace(SMALL).to("meta")
    assert FaceParser(model).engine.device == torch.device("meta")
