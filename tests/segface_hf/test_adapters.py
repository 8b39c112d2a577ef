"""Label orders and translations between them: permutation, flipping, and what is lost."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from segface_hf.errors import LabelError
from segface_hf.label_orders import ORDERS, LabelOrder, Side, order_named, translation
from segface_hf.labels import CELEBAMASK_HQ, HELEN, LAPA

NINETEEN = ["segface", "maskgan", "jonathandinu", "bisenet", "facer_celebm"]
ELEVEN = ["lapa", "helen", "facer_lapa"]
PAIRS = list(itertools.product(ORDERS, ORDERS))


def every_class(order):
    """A mask with every id of an order, not symmetric."""
    count = len(order_named(order).names)
    return np.arange(count, dtype=np.uint8)[None].repeat(2, axis=0)


def flipped(mask, order):
    """The mask of the picture flipped left to right."""
    mirror = np.array(order_named(order).mirror_ids, dtype=np.uint8)
    return mirror[mask[:, ::-1]]


def test_the_common_label_orders_are_known():
    assert set(ORDERS) == {*NINETEEN, *ELEVEN}


@pytest.mark.parametrize(("source", "target"), list(itertools.product(NINETEEN, NINETEEN)))
def test_nineteen_class_orders_are_permutations_of_one_another(source, target):
    there, back = translation(source, target), translation(target, source)
    mask = every_class(source)
    assert sorted(there(mask)[0]) == list(range(19))
    assert np.array_equal(back(there(mask)), mask)
    assert (there.lost, there.absent, dict(there.merged)) == ((), (), {})


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_flipping_before_and_after_a_translation_is_the_same(source, target):
    translate = translation(source, target)
    mask = every_class(source)
    before = translate(flipped(mask, source))
    after = flipped(translate(mask), target)
    assert np.array_equal(before, after)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_translation_by_way_of_segface_equals_the_direct_one(source, target):
    direct = translation(source, target)(every_class(source))
    detour = translation("segface", target)(translation(source, "segface")(every_class(source)))
    assert np.array_equal(direct, detour)


def test_ids_of_our_schemas_are_those_of_the_orders():
    assert order_named("segface").classes == CELEBAMASK_HQ.names
    assert order_named("lapa").classes == LAPA.names
    assert order_named("helen").classes == HELEN.names
    for name, schema in (("segface", CELEBAMASK_HQ), ("lapa", LAPA), ("helen", HELEN)):
        assert order_named(name).mirror_ids == schema.mirror_ids


def test_lapas_left_eye_is_the_subjects_right_eye():
    lapa = order_named("lapa")
    index = lapa.names.index("left eye")
    mask = np.full((1, 1), index, dtype=np.uint8)
    assert CELEBAMASK_HQ.names[translation("lapa", "segface")(mask)[0, 0]] == "r_eye"


def test_facers_two_models_mean_different_lefts_by_the_same_name():
    celebm, lapa = order_named("facer_celebm"), order_named("facer_lapa")
    assert celebm.classes[celebm.names.index("re")] == "l_eye"
    assert lapa.classes[lapa.names.index("re")] == "r_eye"
    assert (celebm.side, lapa.side) == (Side.IMAGE, Side.SUBJECT)


@pytest.mark.parametrize(
    ("order", "index", "name"),
    [
        ("maskgan", 3, "eyeglasses"),
        ("maskgan", 8, "l_ear"),
        ("maskgan", 17, "neck"),
        ("jonathandinu", 13, "hair"),
        ("bisenet", 9, "earring"),
        ("bisenet", 17, "hair"),
        ("bisenet", 14, "neck"),
        ("facer_celebm", 4, "l_ear"),
        ("facer_celebm", 11, "mouth"),
    ],
)
def test_known_ids_mean_known_classes(order, index, name):
    assert order_named(order).classes[index] == name


@pytest.mark.parametrize("target", ELEVEN)
def test_translations_list_merged_and_lost_classes(target):
    translate = translation("segface", target)
    skin = order_named(target).names[1]
    assert dict(translate.merged) == {skin: ("skin", "l_ear", "r_ear", "eyeglasses")}
    assert translate.lost == ("neck", "cloth", "hat", "earring", "necklace")
    assert f"skin and l_ear and r_ear and eyeglasses become {skin}." in translate.explain()
    assert "Lost to the background: neck, cloth, hat, earring, necklace." in translate.explain()


@pytest.mark.parametrize("source", ELEVEN)
def test_translations_list_the_classes_they_never_give(source):
    translate = translation(source, "segface")
    assert translate.absent == (
        "neck",
        "cloth",
        "l_ear",
        "r_ear",
        "eyeglasses",
        "hat",
        "earring",
        "necklace",
    )
    assert np.array_equal(
        translation("segface", source)(translate(every_class(source))), every_class(source)
    )


def test_a_custom_order_must_say_whose_left_it_means():
    names = ("nothing", "left", "right")
    parts = ("background", "l_eye", "r_eye")
    mine = LabelOrder("mine", "me", names, parts, Side.IMAGE)
    assert translation(mine, "segface").table == (0, 9, 8)
    with pytest.raises(TypeError, match="side"):
        LabelOrder("mine", "me", names, parts)
    with pytest.raises(LabelError, match="whose left"):
        LabelOrder("mine", "me", names, parts, "image")


def test_invalid_orders_and_masks_are_refused():
    with pytest.raises(LabelError, match="one part of its own"):
        LabelOrder("mine", "me", ("a", "b"), ("background",), Side.IMAGE)
    with pytest.raises(LabelError, match="our class names"):
        LabelOrder("mine", "me", ("a", "b"), ("background", "beard"), Side.IMAGE)
    with pytest.raises(LabelError, match="no label order 'facer': choose from"):
        translation("facer", "segface")
    with pytest.raises(LabelError, match="id 12 is not a class of 'lapa'"):
        translation("lapa", "segface")(np.full((2, 2), 12, dtype=np.uint8))
    with pytest.raises(LabelError, match="expected a uint8 mask"):
        translation("lapa", "segface")(np.zeros((2, 2), dtype=np.int64))
