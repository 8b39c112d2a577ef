"""A checkpoint that is small enough to parse a photo in no time, for what is not about masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from segface_hf import SegFace, SegFaceConfig
from tests.segface_hf.jobs.pictures import parse_here


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained model."""
    torch.manual_seed(0)
    config = SegFaceConfig(
        backbone="mobilenetv3_small_050",
        width=16,
        depth=1,
        heads=2,
        upscale_dims=(8,),
        resolution=64,
    )
    folder = tmp_path_factory.mktemp("tiny")
    SegFace(config).save_pretrained(folder)
    return folder


@pytest.fixture
def parse_fast(tiny: Path) -> Callable[..., int]:
    """`segface parse` in this process with that model, each photo as one face."""

    def run(*arguments: object) -> int:
        return parse_here(*arguments, "--whole-image", "--model", tiny)

    return run
