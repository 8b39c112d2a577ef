"""Class names give parts and sides in any spelling, and drawings find both by them."""

from dataclasses import replace

import pytest
import torch

from segface_hf.data.class_names import common_name, sided_pairs
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS
from segface_hf.training.drawing.drawing import DRAWABLE, OCCLUDER, draw_parts, occlude
from segface_hf.training.sampling import step_generator


def test_built_in_names_are_common_names_and_give_their_pairs():
    for schema in SCHEMAS.values():
        assert tuple(map(common_name, schema.names)) == schema.names
        assert {frozenset(pair) for pair in sided_pairs(schema.names)} == {
            frozenset(pair) for pair in schema.mirror_pairs
        }


@pytest.mark.parametrize(
    ("name", "common"),
    [
        ("left eye", "l_eye"),
        ("Eye-R", "r_eye"),
        ("lower lip", "l_lip"),
        ("upper_lip", "u_lip"),
        ("right eyebrow", "r_brow"),
        ("Hat", "hat"),
        ("lens", "lens"),
        ("le", "le"),
    ],
)
def test_a_name_is_read_as_the_built_in_schemas_write_it(name, common):
    assert common_name(name) == common


def test_left_comes_first_in_pairs_of_names():
    names = ("background", "Right Ear", "l_eye", "left ear", "right hand", "eye r")
    assert sided_pairs(names) == ((2, 5), (3, 1))


@pytest.mark.parametrize("name", [*DRAWABLE, OCCLUDER])
def test_drawings_find_their_place_with_any_spelling_of_classes(bust, name):
    spelt = {"l_eye": "left eye", "r_eye": "Eye, right", "u_lip": "upper lip", "l_ear": "left ear"}
    names = tuple(spelt.get(part, part) for part in CELEBAMASK_HQ.names)
    results = []
    for schema in (CELEBAMASK_HQ, replace(CELEBAMASK_HQ, names=names)):
        batch = [part[None] for part in bust]
        seeded = step_generator(0, 3)
        if name == OCCLUDER:
            results.append(occlude(*batch, schema=schema, chance=1.0, generator=seeded))
        else:
            chances = {name: 1.0}
            results.append(draw_parts(*batch, schema=schema, chances=chances, generator=seeded))
    assert not torch.equal(results[0][1][0], bust[1])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
