"""The ranges of the renderer's options, and that the same options give the same picture."""

import numpy as np
import pytest

from segface_hf.errors import ConfigError
from segface_hf.rendering.options import RenderOptions
from segface_hf.rendering.plan import HAIR, plan_picture

MANY = 300


def plans(**options):
    chosen = RenderOptions(**options)
    return [plan_picture(chosen, number) for number in range(MANY)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 0),
        ("seed", -1),
        ("side", 16),
        ("side", 2000),
        ("samples", 0),
        ("yaw", 91),
        ("yaw", float("nan")),
        ("hat", 1.5),
        ("necklace", -0.1),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_range(name, value):
    with pytest.raises(ConfigError, match=f"{name} is {value}: choose a value from"):
        RenderOptions(**{name: value})


def test_a_picture_is_the_same_whatever_the_count_of_the_set():
    assert plan_picture(RenderOptions(count=5), 3) == plan_picture(RenderOptions(count=9), 3)


def test_pictures_and_seeds_differ():
    first = plan_picture(RenderOptions(), 0)
    others = (plan_picture(RenderOptions(), 1), plan_picture(RenderOptions(seed=1), 0))
    assert all(first.person != other.person for other in others)
    assert len({first.stem, *(other.stem for other in others)}) == 3


def test_topics_have_independent_random_numbers():
    plan = plan_picture(RenderOptions(), 7)
    assert plan.stream("hair").random() == plan.stream("hair").random()
    assert plan.stream("hair").random() != plan.stream("eyes").random()


def test_a_probability_changes_only_its_own_part():
    with_hats, without = (plan_picture(RenderOptions(hat=chance), 4) for chance in (1.0, 0.0))
    assert with_hats.hat is not None
    assert without.hat is None
    assert with_hats.necklace == without.necklace
    assert with_hats.hair == without.hair


@pytest.mark.parametrize("name", ["hat", "eyeglasses", "earring", "necklace"])
def test_accessories_come_as_often_as_asked(name):
    worn = [getattr(plan, name) is not None for plan in plans(**{name: 0.4})]
    assert 0.3 < np.mean(worn) < 0.5


def test_beards_grow_on_grown_men_only():
    bearded = [plan for plan in plans(beard=1.0) if plan.beard]
    assert bearded
    assert all(plan.person.male > 0.5 and plan.person.grown for plan in bearded)


def test_heads_turn_up_to_the_range_and_reach_profiles():
    turns = np.rad2deg([abs(plan.yaw) for plan in plans(yaw=90)])
    assert turns.max() <= 90
    assert turns.max() > 75
    assert np.rad2deg(max(abs(plan.yaw) for plan in plans(yaw=10))) <= 10
    assert all(plan.yaw == 0 for plan in plans(yaw=0))


def test_shoulders_follow_a_turned_head():
    assert all(abs(plan.yaw - plan.body) <= 0.86 for plan in plans(yaw=90))


def test_every_style_of_hair_is_drawn():
    assert {plan.hair for plan in plans()} == set(HAIR)
