"""The label contract: ids, mirror pairs, and masks that break it."""

from dataclasses import replace

import numpy as np
import pytest

from segface_hf.errors import LabelError
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS, LabelSchema, schema_named


def test_celebamask_ids_are_in_segface_order():
    assert CELEBAMASK_HQ.num_classes == 19
    assert CELEBAMASK_HQ.id_of("l_ear") == 4
    assert CELEBAMASK_HQ.id_of("r_eye") == 9
    assert CELEBAMASK_HQ.id_of("necklace") == 18
    assert [CELEBAMASK_HQ.names[i] for i in CELEBAMASK_HQ.tail] == [
        "eyeglasses",
        "hat",
        "earring",
        "necklace",
    ]


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.name)
def test_mirroring_twice_is_the_identity_and_swaps_left_with_right(schema):
    twice = tuple(schema.mirror_ids[i] for i in schema.mirror_ids)
    assert twice == tuple(range(schema.num_classes))
    for index, mirrored in enumerate(schema.mirror_ids):
        if index != mirrored:
            assert {schema.names[index][:2], schema.names[mirrored][:2]} == {"l_", "r_"}
            assert schema.names[index][2:] == schema.names[mirrored][2:]


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.name)
def test_a_schema_survives_its_own_json(schema):
    assert LabelSchema.from_dict(schema.to_dict()) == schema


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.name)
def test_the_version_of_a_schema_changes_with_its_names_and_their_order(schema):
    assert len(schema.version) == 8
    moved = (*schema.names[:1], *schema.names[:0:-1])
    assert replace(schema, names=moved).version != schema.version
    assert replace(schema, name="other").version == schema.version


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.name)
def test_the_colors_of_a_schema_are_distinct(schema):
    assert len(set(schema.colors)) == schema.num_classes


def test_an_unknown_id_is_refused_by_number():
    with pytest.raises(LabelError, match=r"face\.png: id 19 is not a class"):
        CELEBAMASK_HQ.check_mask(np.full((4, 4), 19, np.uint8), source="face.png")


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((4, 4), np.int64),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_a_mask_of_another_shape_or_type_is_refused(mask):
    with pytest.raises(LabelError, match="expected a uint8 mask"):
        CELEBAMASK_HQ.check_mask(mask)


def test_an_unknown_class_or_schema_lists_the_choices():
    with pytest.raises(LabelError, match=r"no class 'monocle'.*eyeglasses"):
        CELEBAMASK_HQ.id_of("monocle")
    with pytest.raises(LabelError, match="celebamask_hq"):
        schema_named("cats")


@pytest.mark.parametrize(
    "change",
    [
        {"names": ("background", "skin", "skin")},
        {"colors": ((0, 0, 0),)},
        {"colors": ((0, 0, 0), (1, 1, 1), (2, 2, 300))},
        {"mirror_pairs": ((1, 2), (2, 1))},
        {"families": (("face", (7,)),)},
    ],
)
def test_a_contradictory_schema_is_refused(change):
    values = {
        "name": "small",
        "names": ("background", "skin", "hair"),
        "colors": ((0, 0, 0), (1, 1, 1), (2, 2, 2)),
    }
    with pytest.raises(LabelError):
        LabelSchema(**{**values, **change})
