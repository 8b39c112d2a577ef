"""Untrusted checkpoints: refused with a typed sentence, at once and within little memory."""

from __future__ import annotations

import json
import re
import resource
import struct
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from segface_hf.checkpoints.bounds import BACKBONE_PARAMETERS, parameters_at_least, values_in
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, ConfigError
from segface_hf.modeling.backbones import PUBLISHED, build_backbone
from segface_hf.modeling.segface import SegFace

SMALL = SegFaceConfig(backbone="mobilenet", width=32, heads=2, mlp_dim=32, resolution=64)
SECONDS, BYTES = 5.0, 200_000_000


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return SegFace(SMALL).save_pretrained(tmp_path_factory.mktemp("checkpoint"))


def weights_file(header: object, *, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def folder_of(tmp_path, checkpoint, *, config=None, weights=None):
    """A copy of the small checkpoint with another configuration or other weights."""
    values = json.loads((checkpoint / "config.json").read_text())
    text = config if isinstance(config, str) else json.dumps({**values, **(config or {})})
    (tmp_path / "config.json").write_text(text)
    if weights is None:
        weights = (checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights)
    return tmp_path


def refused(folder) -> str:
    """Loads a folder, which must be refused quickly and without much memory; returns why."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(CheckpointError) as error:
        SegFace.from_pretrained(folder)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert time.process_time() - start < SECONDS
    assert grown * 1024 < BYTES
    assert len(str(error.value)) < 1000
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"depth": 10**9}, "depth is a whole number from 1 to 16"),
        ({"width": 10**9}, "width is a whole number"),
        ({"heads": 10**9}, "heads is a whole number"),
        ({"mlp_dim": 10**12}, "mlp_dim is a whole number"),
        ({"upscale_dims": [10**9, 32]}, "upscale_dims holds one or two channel counts up to"),
        ({"resolution": 10**9}, "resolution is a whole number"),
        ({"depth": True}, "depth is a whole number"),
        ({"mean": [10**400, 0, 0]}, "mean holds finite numbers"),
        ({"class_bias": [10**400] * 19}, "class_bias is empty or holds a finite number"),
        ({"label_colors": [[10**400, 0, 0]] * 19}, "labels of the configuration"),
        ({"backbone": "x" * 100_000}, "backbone is a text"),
        ({"source": ["x"]}, "source is a text"),
        ({"backbone": "convnextv2_huge"}, "describes .* parameters or more"),
        ({"backbone": "swin_base"}, "describes .* parameters or more"),
        ({"depth": 16, "mlp_dim": 16_384}, "describes .* parameters or more"),
    ],
)
def test_a_configuration_of_too_large_a_model_is_refused(tmp_path, checkpoint, change, said):
    assert re.search(said, refused(folder_of(tmp_path, checkpoint, config=change)))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"depth": ' + "9" * 5000 + "}", "not valid JSON"),
        ('{"label_names": ' + "[" * 900 + "]" * 900 + "}", "nested at most 4 deep"),
        ('{"label_names": ' + "[" * 90_000 + "]" * 90_000 + "}", "not valid JSON"),
        (" " * 1_000_001, "expected at most 1,000,000"),
    ],
    ids=["digits", "nested 900", "nested 90,000", "long"],
)
def test_a_configuration_that_is_hard_to_read_is_refused(tmp_path, checkpoint, config, said):
    assert said in refused(folder_of(tmp_path, checkpoint, config=config))


EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
HUGE = {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}
CLAIMING = {**HUGE, "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (b"", "is damaged or not a safetensors file"),
        (b"0123456789", "its header claims"),
        (struct.pack("<Q", 10**15), "its header claims"),
        (weights_file({f"t{n}": EMPTY for n in range(80_000)}), "its header claims"),
        (weights_file({f"t{n}": EMPTY for n in range(25_000)}), "lists 25,000 tensors"),
        (weights_file({"a": HUGE}), "don't fill the file"),
        (weights_file({"a": CLAIMING}, data=b"0000"), "don't fit its shape"),
        (weights_file({"a": 3}), "is damaged"),
        (weights_file(b"[" * 50_000), "is damaged"),
        (weights_file({"a": EMPTY}), "holds 0 values"),
    ],
    ids=[
        "empty", "ten bytes", "long", "80,000 tensors", "many tensors", "huge", "overlapping",
        "malformed", "nested", "no values",
    ],
)  # fmt: skip
def test_weights_whose_header_is_wrong_are_refused(tmp_path, checkpoint, weights, said):
    assert said in refused(folder_of(tmp_path, checkpoint, weights=weights))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, checkpoint, bad):
    folder = folder_of(tmp_path, checkpoint)
    tensors = load_file(folder / "model.safetensors")
    tensors["decoder.class_tokens"][3, 3] = bad
    save_file(tensors, folder / "model.safetensors")
    assert "'decoder.class_tokens'" in refused(folder)


def test_the_bound_is_below_the_real_number_of_parameters_and_near_it():
    for backbone in ("mobilenet", "tf_efficientnet_lite0", "swinv2_tiny"):
        config = SegFaceConfig(backbone=backbone, upscale_dims=(64, 32))
        with torch.device("meta"):
            real = sum(weights.numel() for weights in SegFace(config).parameters())
        bound = parameters_at_least(config)
        assert 0.93 * real < bound <= real


def test_the_table_names_every_published_backbone_with_its_parameters():
    assert set(PUBLISHED) <= set(BACKBONE_PARAMETERS)
    for name, count in BACKBONE_PARAMETERS.items():
        with torch.device("meta"):
            network, _ = build_backbone(name)
        assert sum(weights.numel() for weights in network.parameters()) == count


def test_the_values_of_a_file_are_counted_from_its_header(tmp_path):
    tensors = {"a": torch.zeros(3, 5), "b": torch.zeros(7, dtype=torch.float16)}
    save_file(tensors, tmp_path / "weights.safetensors", metadata={"format": "pt"})
    assert values_in(tmp_path / "weights.safetensors", source="weights") == 22


def test_bounds_hold_for_a_configuration_made_in_python_too():
    with pytest.raises(ConfigError, match="width is a whole number from 8 to 2048"):
        SegFaceConfig(width=4096)


def test_a_refusal_needs_little_memory_in_a_fresh_process(tmp_path, checkpoint):
    folder = folder_of(tmp_path, checkpoint, config={"depth": 10**9}, weights=b"0123456789")
    code = (
        "import resource, sys\n"
        "from segface_hf import CheckpointError, SegFace\n"
        "usage = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = usage()\n"
        "try:\n    SegFace.from_pretrained(sys.argv[1])\n"
        "except CheckpointError:\n    print((usage() - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 200
