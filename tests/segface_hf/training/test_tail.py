"""The pieces for rare classes: sampling, swapped masks, and pasted parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from segface_hf.data.folder import find_pairs
from segface_hf.data.photo_set import load_photos
from segface_hf.data.swapped import sides_are_swapped
from segface_hf.labels import CELEBAMASK_HQ, IGNORED, LabelSchema
from segface_hf.training.losses import prior_shift
from segface_hf.training.paste import (
    PartBank,
    collect_parts,
    misfit,
    part_region,
    paste_part,
    paste_parts,
    similarity,
)
from segface_hf.training.prepare import clean, derive, repaired
from segface_hf.training.recipe import Augment, Recipe, Tail
from segface_hf.training.sampling import draw_photos, photo_weights, step_generator
from tests.segface_hf.training.drawn import draw_face, write_pair

GLASSES = CELEBAMASK_HQ.id_of("eyeglasses")


@pytest.fixture
def photos(folder):
    return load_photos(find_pairs(folder), CELEBAMASK_HQ, side=64)


def test_a_photo_with_a_rare_class_weighs_more():
    presence = torch.tensor([[True, True], [True, False], [True, False], [True, False]])
    weights = photo_weights(presence, power=0.5)
    assert torch.allclose(weights, torch.tensor([1.6, 0.8, 0.8, 0.8], dtype=torch.float64))


def test_power_zero_samples_uniformly():
    presence = torch.tensor([[True, True], [True, False]])
    assert photo_weights(presence, power=0.0).tolist() == [1.0, 1.0]


def test_a_step_draws_the_same_photos_whenever_it_runs():
    weights = torch.ones(50, dtype=torch.float64)
    first = draw_photos(weights, 8, step_generator(3, 41))
    assert torch.equal(first, draw_photos(weights, 8, step_generator(3, 41)))
    assert not torch.equal(first, draw_photos(weights, 8, step_generator(3, 42)))
    assert len(set(first.tolist())) == 8


def test_a_true_mask_is_not_called_swapped():
    assert not sides_are_swapped(draw_face(0)[1], CELEBAMASK_HQ)


def test_a_flipped_mask_whose_ids_were_kept_is_called_swapped():
    assert sides_are_swapped(draw_face(0)[1][:, ::-1], CELEBAMASK_HQ)


@pytest.mark.parametrize(
    ("names", "right"),
    [
        (("r_eye", "l_eye"), 1),
        (("right_eye", "left_eye"), 1),
        (("Left Eye", "Right Eye"), 2),
        (("eye-r", "eye-l"), 1),
    ],
)
def test_sides_are_read_from_names_in_any_order(names, right):
    mask = np.zeros((32, 32), np.uint8)
    mask[10:14, 5:10], mask[10:14, 22:27] = right, 3 - right
    schema = LabelSchema("own", ("background", *names), ((0, 0, 0),) * 3, ((1, 2),))
    assert not sides_are_swapped(mask, schema)
    assert sides_are_swapped(mask[:, ::-1], schema)


def test_repairing_one_mask_changes_it_alone_and_needs_no_copy_of_the_others_in_wide_ids(photos):
    many = photos.subset(list(range(6)) * 20)
    with torch.profiler.profile(profile_memory=True) as watched:
        fixed = repaired(replace(many, stems=tuple(map(str, range(120)))), ("1",))
    largest = max(event.self_cpu_memory_usage for event in watched.events())
    assert largest <= many.masks.nbytes
    left, right = CELEBAMASK_HQ.id_of("l_eye"), CELEBAMASK_HQ.id_of("r_eye")
    assert torch.equal(fixed.masks[1] == left, many.masks[1] == right)
    assert torch.equal(fixed.masks[[0, *range(2, 120)]], many.masks[[0, *range(2, 120)]])


def test_pairs_whose_names_have_no_side_are_not_checked():
    mask = np.zeros((32, 32), np.uint8)
    mask[10:14, 5:10], mask[10:14, 22:27] = 1, 2
    schema = LabelSchema("own", ("background", "re", "le"), ((0, 0, 0),) * 3, ((1, 2),))
    assert not sides_are_swapped(mask, schema)
    assert not sides_are_swapped(mask[:, ::-1], schema)


@pytest.mark.parametrize(("how", "count"), [("repair", 7), ("set_aside", 6), ("keep", 7)])
def test_swapped_masks_are_treated_as_the_recipe_says(folder, how, count):
    image, mask = draw_face(9)
    table = np.array(CELEBAMASK_HQ.mirror_ids, np.uint8)
    swapped = table[mask]
    swapped[:3] = mask[:3] = IGNORED
    write_pair(folder, "swapped", image, swapped)
    loaded = load_photos(find_pairs(folder), CELEBAMASK_HQ, side=64)
    photos, stems = clean(loaded, how)
    assert stems == ("swapped",)
    assert len(photos) == count
    if how == "repair":
        assert np.array_equal(photos.masks[-1].numpy(), mask)


def test_similarity_finds_rotation_scale_and_shift():
    points = np.array([[0.0, 0.0], [4.0, 0.0], [2.0, 3.0]])
    turned = np.array([[5.0, 1.0], [5.0, 9.0], [-1.0, 5.0]])
    matrix = similarity(points, turned)
    assert np.allclose(matrix, [[0, -2, 5], [2, 0, 1]])
    assert misfit(points, turned) == pytest.approx(0, abs=1e-9)


def test_a_part_includes_what_it_encloses_but_a_hood_does_not():
    mask = np.zeros((12, 12), np.uint8)
    mask[2:10, 2:10] = GLASSES
    mask[5:7, 5:7] = 8
    assert part_region(mask, GLASSES).sum() == 64
    mask[3:9, 3:9] = 2
    assert part_region(mask, GLASSES).sum() == 28


def test_pasted_glasses_land_on_the_eyes_with_their_mask(photos):
    bank = collect_parts(photos, (GLASSES,))
    assert bank.donors == {GLASSES: (0, 1)}
    image, mask = photos.images[4].float() / 255, photos.masks[4]
    pasted, labels = paste_part(image, mask, bank=bank, target=4, donor=0, part=GLASSES)
    expected = draw_face(4, glasses=True)[1]
    wrong = (labels.numpy() != expected).mean()
    assert wrong < 0.03
    assert int((mask == GLASSES).sum()) == 0, "the target itself must not change"
    assert not torch.equal(pasted, image)
    assert float(pasted.min()) >= 0
    assert float(pasted.max()) <= 1


@pytest.mark.parametrize("written", ["left eye/right eye/upper lip", "Eye-L/Eye-R/U_Lip"])
def test_parts_are_pasted_by_eyes_and_lips_however_they_are_named(photos, written):
    spelt = dict(zip(("l_eye", "r_eye", "u_lip"), written.split("/"), strict=True))
    names = tuple(spelt.get(name, name) for name in CELEBAMASK_HQ.names)
    renamed = replace(photos, schema=replace(CELEBAMASK_HQ, names=names))
    image, mask = photos.images[4].float() / 255, photos.masks[4]
    results = []
    for each in (photos, renamed):
        bank = collect_parts(each, (GLASSES,))
        assert bank.donors == {GLASSES: (0, 1)}
        results.append(paste_part(image, mask, bank=bank, target=4, donor=0, part=GLASSES))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(("name", "whole"), [("moustache", True), ("earring", False)])
def test_jewelry_alone_is_kept_off_nose_and_mouth(folder, name, whole):
    names = (*CELEBAMASK_HQ.names, "moustache")
    schema = replace(CELEBAMASK_HQ, names=names, colors=((0, 0, 0),) * 20)
    image, mask = draw_face(4)
    worn = mask.copy()
    worn[39:46, 24:40] = schema.id_of(name)
    assert np.isin(mask[39:46, 24:40], [schema.id_of(part) for part in ("nose", "u_lip")]).any()
    write_pair(folder, "plain", image, mask)
    write_pair(folder, "worn", image, worn)
    photos = load_photos(find_pairs(folder), schema, side=64)
    target, donor = photos.stems.index("plain"), photos.stems.index("worn")
    part = schema.id_of(name)
    anchors = collect_parts(photos, (part,)).anchors
    bank = PartBank(photos, tuple(anchors[target] for _ in anchors), {part: (donor,)})
    _, labels = paste_part(
        torch.zeros(3, 64, 64),
        photos.masks[target],
        bank=bank,
        target=target,
        donor=donor,
        part=part,
    )
    assert (int((labels == part).sum()) == 112) == whole


def test_options_without_effect_on_any_photo_are_reported(photos):
    recipe = Recipe(tail=Tail(paste={"eyeglasses": 0.5, "hat": 0.1}))
    (note,) = derive(photos, recipe, schema=CELEBAMASK_HQ).unused_options(recipe)
    assert note.startswith("tail.paste.hat changes nothing: no mask shows more than 40 pixels")
    eyes = torch.tensor([CELEBAMASK_HQ.id_of(name) for name in ("l_eye", "r_eye")])
    blind = replace(photos, masks=torch.where(torch.isin(photos.masks, eyes), 2, photos.masks))
    recipe = Recipe(
        tail=Tail(paste={"hat": 0.1}, drawn={"hat": 0.1, "necklace": 0.1}),
        augment=Augment(occluded=0.1),
    )
    notes = derive(blind, recipe, schema=CELEBAMASK_HQ).unused_options(recipe)
    options = [sentence.split(" changes nothing: no mask shows both eyes")[0] for sentence in notes]
    assert options == ["tail.paste.hat", "tail.drawn.hat", "augment.occluded"]
    assert derive(photos, Recipe(), schema=CELEBAMASK_HQ).unused_options(Recipe()) == ()


def test_only_photos_that_lack_the_part_get_one(photos):
    bank = collect_parts(photos, (GLASSES,))
    positions = torch.arange(6)
    images, masks = paste_parts(
        photos.images.float() / 255,
        photos.masks,
        positions,
        bank=bank,
        chances={GLASSES: 1.0},
        generator=step_generator(0, 0),
    )
    assert bool((masks == GLASSES).flatten(1).any(1).all())
    assert torch.equal(masks[:2], photos.masks[:2])
    assert torch.equal(images[:2], photos.images[:2].float() / 255)


def test_a_class_made_more_frequent_is_lowered_by_the_log_of_the_ratio(photos):
    uniform = Recipe(tail=Tail(sampling="uniform"))
    plain = derive(photos, uniform, schema=CELEBAMASK_HQ)
    assert prior_shift(plain, uniform).abs().max() < 1e-6
    pasted = Recipe(tail=Tail(sampling="uniform", paste={"eyeglasses": 0.5}))
    shift = prior_shift(derive(photos, pasted, schema=CELEBAMASK_HQ), pasted)
    share = float(photos.presence()[:, GLASSES].double().mean())
    expected = np.log((share + (1 - share) * 0.5) / share)
    assert float(shift[GLASSES]) == pytest.approx(expected)
    assert int((shift.abs() > 1e-6).sum()) == 1


def test_balanced_sampling_alone_lowers_rare_classes(photos):
    recipe = Recipe(tail=Tail(sampling="balanced"))
    assert float(prior_shift(derive(photos, recipe, schema=CELEBAMASK_HQ), recipe)[GLASSES]) > 0
