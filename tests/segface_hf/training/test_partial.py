"""Masks with unknown pixels (255) teach where they are sure, in every step of training."""

import numpy as np
import pytest
import torch

from segface_hf.data.photo_set import PhotoSet
from segface_hf.labels import CELEBAMASK_HQ, IGNORED
from segface_hf.training.drawing.drawing import DRAWABLE, draw_part, occlude
from segface_hf.training.losses import training_loss
from segface_hf.training.paste import collect_parts, paste_part
from segface_hf.training.prepare import prepare
from segface_hf.training.recipe import Loss
from segface_hf.training.sampling import photo_weights
from tests.segface_hf.training.drawn import draw_face, tiny_recipe, write_pair

NAMED = CELEBAMASK_HQ.id_of


def hidden(mask, *names):
    """The mask with these classes unknown."""
    return np.where(np.isin(mask, [NAMED(name) for name in names]), IGNORED, mask).astype(np.uint8)


@pytest.mark.parametrize("dice_absent", [False, True])
def test_the_loss_has_a_gradient_at_known_pixels_only(dice_absent):
    torch.manual_seed(0)
    logits = torch.randn(2, 19, 4, 4, requires_grad=True)
    masks = torch.randint(0, 19, (2, 4, 4))
    masks[0, :2] = IGNORED
    share = torch.full((19,), 1 / 19, dtype=torch.float64)
    options = Loss(class_weights="inverse_sqrt", dice_absent=dice_absent)
    training_loss(logits, masks, options, share=share, photos=2, progress=1.0).backward()
    touched = logits.grad.abs().sum(1) > 0
    assert torch.equal(touched, masks != IGNORED)


def test_class_shares_and_sampling_weights_count_known_pixels_only():
    masks = torch.full((2, 4, 4), IGNORED, dtype=torch.uint8)
    masks[:, 0] = NAMED("hair")
    masks[1, 1, :2] = NAMED("hat")
    photos = PhotoSet(torch.zeros(2, 3, 4, 4).byte(), masks, ("a", "b"), CELEBAMASK_HQ)
    share = photos.pixel_share()
    assert share[NAMED("hair")].item() == pytest.approx(0.8)
    assert share[NAMED("hat")].item() == pytest.approx(0.2)
    assert share.sum().item() == pytest.approx(1.0)
    weights = photo_weights(photos.presence(), power=1.0)
    assert (weights[1] / weights[0]).item() == pytest.approx(2.0)


def test_a_pasted_part_labels_its_own_pixels_and_leaves_others_unknown():
    first, second = draw_face(0, glasses=True), draw_face(1)
    partial = [hidden(second[1], "skin", "hair"), first[1]]
    images = torch.from_numpy(np.stack([second[0], first[0]])).permute(0, 3, 1, 2)
    masks = torch.from_numpy(np.stack(partial))
    photos = PhotoSet(images, masks, ("bare", "worn"), CELEBAMASK_HQ)
    part = NAMED("eyeglasses")
    image, mask = paste_part(
        images[0].float() / 255,
        masks[0],
        bank=collect_parts(photos, (part,)),
        target=0,
        donor=1,
        part=part,
    )
    assert (mask == part).sum() > 50
    changed = (image - images[0].float() / 255).abs().amax(0) > 0.05
    new = mask != masks[0]
    assert (new & (masks[0] == IGNORED)).any()
    assert (mask[~new] == IGNORED).any()
    assert not (changed & ~new & ~_near(new)).any()


def _near(region):
    grown = torch.nn.functional.max_pool2d(region[None, None].float(), 5, 1, 2)
    return grown[0, 0] > 0


@pytest.mark.parametrize("name", DRAWABLE)
def test_a_drawn_part_labels_its_own_pixels_and_leaves_others_unknown(bust, name):
    image, mask = bust
    partial = torch.from_numpy(hidden(mask.numpy(), "hair", "cloth"))
    for seed in range(12):
        _, drawn = draw_part(image, partial, name, schema=CELEBAMASK_HQ, seed=seed)
        kept = drawn != NAMED(name)
        assert torch.equal(drawn[kept], partial[kept])


def test_an_occluder_is_known_background_over_unknown_pixels(bust):
    image, mask = bust
    partial = torch.from_numpy(hidden(mask.numpy(), "skin"))[None]
    generator = torch.Generator().manual_seed(1)
    _, covered = occlude(
        image[None], partial, schema=CELEBAMASK_HQ, chance=1.0, generator=generator
    )
    new = covered != partial
    assert new.any()
    assert (covered[new] == 0).all()
    assert (covered[~new & (partial == IGNORED)] == IGNORED).all()


def test_a_folder_of_partial_masks_trains(tmp_path):
    for seed in range(3):
        image, mask = draw_face(seed)
        write_pair(tmp_path / "street", f"p{seed}", image, hidden(mask, "skin", "u_lip"))
    recipe = tiny_recipe(tail={"paste": {}}, augment={"zoom_out": 0.5})
    data = prepare(tmp_path / "street", recipe)
    assert data.share[NAMED("skin")] == 0
    assert data.share[NAMED("hair")] > 0
    assert (data.photos.masks == IGNORED).any()
