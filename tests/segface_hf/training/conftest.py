"""A tiny data folder of drawn faces, and a tiny recipe: real trainings in a second."""

from __future__ import annotations

import pytest
import torch

from segface_hf.labels import CELEBAMASK_HQ
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(tmp_path):
    """Six drawn faces, two with glasses."""
    root = tmp_path / "data"
    for seed in range(6):
        write_pair(root, f"face{seed}", *draw_face(seed, glasses=seed < 2))
    return root


@pytest.fixture
def recipe():
    """A recipe of a few steps on the smallest backbone."""
    return tiny_recipe()


@pytest.fixture
def bust():
    """A face with two ears on a broad neck, and a collar: image (3, S, S) and mask (S, S)."""
    side, named = 128, CELEBAMASK_HQ.id_of
    mask = torch.zeros(side, side, dtype=torch.uint8)
    mask[115:] = named("cloth")
    mask[80:115, 44:84] = named("neck")
    mask[20:80, 40:88] = named("skin")
    mask[45:62, 34:40] = named("r_ear")
    mask[45:62, 88:94] = named("l_ear")
    mask[10:20, 40:88] = named("hair")
    mask[42:46, 48:58] = named("r_eye")
    mask[42:46, 70:80] = named("l_eye")
    mask[44:58, 60:68] = named("nose")
    mask[66:70, 56:72] = named("u_lip")
    return torch.full((3, side, side), 0.5), mask
