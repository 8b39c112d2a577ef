"""A tiny data folder of drawn faces, and a tiny recipe: real trainings in a second."""

from __future__ import annotations

import pytest

from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair


@pytest.fixture(autouse=True)
def one_thread():
    import torch

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
