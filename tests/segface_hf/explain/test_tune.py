"""`segface tune-heads`: chooses on some photos, scores on others, and changes only what helps."""

import numpy as np
import pytest
import torch
from PIL import Image

from segface_hf.cli.program import main
from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import find_pairs
from segface_hf.errors import DataError
from segface_hf.explain.tune import FOLDS, Adjustment, tune
from segface_hf.modeling.calibration import with_class_bias
from segface_hf.modeling.segface import SegFace


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return SegFace(SegFaceConfig(width=16, heads=2, mlp_dim=16, resolution=64)).eval()


@pytest.fixture(scope="module")
def data(tmp_path_factory, model):
    """Photos whose true masks are the model's own, so that every change can only harm."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for index in range(10):
        pixels = random.integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
        mask = _parsed(model, pixels)
        mask[:8] = model.config.labels.id_of("necklace")  # never predicted, always there
        Image.fromarray(mask).save(folder / "masks" / f"{index}.png")
    return folder


def _parsed(model, pixels):
    from segface_hf.evaluation.predictor import frame_pixels

    with torch.no_grad():
        logits = model(frame_pixels(Image.fromarray(pixels), model.config, side=64))
    return logits[0].argmax(0).to(torch.uint8).numpy()


def common_class(model, data):
    masks = [np.asarray(Image.open(path)) for path in sorted((data / "masks").iterdir())]
    counts = np.bincount(np.stack(masks)[:, 8:].ravel(), minlength=19)
    return model.config.labels.names[int(counts.argmax())]


def test_a_constant_that_was_taken_away_is_found_again(model, data):
    name = common_class(model, data)
    worse = with_class_bias(model, {name: -1.0})
    found = tune(worse, find_pairs(data), name, progress=False)
    assert found["bias"].best == Adjustment("bias", name, 1.0)
    assert found["bias"].chosen == (Adjustment("bias", name, 1.0),) * FOLDS
    assert found["bias"].helps
    assert found["bias"].best.apply(worse).config.class_bias == (0.0,) * 19
    assert not tune(model, find_pairs(data), name, progress=False)["head"].helps


def test_the_command_says_that_nothing_helps_and_writes_nothing(model, data, tmp_path, capsys):
    model.save_pretrained(tmp_path / "model")
    command = ["tune-heads", "--data", str(data), "--model", str(tmp_path / "model")]
    name = common_class(model, data)
    assert main([*command, "--class", name, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "bias: no change, +0.0000" in said
    assert "no change helps beyond its interval" in said
    assert not (tmp_path / "out").exists()


def test_too_few_photos_with_the_class_are_refused(model, data):
    absent = next(
        name
        for index, name in enumerate(model.config.labels.names)
        if index
        and not any((np.asarray(Image.open(p)) == index).any() for p in data.glob("masks/*"))
    )
    with pytest.raises(DataError, match=f"0 photos hold {absent}, expected at least {FOLDS}"):
        tune(model, find_pairs(data), absent, progress=False)
