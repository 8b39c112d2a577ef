"""A new class in a schema: name, color, family and mirror partner."""

import pytest

from segface_hf.added_classes.labels import NewClass, distinct_color
from segface_hf.errors import LabelError
from segface_hf.labels import CELEBAMASK_HQ


def test_a_class_comes_last_with_a_color_of_its_own_and_joins_the_families_of_its_parent():
    labels = NewClass("beard", parent="skin").extend(CELEBAMASK_HQ)
    assert labels.names == (*CELEBAMASK_HQ.names, "beard")
    assert labels.colors[:19] == CELEBAMASK_HQ.colors
    assert labels.colors[19] not in CELEBAMASK_HQ.colors
    assert labels.mirror_ids[19] == 19
    families = dict(labels.families)
    assert families["face"] == (*dict(CELEBAMASK_HQ.families)["face"], 19)
    assert families["skin and beard"] == (2, 19)
    assert families["eye"] == dict(CELEBAMASK_HQ.families)["eye"]


def test_a_class_may_join_a_family_and_have_a_color():
    labels = NewClass("face mask", parent="accessory", color=(1, 2, 3)).extend(CELEBAMASK_HQ)
    assert dict(labels.families)["accessory"] == (15, 16, 17, 18, 19)
    assert labels.colors[19] == (1, 2, 3)


def test_two_classes_swap_sides_in_a_flipped_photo():
    first = NewClass("l_cheek", parent="skin").extend(CELEBAMASK_HQ)
    both = NewClass("r_cheek", parent="skin", mirror="l_cheek").extend(first)
    assert both.mirror_ids[19:] == (20, 19)
    assert dict(both.families)["skin and r_cheek"] == (2, 20)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (NewClass("hat"), "a class 'hat' already: choose another name"),
        (NewClass("Left Eye"), "a class 'l_eye' already"),
        (NewClass("a,b"), "up to 40 letters, digits, spaces, hyphens and underscores"),
        (NewClass(""), "up to 40 letters"),
        (NewClass("beard", parent="chin"), "no class or family 'chin': choose from"),
        (NewClass("beard", mirror="chin"), "no class 'chin': choose from"),
        (NewClass("third_eye", mirror="l_eye"), "'l_eye' mirrors 'r_eye' already"),
    ],
)
def test_a_class_that_does_not_fit_the_schema_is_refused(new, message):
    with pytest.raises(LabelError, match=message):
        new.extend(CELEBAMASK_HQ)


def test_a_chosen_color_is_far_from_all_others():
    assert distinct_color([(0, 0, 0)]) == (250, 250, 250)
