"""Augmentation keeps left and right true and never invents classes."""

import pytest
import torch

from segface_hf.labels import CELEBAMASK_HQ, IGNORED, LAPA
from segface_hf.training.augment import (
    RandomDraws,
    augment_batch,
    mirror_masks,
    random_affine,
    vary_color,
    warp_masks,
    warp_photos,
)
from segface_hf.training.prepare import prepare
from segface_hf.training.recipe import Augment
from segface_hf.training.sampling import step_generator
from tests.segface_hf.training.drawn import tiny_recipe

STILL = {
    "rotation": 0.0, "scale_min": 1.0, "scale_max": 1.0, "shift": 0.0, "brightness": 0.0,
    "contrast": 0.0, "saturation": 0.0, "tint": 0.0, "gray": 0.0, "low_resolution": 0.0,
    "noise": 0.0,
}  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def augmented(images, masks, **options):
    return augment_batch(
        images,
        masks,
        Augment(**{**STILL, **options}),
        schema=CELEBAMASK_HQ,
        side=images.shape[-1],
        generator=generator(),
    )


def test_no_variation_gives_the_same_photo_and_mask():
    images = torch.rand(2, 3, 8, 8, generator=generator())
    masks = torch.randint(0, 19, (2, 8, 8), generator=generator()).to(torch.uint8)
    pixels, ids = augmented(images, masks, flip=0.0)
    assert torch.allclose(pixels, images, atol=1e-5)
    assert torch.equal(ids, masks.long())


def test_a_flip_mirrors_the_photo_and_swaps_left_and_right_classes():
    images = torch.rand(1, 3, 4, 4, generator=generator())
    masks = torch.tensor([[[4, 0, 0, 5], [6, 0, 0, 7], [8, 0, 0, 9], [10, 0, 0, 2]]])
    pixels, ids = augmented(images, masks.to(torch.uint8), flip=1.0)
    assert torch.allclose(pixels, images.flip(3), atol=1e-5)
    assert ids[0].tolist() == [[4, 0, 0, 5], [6, 0, 0, 7], [8, 0, 0, 9], [2, 0, 0, 10]]


def test_mirroring_uses_the_schemas_pairs_and_leaves_ignored_pixels():
    masks = torch.tensor([[[2, 3, IGNORED]], [[2, 3, IGNORED]]])
    result = mirror_masks(masks, torch.tensor([True, False]), LAPA)
    assert result.tolist() == [[[3, 2, IGNORED]], [[2, 3, IGNORED]]]


def middles(shapes):
    """Centers (x, y) of bool (N, S, S), in sides of the frame."""
    side = shapes.shape[-1]
    y, x = ((torch.arange(side) + 0.5) / side for _ in range(2))
    pixels = shapes.sum((1, 2)).clamp(min=1)
    return (
        torch.stack([(shapes * x).sum((1, 2)), (shapes * y[:, None]).sum((1, 2))], -1)
        / (pixels[:, None])
    )


@pytest.mark.parametrize("side", [24, 48, 64, 128])
def test_photo_and_mask_are_moved_as_one(side):
    y, x = torch.arange(64)[:, None], torch.arange(64)
    disc = ((x - 22) ** 2 + (y - 38) ** 2 <= 8**2).expand(60, 64, 64)
    images = disc[:, None].float().expand(60, 3, 64, 64)
    hair = CELEBAMASK_HQ.id_of("hair")
    geometry = {key: getattr(Augment(), key) for key in ("scale_min", "scale_max", "shift")}
    options = Augment(**{**STILL, **geometry, "rotation": 180.0, "flip": 0.5})
    pixels, ids = augment_batch(
        images,
        hair * disc.to(torch.uint8),
        options,
        schema=CELEBAMASK_HQ,
        side=side,
        generator=generator(),
    )
    # Pixels outside the photo repeat its edge and have no label.
    seen = (pixels[:, 0] > 0.5) & (ids != IGNORED)
    assert (seen.sum((1, 2)) > 0).float().mean() > 0.8
    apart = (middles(seen) - middles(ids == hair)).abs().amax(1)
    assert apart.max() * side < 1


