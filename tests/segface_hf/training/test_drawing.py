"""Drawn parts: where they may lie, what their mask says, and that a seed decides them."""

import numpy as np
import pytest
import torch
from PIL import Image

from segface_hf.errors import ConfigError
from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.training.drawing.canvas import PhotoCanvas, find_face
from segface_hf.training.drawing.drawing import (
    DRAWABLE,
    OCCLUDER,
    draw_part,
    draw_parts,
    drawer,
    occlude,
)
from segface_hf.training.recipe import Augment, Recipe, Tail
from segface_hf.training.sampling import step_generator

SIDE = 128
NAMED = CELEBAMASK_HQ.id_of
JEWELRY = ("earring", "necklace")
FEATURES = ("l_eye", "r_eye", "nose", "u_lip")


def drawn(bust, name, seed):
    return draw_part(*bust, name, schema=CELEBAMASK_HQ, seed=seed)


@pytest.mark.parametrize("name", JEWELRY)
def test_the_mask_marks_exactly_the_drawn_pixels(bust, name):
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


@pytest.mark.parametrize("name", [*DRAWABLE, OCCLUDER])
@pytest.mark.parametrize("more", [(0, 70), (70, 0)], ids=["wide", "tall"])
def test_a_photo_need_not_be_square(bust, name, more):
    down, right = more
    image = torch.nn.functional.pad(bust[0], (right, 0, down, 0), value=0.5)
    mask = torch.nn.functional.pad(bust[1], (right, 0, down, 0))
    draw = drawer(name, CELEBAMASK_HQ)
    photo = Image.fromarray((image * 255).byte().permute(1, 2, 0).numpy())
    changed = [draw(f"stem{index}", photo, mask.numpy())[1] for index in range(8)]
    assert sum(bool((labels != mask.numpy()).any()) for labels in changed) >= 6


@pytest.mark.parametrize("name", JEWELRY)
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
def test_jewelry_is_drawn_behind_parts_in_front_of_it(bust, name, kept):
    image, mask = bust
    for seed in range(20):
        labels = draw_part(image, mask, name, schema=CELEBAMASK_HQ, seed=seed)[1]
        for front in kept:
            assert torch.equal(labels == NAMED(front), mask == NAMED(front))


@pytest.mark.parametrize("name", DRAWABLE)
def test_only_the_drawn_class_takes_pixels_and_every_one_of_them_changes(bust, name):
    image, mask = bust
    for seed in range(12):
        changed, labels = drawn(bust, name, seed)
        part = labels == NAMED(name)
        assert part.any()
        assert torch.equal(labels[~part], mask[~part])
        assert not torch.equal(changed[:, part], image[:, part])
        assert float(changed.min()) >= 0
        assert float(changed.max()) <= 1


def test_headwear_leaves_the_features_free_and_comes_in_all_sizes(bust):
    _, mask = bust
    shares = []
    for seed in range(40):
        labels = drawn(bust, "hat", seed)[1]
        for feature in FEATURES:
            assert torch.equal(labels == NAMED(feature), mask == NAMED(feature))
        shares.append(float((labels == NAMED("hat")).float().mean()))
    assert min(shares) < 0.2
    assert max(shares) > 0.4


def test_some_headwear_hides_hair_ears_and_neck_and_some_only_the_top(bust):
    left = [
        {name for name in ("hair", "l_ear", "neck") if (labels == NAMED(name)).any()}
        for labels in (drawn(bust, "hat", seed)[1] for seed in range(40))
    ]
    assert set() in left
    assert any({"l_ear", "neck"} <= kept for kept in left)


def test_glasses_cover_both_eyes_and_only_clear_lenses_show_them(bust):
    _, mask = bust
    shown = set()
    for seed in range(30):
        labels = drawn(bust, "eyeglasses", seed)[1]
        part = labels == NAMED("eyeglasses")
        for eye in ("l_eye", "r_eye"):
            rows, columns = torch.nonzero(mask == NAMED(eye), as_tuple=True)
            near = part[rows.min() - 2 : rows.max() + 3, columns.min() : columns.max() + 1]
            assert near.float().mean() > 0.2
        shown.add(bool((labels == NAMED("l_eye")).any()))
        assert not part[75:].any()
    assert shown == {True, False}


def test_headwear_has_the_brightness_and_direction_of_the_photos_light(bust):
    image, mask = bust
    bright, labels = drawn(bust, "hat", 3)
    dark, _ = drawn((image / 4, mask), "hat", 3)
    part = labels == NAMED("hat")
    assert dark[:, part].mean() < bright[:, part].mean() / 2.5
    ramp = image * torch.linspace(0.4, 1.6, SIDE)
    lit = drawn((ramp, mask), "hat", 3)[0] / bright.clamp_min(1e-3)
    left, right = (part & (torch.arange(SIDE) < 50)), (part & (torch.arange(SIDE) > 78))
    assert lit[:, right].median() > 1.2 * lit[:, left].median()


def test_a_face_is_found_by_its_eyes_and_mouth_however_it_is_turned(bust):
    image, mask = bust
    random = np.random.default_rng(0)
    upright = find_face(PhotoCanvas(image.numpy(), mask.numpy(), CELEBAMASK_HQ, random))
    assert upright is not None
    assert upright.up == pytest.approx([0, -1])
    assert upright.unit == pytest.approx(24, abs=1)
    assert upright.half * upright.unit == pytest.approx(24, abs=1)
    turned = np.rot90(mask.numpy(), -1).copy()
    lying = find_face(PhotoCanvas(image.numpy(), turned, CELEBAMASK_HQ, random))
    assert lying is not None
    assert lying.up == pytest.approx([1, 0])
    assert lying.unit == pytest.approx(upright.unit)
    mask[mask == NAMED("nose")] = NAMED("skin")
    assert find_face(PhotoCanvas(image.numpy(), mask.numpy(), CELEBAMASK_HQ, random)) is None


