"""Conversion of published pickles: what is kept, what is refused, and what never runs."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter

import pytest
import torch
from safetensors import safe_open

from segface_hf import SegFace
from segface_hf.checkpoints.convert import convert
from segface_hf.errors import ConversionError, OutputError
from segface_hf.labels import CELEBAMASK_HQ
from tests.segface_hf.published import pixels, published_state, save


@pytest.fixture(scope="module")
def state():
    return published_state("mobilenet", "celeb")


@pytest.fixture(scope="module")
def lapa_state():
    return published_state("mobilenet", "lapa")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, state):
    return save(tmp_path_factory.mktemp("plain") / "model_299.pt", state)


def training_state(state):
    """What training leaves in the file: AdamW's moments and MultiStepLR's milestones."""
    parameters = [
        torch.nn.Parameter(v)
        for k, v in state.items()
        if v.is_floating_point() and "running" not in k
    ]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[80, 200])
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    scheduler.step()
    return {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}


@pytest.fixture(scope="module")
def real_checkpoint(tmp_path_factory, state):
    """A file as the authors saved theirs: from CUDA, with everything training leaves behind."""
    path = tmp_path_factory.mktemp("real") / "model_299.pt"
    extra = training_state(state)
    assert isinstance(extra["scheduler"]["milestones"], Counter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        save(path, state, **extra, iteration=1_000_000)
    assert b"cuda:0" in zipfile.ZipFile(path).read(f"{path.stem}/data.pkl")
    return path


def tensors_of(folder):
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def test_a_file_saved_from_cuda_with_its_training_state_converts(real_checkpoint, tmp_path, state):
    conversion = convert(real_checkpoint, tmp_path / "out", resolution=512, build=SegFace)
    model = SegFace.from_pretrained(tmp_path / "out")
    assert torch.equal(model.fusion.mix.weight, state["linear_fuse.weight"])
    assert (conversion.config.backbone, conversion.config.schema) == ("mobilenet", "celebamask_hq")
    assert (
        real_checkpoint.stat().st_size > 2.5 * (tmp_path / "out/model.safetensors").stat().st_size
    )


@pytest.mark.parametrize(("dtype", "width"), [(None, 4), (torch.float16, 2)])
def test_the_output_is_four_bytes_a_parameter_or_two_in_half_precision(
    checkpoint, tmp_path, dtype, width
):
    conversion = convert(checkpoint, tmp_path / "out", dtype=dtype, build=SegFace)
    size = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert abs(size / (width * conversion.parameters) - 1) < 0.02


def test_no_index_buffer_optimizer_state_or_counter_is_copied(tmp_path):
    state = published_state("swinv2_tiny", "celeb")
    garbage = {
        key: torch.full_like(value, 7)
        for key, value in state.items()
        if key.endswith(("relative_position_index", "relative_coords_table"))
    }
    save(tmp_path / "model_299.pt", state | garbage)
    convert(tmp_path / "model_299.pt", tmp_path / "out", build=SegFace)
    tensors = tensors_of(tmp_path / "out")
    assert len(garbage) > 20
    assert not [key for key in tensors if "relative" in key and "index" in key]
    assert not [key for key in tensors if "coords_table" in key]
    model = SegFace.from_pretrained(tmp_path / "out")
    buffers = dict(model.backbone.named_buffers())
    assert buffers["layers_0.blocks.0.attn.relative_position_index"].max() == 224


def test_counters_of_training_steps_start_again(state, tmp_path):
    counted = {
        key: torch.full_like(value, 99) if key.endswith("num_batches_tracked") else value
        for key, value in state.items()
    }
    convert(save(tmp_path / "m.pt", counted), tmp_path / "out", build=SegFace)
    tracked = [v for k, v in tensors_of(tmp_path / "out").items() if k.endswith("_tracked")]
    assert len(tracked) > 20
    assert all(value == 0 for value in tracked)


def test_half_precision_loads_and_stays_close(checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "full", build=SegFace)
    convert(checkpoint, tmp_path / "half", dtype=torch.float16, build=SegFace)
    full, half = (SegFace.from_pretrained(tmp_path / name) for name in ("full", "half"))
    with torch.inference_mode():
        agreement = full(pixels(64, 64)).argmax(1) == half(pixels(64, 64)).argmax(1)
    assert half.fusion.mix.weight.dtype == torch.float32
    assert agreement.float().mean() > 0.98


def test_half_precision_that_would_overflow_is_refused(state, tmp_path):
    large = state | {"linear_fuse.weight": state["linear_fuse.weight"] * 1e7}
    with pytest.raises(
        ConversionError, match=r"'fusion\.mix\.weight' holds values that are not finite"
    ):
        convert(
            save(tmp_path / "m.pt", large), tmp_path / "out", dtype=torch.float16, build=SegFace
        )
    assert not (tmp_path / "out").exists()


def test_the_configuration_explains_the_checkpoint(real_checkpoint, tmp_path):
    convert(
        real_checkpoint,
        tmp_path / "out",
        dataset="celeb",
        backbone="mobilenet",
        resolution=448,
        build=SegFace,
    )
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["label_names"] == list(CELEBAMASK_HQ.names)
    assert config["label_colors"] == [list(color) for color in CELEBAMASK_HQ.colors]
    assert config["label_mirror_pairs"] == [[4, 5], [6, 7], [8, 9]]
    assert config["id2label"]["15"] == "eyeglasses"
    assert config["label2id"]["necklace"] == 18
    assert config["mean"] == [0.485, 0.456, 0.406]
    assert (config["resolution"], config["backbone"], config["warp"]) == (448, "mobilenet", "none")
    assert config["source"] == "model_299.pt"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", config["source_digest"])
    assert str(tmp_path) not in (tmp_path / "out/config.json").read_text()


def test_the_folder_name_gives_the_missing_options(lapa_state, tmp_path):
    folder = tmp_path / "mobilenet_lapa_224"
    folder.mkdir()
    conversion = convert(save(folder / "model_299.pt", lapa_state), tmp_path / "out", build=SegFace)
    config = conversion.config
    assert (config.schema, config.warp, config.resolution) == ("lapa", "tanh", 224)
    assert config.source == "mobilenet_lapa_224/model_299.pt"


def test_lapa_and_helen_have_the_same_tensors_so_the_dataset_must_be_named(lapa_state, tmp_path):
    path = save(tmp_path / "model_299.pt", lapa_state)
    with pytest.raises(ConversionError, match="lapa and helen checkpoints have the same tensors"):
        convert(path, tmp_path / "out", build=SegFace)
    assert convert(path, tmp_path / "out", dataset="helen", build=SegFace).config.warp == "identity"


def test_a_state_dict_alone_and_one_of_data_parallel_training_convert(state, tmp_path):
    torch.save(state, tmp_path / "bare.pt")
    save(tmp_path / "parallel.pt", {f"module.{key}": value for key, value in state.items()})
    for name in ("bare", "parallel"):
        convert(tmp_path / f"{name}.pt", tmp_path / name, build=SegFace)
        assert SegFace.from_pretrained(tmp_path / name).config.backbone == "mobilenet"


def test_a_folder_with_other_files_is_not_changed(checkpoint, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("years")
    with pytest.raises(OutputError, match="holds other files"):
        convert(checkpoint, tmp_path / "out", build=SegFace)
    with pytest.raises(OutputError, match="is a file"):
        convert(checkpoint, tmp_path / "out/thesis.txt", build=SegFace)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_converting_again_replaces_an_earlier_result_and_removes_leftovers_of_a_kill(
    checkpoint, tmp_path
):
    convert(checkpoint, tmp_path / "out", resolution=224, build=SegFace)
    (tmp_path / ".out.123.partial").mkdir()
    (tmp_path / ".out.123.partial/model.safetensors").write_bytes(b"half")
    convert(checkpoint, tmp_path / "out", resolution=448, build=SegFace)
    assert json.loads((tmp_path / "out/config.json").read_text())["resolution"] == 448
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
