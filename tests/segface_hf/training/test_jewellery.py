"""Drawn jewellery: where it may lie, what its mask says, and that a seed decides it."""

import numpy as np
import pytest
import torch

from segface_hf.errors import ConfigError, LabelError
from segface_hf.labels import CELEBAMASK_HQ, LAPA
from segface_hf.training.data import PhotoSet
from segface_hf.training.jewellery import DRAWABLE, draw_part, draw_parts
from segface_hf.training.prepare import derive
from segface_hf.training.recipe import Recipe, Tail
from segface_hf.training.sampling import step_generator

SIDE = 128
NAMED = CELEBAMASK_HQ.id_of


@pytest.fixture
def bust():
    """A face with two ears on a broad neck, and a collar: image (3, S, S) and mask (S, S)."""
    mask = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    mask[115:] = NAMED("cloth")
    mask[80:115, 44:84] = NAMED("neck")
    mask[20:80, 40:88] = NAMED("skin")
    mask[45:62, 34:40] = NAMED("r_ear")
    mask[45:62, 88:94] = NAMED("l_ear")
    mask[10:20, 40:88] = NAMED("hair")
    return torch.full((3, SIDE, SIDE), 0.5), mask


@pytest.mark.parametrize("name", DRAWABLE)
def test_the_mask_says_exactly_what_was_drawn(bust, name):
    image, mask = bust
    for seed in range(20):
        changed, labels = draw_part(image, mask, name, schema=CELEBAMASK_HQ, seed=seed)
        drawn = labels == NAMED(name)
        assert drawn.any()
        assert torch.equal(labels[~drawn], mask[~drawn])
        # Half covered pixels at the rim differ a little and keep their class.
        moved = (changed - image).abs().amax(0)
        assert (moved[drawn] > 0).float().mean() > 0.9
        assert moved[~drawn].gt(0).sum() < 3 * drawn.sum() + 40
        assert float(changed.min()) >= 0
        assert float(changed.max()) <= 1


@pytest.mark.parametrize("name", DRAWABLE)
def test_drawings_reach_from_fine_to_large(bust, name):
    image, mask = bust
    areas = [
        int((draw_part(image, mask, name, schema=CELEBAMASK_HQ, seed=s)[1] == NAMED(name)).sum())
        for s in range(40)
    ]
    assert max(areas) > 8 * min(areas)


@pytest.mark.parametrize(
    ("name", "kept"), [("necklace", ("skin", "hair", "l_ear")), ("earring", ("hair",))]
)
def test_jewellery_lies_under_what_is_in_front_of_it(bust, name, kept):
    image, mask = bust
    for seed in range(20):
        labels = draw_part(image, mask, name, schema=CELEBAMASK_HQ, seed=seed)[1]
        for front in kept:
            assert torch.equal(labels == NAMED(front), mask == NAMED(front))


@pytest.mark.parametrize("name", DRAWABLE)
def test_a_photo_without_neck_and_ears_stays_as_it_is(name):
    image, mask = torch.rand(3, SIDE, SIDE), torch.full((SIDE, SIDE), NAMED("hair")).byte()
    changed, labels = draw_part(image, mask, name, schema=CELEBAMASK_HQ, seed=0)
    assert torch.equal(changed, image)
    assert torch.equal(labels, mask)


def test_a_darker_photo_gets_darker_jewellery(bust):
    image, mask = bust
    bright, labels = draw_part(image, mask, "necklace", schema=CELEBAMASK_HQ, seed=5)
    dark, _ = draw_part(image / 4, mask, "necklace", schema=CELEBAMASK_HQ, seed=5)
    drawn = labels == NAMED("necklace")
    assert dark[:, drawn].mean() < bright[:, drawn].mean() / 3


def test_a_batch_is_decided_by_its_generator_and_leaves_worn_jewellery_alone(bust):
    image, mask = bust
    worn = mask.clone()
    worn[100:103, 50:80] = NAMED("necklace")
    images, masks = torch.stack([image, image]), torch.stack([mask, worn])

    def draw(step):
        return draw_parts(
            images, masks, schema=CELEBAMASK_HQ, chances={"necklace": 1.0},
            generator=step_generator(0, step),
        )  # fmt: skip

    first, again, other = draw(1), draw(1), draw(2)
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1][0], other[1][0])
    assert torch.equal(first[1][1], worn)


def test_a_recipe_refuses_what_can_not_be_drawn():
    with pytest.raises(ConfigError, match=r"tail\.drawn knows .*'necklace'.* got \['hat'\]"):
        Tail(drawn={"hat": 0.1})
    with pytest.raises(ConfigError, match=r"tail\.drawn\.necklace is a probability, got 2"):
        Tail(drawn={"necklace": 2})


def test_a_schema_without_the_class_is_refused_before_training():
    photos = PhotoSet(
        torch.zeros(1, 3, 8, 8).byte(), torch.zeros(1, 8, 8).byte(), ("a",), LAPA
    )  # fmt: skip
    with pytest.raises(LabelError, match="necklace"):
        derive(photos, Recipe(tail=Tail(drawn={"necklace": 0.5})), schema=LAPA)


def test_no_chance_draws_nothing(bust):
    image, mask = bust
    changed, labels = draw_parts(
        image[None], mask[None], schema=CELEBAMASK_HQ, chances={"earring": 0.0},
        generator=step_generator(0, 0),
    )  # fmt: skip
    assert torch.equal(labels[0], mask)
    assert np.array_equal(changed[0].numpy(), image.numpy())