@pytest.mark.parametrize("name", DRAWABLE)
def test_a_photo_without_a_face_stays_as_it_is(name):
    image, mask = torch.rand(3, SIDE, SIDE), torch.full((SIDE, SIDE), NAMED("hair")).byte()
    changed, labels = draw_part(image, mask, name, schema=CELEBAMASK_HQ, seed=0)
    assert torch.equal(changed, image)
    assert torch.equal(labels, mask)


def test_a_darker_photo_gets_darker_jewelry(bust):
    image, mask = bust
    bright, labels = draw_part(image, mask, "necklace", schema=CELEBAMASK_HQ, seed=5)
    dark, _ = draw_part(image / 4, mask, "necklace", schema=CELEBAMASK_HQ, seed=5)
    drawn = labels == NAMED("necklace")
    assert dark[:, drawn].mean() < bright[:, drawn].mean() / 3


def test_a_batch_depends_on_its_generator_and_keeps_jewelry_in_photos(bust):
    image, mask = bust
    worn = mask.clone()
    worn[100:103, 50:80] = NAMED("necklace")
    images, masks = torch.stack([image, image]), torch.stack([mask, worn])

    def draw(step):
        return draw_parts(
            images,
            masks,
            schema=CELEBAMASK_HQ,
            chances={"necklace": 1.0},
            generator=step_generator(0, step),
        )

    first, again, other = draw(1), draw(1), draw(2)
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1][0], other[1][0])
    assert torch.equal(first[1][1], worn)


def test_a_recipe_refuses_classes_that_cannot_be_drawn():
    with pytest.raises(ConfigError, match=r"tail\.drawn knows .*'necklace'.* got \['hair'\]"):
        Tail(drawn={"hair": 0.1})
    with pytest.raises(ConfigError, match=r"tail\.drawn\.necklace is a probability, got 2"):
        Tail(drawn={"necklace": 2})


def test_a_schema_without_the_class_is_refused_with_the_recipe():
    with pytest.raises(ConfigError, match="name classes of the model, got 'necklace'"):
        Recipe(model={"schema": "lapa"}, tail=Tail(drawn={"necklace": 0.5}))


def test_evaluation_draws_the_same_parts_for_every_model(bust):
    image, mask = bust
    photo = Image.fromarray((image * 255).byte().permute(1, 2, 0).numpy())
    change = drawer("hat", CELEBAMASK_HQ)
    first, again, other = (change(stem, photo, mask.numpy()) for stem in ("a", "a", "b"))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])
    assert (first[1] == NAMED("hat")).any()
    assert not (mask == NAMED("hat")).any()
    assert all(np.array_equal(*both) for both in zip(change("c", *first), first, strict=True))


def test_a_probability_of_zero_draws_nothing(bust):
    image, mask = bust
    changed, labels = draw_parts(
        image[None],
        mask[None],
        schema=CELEBAMASK_HQ,
        chances={"earring": 0.0},
        generator=step_generator(0, 0),
    )
    assert torch.equal(labels[0], mask)
    assert np.array_equal(changed[0].numpy(), image.numpy())


def occluded(bust, seed, chance=1.0):
    image, mask = bust
    pair = occlude(
        image[None],
        mask[None],
        schema=CELEBAMASK_HQ,
        chance=chance,
        generator=step_generator(0, seed),
    )
    return pair[0][0], pair[1][0]


def test_an_occluder_is_background_and_other_pixels_keep_their_class(bust):
    image, mask = bust
    hidden = []
    for seed in range(30):
        changed, labels = occluded(bust, seed)
        covered = (labels == 0) & (mask != 0)
        assert torch.equal(labels[~covered], mask[~covered])
        moved = (changed - image).abs().amax(0)
        assert (moved[covered] > 0).float().mean() > 0.9
        hidden.append(
            float((covered & (mask == NAMED("skin"))).sum() / (mask == NAMED("skin")).sum())
        )
    assert np.quantile(hidden, 0.75) > 0.1
    assert max(hidden) < 0.9


def test_hands_have_the_tone_of_the_skin_and_objects_do_not(bust):
    image, mask = bust
    warm = image * torch.tensor([1.2, 0.6, 0.4])[:, None, None]
    alike = 0
    for seed in range(40):
        changed, labels = occluded((warm, mask), seed)
        red, _, blue = changed[:, (labels == 0) & (mask != 0)].mean(1).tolist()
        alike += 2.4 < red / max(blue, 0.01) < 3.6
    assert 15 < alike < 36


def test_an_occluder_comes_by_chance_and_only_where_a_face_is(bust):
    image, mask = bust
    assert torch.equal(occluded(bust, 0, chance=0.0)[1], mask)
    assert torch.equal(occluded(bust, 4)[1], occluded(bust, 4)[1])
    hair = torch.full_like(mask, NAMED("hair"))
    assert torch.equal(occluded((image, hair), 0)[1], hair)
    with pytest.raises(ConfigError, match=r"augment\.occluded is a probability, got 2"):
        Augment(occluded=2)
