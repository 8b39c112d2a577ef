"""Losses have the values that their formulas give."""

import math

import pytest
import torch

from segface_hf.labels import IGNORED
from segface_hf.training.losses import class_weights, dice_loss, training_loss
from segface_hf.training.recipe import Loss

SHARE = torch.tensor([0.75, 0.25])


def loss(logits, masks, *, progress=0.0, **options):
    return training_loss(
        logits, masks, Loss(**options), share=SHARE, photos=4, progress=progress
    ).item()


def test_dice_of_a_perfect_prediction_is_zero():
    masks = torch.tensor([[[0, 1], [1, 0]]])
    logits = 40.0 * torch.nn.functional.one_hot(masks, 2).permute(0, 3, 1, 2).float()
    assert dice_loss(logits, masks).item() == pytest.approx(0, abs=1e-5)


def test_dice_counts_only_classes_that_the_batch_holds():
    masks = torch.zeros(1, 2, 2, dtype=torch.long)
    logits = torch.zeros(1, 2, 2, 2)
    # Chance 0.5 everywhere: overlap 2, squares 1, pixels 4.
    assert dice_loss(logits, masks).item() == pytest.approx(1 - (2 * 2 + 1) / (1 + 4 + 1))


def test_ignored_pixels_change_no_loss():
    masks = torch.tensor([[[0, 1], [1, IGNORED]]])
    logits = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    other = logits.clone()
    other[0, :, 1, 1] = torch.tensor([9.0, -9.0])
    assert loss(logits, masks) == pytest.approx(loss(other, masks))


@pytest.mark.parametrize("absent", [False, True])
def test_a_photo_without_labeled_pixels_has_no_loss_and_no_gradient(absent):
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    masks = torch.full((1, 2, 2), IGNORED)
    total = training_loss(
        logits, masks, Loss(dice_absent=absent), share=SHARE, photos=4, progress=0.0
    )
    total.backward()
    assert total.item() == 0
    assert logits.grad.abs().max() == 0


def test_equal_logits_cost_the_logarithm_of_the_class_count():
    masks = torch.tensor([[[0, 1], [1, 0]]])
    assert loss(torch.zeros(1, 2, 2, 2), masks, dice=0.0) == pytest.approx(math.log(2))


def test_rare_classes_have_larger_weights_up_to_the_limit():
    share = torch.tensor([0.9, 0.0999, 0.0001])
    weights = class_weights("inverse_sqrt", share, photos=10, limit=3.0)
    assert weights[0] < weights[1] < weights[2]
    assert weights[2].item() == 3.0
    assert class_weights("none", share, photos=10, limit=3.0).tolist() == [1.0, 1.0, 1.0]
    effective = class_weights("effective_number", share, photos=1, limit=50.0)
    assert effective[2] > effective[1] > effective[0]


def test_deferred_weights_start_late():
    masks = torch.tensor([[[0, 0], [0, 1]]])
    logits = torch.tensor([2.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    options = {"class_weights": "inverse_sqrt", "reweight_from": 0.5}
    early, late = (loss(logits, masks, progress=p, **options) for p in (0.4, 0.6))
    assert early == pytest.approx(loss(logits, masks))
    assert late > early


def test_logit_adjustment_raises_the_loss_of_rare_classes():
    masks = torch.ones(1, 2, 2, dtype=torch.long)
    logits = torch.zeros(1, 2, 2, 2)
    assert loss(logits, masks, dice=0.0, logit_adjustment=1.0) == pytest.approx(-math.log(0.25))


def test_low_resolution_logits_are_resized_to_the_mask():
    masks = torch.zeros(1, 8, 8, dtype=torch.long)
    assert loss(torch.zeros(1, 2, 4, 4), masks, dice=0.0) == pytest.approx(math.log(2))


def test_predictions_of_an_absent_class_cost_only_with_the_option():
    masks = torch.zeros(1, 8, 8, dtype=torch.long)
    share = torch.tensor([0.9, 0.1])
    for taken, cost in ((0.0, 0.0), (6.4, 0.5)):
        chances = torch.stack([torch.full((8, 8), 1 - (taken / 64) ** 0.5)] * 2)
        chances[1] = (taken / 64) ** 0.5
        logits = chances.clamp(min=1e-9).log()[None]
        # Its squared chances add up to 6.4 pixels, as many as its average share of 64.
        loss = dice_loss(logits, masks, absent=share)
        ignoring = dice_loss(logits, masks)
        assert float(2 * loss - ignoring) == pytest.approx(cost, abs=1e-4)
