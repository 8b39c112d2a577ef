"""The model: shapes, exact save and load, and checkpoints that must be refused."""

import json
import pickle

import pytest
import torch

from segface_hf import SegFace, SegFaceConfig
from segface_hf.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    ConfigError,
    ImageError,
    LandmarksRequiredError,
    OutputError,
)

SMALL = SegFaceConfig(
    backbone="mobilenetv3_small_050",
    width=16,
    depth=2,
    heads=2,
    mlp_dim=32,
    upscale_dims=(8,),
    refine=True,
    detail=True,
    resolution=64,
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return SegFace(SMALL).eval()


@pytest.fixture
def folder(model, tmp_path):
    return model.save_pretrained(tmp_path / "checkpoint")


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (70, 90)])
def test_logits_have_the_resolution_of_the_input(model, size):
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, *size)).shape == (2, 19, *size)


def test_a_saved_model_loads_with_the_same_logits(model, folder):
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    again = SegFace.from_pretrained(folder)
    with torch.inference_mode():
        assert torch.equal(again(pixels), model(pixels))
    assert again.config == model.config
    assert not again.training
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }


def test_half_precision_weights_load_as_float32(model, tmp_path):
    folder = model.save_pretrained(tmp_path / "half", dtype=torch.float16)
    full = model.save_pretrained(tmp_path / "full")
    again = SegFace.from_pretrained(folder)
    assert again.decoder.class_tokens.dtype == torch.float32
    sizes = [(path / "model.safetensors").stat().st_size for path in (folder, full)]
    assert sizes[0] < 0.55 * sizes[1]


def test_a_missing_tensor_stops_the_load_by_name(folder):
    _rewrite(folder, lambda weights: weights.pop("decoder.class_tokens"))
    with pytest.raises(CheckpointError, match=r"missing decoder\.class_tokens"):
        SegFace.from_pretrained(folder)


def test_an_unexpected_tensor_stops_the_load_by_name(folder):
    _rewrite(folder, lambda weights: weights.update(surprise=torch.zeros(1)))
    with pytest.raises(CheckpointError, match="unexpected surprise"):
        SegFace.from_pretrained(folder)


def test_a_tensor_of_another_shape_stops_the_load_with_both_shapes(folder):
    _rewrite(folder, lambda weights: weights.update({"decoder.class_tokens": torch.zeros(3, 16)}))
    with pytest.raises(CheckpointError, match=r"is \(3, 16\), expected \(19, 16\)"):
        SegFace.from_pretrained(folder)


def test_a_truncated_weights_file_is_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        SegFace.from_pretrained(folder)


def test_a_pickle_is_refused_unopened_and_points_to_convert(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": 1}))
    with pytest.raises(CheckpointNotFoundError, match="segface convert"):
        SegFace.from_pretrained(folder)


def test_an_unknown_configuration_key_names_the_file(folder):
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**values, "widht": 3}))
    with pytest.raises(CheckpointError, match=r"config\.json.*widht"):
        SegFace.from_pretrained(folder)


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_a_configuration_that_is_not_json_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="not valid JSON"):
        SegFace.from_pretrained(folder)


def test_an_empty_folder_says_what_a_checkpoint_holds(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match=r"config\.json"):
        SegFace.from_pretrained(tmp_path)


def test_a_name_that_is_neither_folder_nor_repository_is_refused():
    with pytest.raises(CheckpointNotFoundError, match="neither a folder nor a Hub repository"):
        SegFace.from_pretrained("no/such/place/here")


def test_a_folder_that_cannot_be_written_is_a_clear_error(model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't write the checkpoint"):
        model.save_pretrained(tmp_path / "file" / "checkpoint")


def test_weights_that_cannot_be_written_are_a_clear_error(model, tmp_path):
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(OutputError, match="can't write the checkpoint"):
        model.save_pretrained(tmp_path)


def test_a_warped_model_without_landmarks_says_what_it_needs():
    from dataclasses import replace

    model = SegFace(replace(SMALL, warp="tanh")).eval()
    with pytest.raises(LandmarksRequiredError, match=r"shape \(2, 5, 2\)"):
        model(torch.zeros(2, 3, 64, 64))
    with pytest.raises(LandmarksRequiredError, match=r"got \(2, 2, 5\)"):
        model(torch.zeros(2, 3, 64, 64), torch.zeros(2, 2, 5))


@pytest.mark.parametrize("name", ["no_such_backbone", "vit_tiny_patch16_224"])
def test_a_backbone_without_a_pyramid_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        SegFace(SegFaceConfig(backbone=name))


def test_a_size_that_the_patches_do_not_divide_is_refused():
    config = SegFaceConfig(backbone="swin_tiny_patch4_window7_224", width=16, heads=2, mlp_dim=32)
    with pytest.raises(ImageError, match="multiples of 4 pixels, got 66 x 64"):
        SegFace(config)(torch.zeros(1, 3, 64, 66))


def test_a_model_learns_to_parse_two_halves():
    torch.manual_seed(0)
    model = SegFace(
        SegFaceConfig(
            backbone="mobilenetv3_small_050",
            width=16,
            heads=2,
            mlp_dim=32,
            upscale_dims=(8,),
            schema="halves",
            label_names=("background", "bright"),
            label_colors=((0, 0, 0), (255, 255, 255)),
        )
    )
    pixels = torch.zeros(4, 3, 64, 64)
    pixels[:, :, :, 32:] = 1.0
    target = (pixels[:, 0] > 0.5).long()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(25):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(pixels), target).backward()
        optimizer.step()
    assert (model(pixels).argmax(1) == target).float().mean() > 0.95


def _rewrite(folder, change):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