def test_pixels_outside_the_photo_are_ignored():
    masks = torch.full((1, 8, 8), 2, dtype=torch.uint8)
    twice_as_far = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]])
    result = warp_masks(masks, twice_as_far, 8)
    assert set(result.unique().tolist()) == {2, IGNORED}
    assert int((result == 2).sum()) == 16


def test_the_same_generator_gives_the_same_batch():
    images = torch.rand(3, 3, 16, 16, generator=generator())
    masks = torch.randint(0, 19, (3, 16, 16), generator=generator()).to(torch.uint8)
    first, second = (
        augment_batch(
            images, masks, Augment(), schema=CELEBAMASK_HQ, side=12, generator=generator(7)
        )
        for _ in range(2)
    )
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_augmentation_never_invents_a_class():
    masks = torch.randint(0, 3, (4, 32, 32), generator=generator()).to(torch.uint8)
    _, ids = augment_batch(
        torch.rand(4, 3, 32, 32, generator=generator()),
        masks,
        Augment(),
        schema=CELEBAMASK_HQ,
        side=24,
        generator=generator(3),
    )
    assert set(ids.unique().tolist()) <= {0, 1, 2, IGNORED}


def test_a_gray_photo_has_equal_channels():
    images = torch.rand(2, 3, 8, 8, generator=generator())
    options = Augment(**{**STILL, "gray": 1.0})
    result = vary_color(images, options, RandomDraws(2, generator()))
    assert torch.allclose(result[:, 0], result[:, 1], atol=1e-6)
    assert torch.allclose(result[:, 0], result[:, 2], atol=1e-6)


def test_a_recipe_that_occludes_changes_its_batches(folder):
    plain, occluding = (tiny_recipe(augment={"occluded": chance}) for chance in (0.0, 1.0))
    data = prepare(folder, plain)
    masks = [
        data.batch(recipe, side=64, generator=step_generator(0, 0))[1]
        for recipe in (plain, occluding)
    ]
    assert (masks[1] == 0).float().mean() > (masks[0] == 0).float().mean()


def test_zoom_out_shows_photos_down_to_a_quarter_and_ignores_what_is_around():
    images = torch.rand(60, 3, 64, 64, generator=generator())
    masks = torch.full((60, 64, 64), 2, dtype=torch.uint8)
    _, ids = augmented(images, masks, flip=0.0, zoom_out=1.0, scale_min=0.8, scale_max=0.8)
    assert set(ids.unique().tolist()) == {2, IGNORED}
    sides = (ids == 2).sum((1, 2)).double().sqrt() / 64
    assert 0.25 <= sides.min() + 0.01 < 0.35
    assert 0.7 < sides.max() <= 0.81
    _, ids = augmented(images, masks, flip=0.0, zoom_out=0.5)
    assert 0.3 < ((ids == IGNORED).sum((1, 2)) > 0).double().mean() < 0.7


def test_a_zoomed_out_photo_is_antialiased():
    fine = (torch.arange(256)[:, None] + torch.arange(256)) % 2
    images = fine.float().expand(4, 3, 256, 256).contiguous()
    theta = torch.tensor([[4.0, 0.0, 0.3], [0.0, 4.0, -0.2]]).expand(4, 2, 3)
    middle = warp_photos(images, theta, 64)[:, :, 28:36, 28:36]
    assert torch.allclose(middle, torch.full_like(middle, 0.5), atol=0.02)


def test_zoom_out_changes_no_random_number_of_recipes_without_it():
    images = torch.rand(3, 3, 16, 16, generator=generator())
    masks = torch.randint(0, 19, (3, 16, 16), generator=generator()).to(torch.uint8)
    before = random_affine(Augment(), RandomDraws(3, generator(7)))[0]
    assert before[:, :, :2].norm(dim=1).max() <= 1 / Augment().scale_min + 1e-5
    plain, zoomed = (
        augment_batch(images, masks, options, schema=CELEBAMASK_HQ, side=12, generator=generator(7))
        for options in (Augment(), Augment(zoom_out=1.0))
    )
    assert not torch.equal(plain[1], zoomed[1])
