"""The row of a new class, on pixels that can be checked by hand."""

import math

import pytest
import torch

from segface_hf.added_classes.add import leave_one_out
from segface_hf.added_classes.methods import METHODS, Row, _calibrated, _prototypes, without
from segface_hf.added_classes.pixels import Pixels, _resized, _sample


def example(new, *old, seed=0, count=240):
    """Pixels around places of a map with three channels; half of them are of the new class."""
    generator = torch.Generator().manual_seed(seed)
    others = [old[index % len(old)] for index in range(count // 2)]
    places = torch.tensor([new] * (count // 2) + others, dtype=torch.float32)
    maps = places + 0.1 * torch.randn(count, 3, generator=generator)
    scores = torch.stack([maps[:, 0], maps[:, 1]], dim=1)
    is_new = torch.arange(count) < count // 2
    labels, weights = is_new.to(torch.uint8), torch.full((count,), 1 / count)
    return Pixels(maps, scores, 4 * scores + 1, labels, is_new, weights)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_a_class_with_features_of_its_own_in_an_example_left_out(method):
    examples = [example([0, 0, 2], [1, 0, 0], [0, 1, 0], seed=seed) for seed in range(3)]
    scores = leave_one_out(("a", "b", "c"), examples, METHODS[method])
    assert scores.stems == ("a", "b", "c")
    assert min(scores.found) > 0.95
    assert scores.mean_iou > 0.95
    assert scores.taken < 0.05


def test_a_class_that_is_elsewhere_in_every_example_is_not_found_in_the_one_left_out():
    examples = [example([0, 0, 2], [0, 2, 0]), example([0, 2, 0], [0, 0, 2], seed=1)]
    scores = leave_one_out(("a", "b"), examples, METHODS["logistic"])
    assert scores.mean_iou < 0.05


def test_a_row_adds_fixed_weights_a_mixture_of_old_rows_and_a_constant():
    maps, scores = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]])
    logits, one = torch.tensor([[4.0, 9.0]]), torch.ones(1)
    pixels = Pixels(maps, scores, logits, one.byte(), one.bool(), one)
    row = Row(torch.tensor([1.0, -1.0]), torch.tensor([0.5, 2.0]), torch.tensor(0.25))
    assert float(row.logits(pixels)[0]) == 1 - 2 + 1.5 + 10 + 0.25
    assert bool(row.wins(pixels)[0])


def test_a_calibrated_prototype_is_half_its_own_and_half_that_of_the_most_similar_old_class():
    pixels = example([0, 0.2, 2], [2, 0, 0], [0, 2, 0.2])
    own, others = _prototypes(pixels)
    assert others.shape == (2, 3)
    similarity = [float(torch.cosine_similarity(own, other, dim=0)) for other in others]
    shares = [math.exp(16 * value) for value in similarity]
    near = sum(s * other for s, other in zip(shares, others, strict=True)) / sum(shares)
    assert torch.allclose(_calibrated(pixels), 0.5 * own + 0.5 * near, atol=1e-5)


def test_a_single_example_teaches_about_itself():
    assert without(["a", "b"], 0) == ["b"]
    assert without(["a"], 0) == ["a"]


def test_sampled_pixels_stand_for_all_pixels():
    is_new = torch.arange(100_000) % 10 == 0
    indices, shares = _sample(is_new, torch.Generator().manual_seed(0))
    assert len(indices) == 6000
    assert float(shares.sum()) == pytest.approx(1, abs=1e-4)
    assert float(shares[is_new[indices]].sum()) == pytest.approx(0.1, abs=1e-4)


def test_a_mask_is_reduced_to_the_nearest_pixels():
    mask = torch.arange(16, dtype=torch.uint8).reshape(4, 4).numpy()
    assert _resized(mask, (2, 2)).tolist() == [[5, 7], [13, 15]]
    assert _resized(mask, (4, 4)).tolist() == mask.tolist()
