"""Solids, subdivision and noise are what their names say."""

import numpy as np
import pytest

from segface_hf.rendering.body.mesh import ball, joined, normals, rotation, sheet, step, tube
from segface_hf.rendering.body.subdivision import subdivide
from segface_hf.rendering.random_looks import noise

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
SIDES = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
)


def edges(faces):
    pairs = np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2)
    return {tuple(sorted(pair)) for pair in pairs.tolist() if pair[0] != pair[1]}


def test_a_turn_around_each_axis_goes_anticlockwise():
    quarter = np.pi / 2
    x, y, z = np.eye(3)
    assert np.allclose(rotation(2, quarter) @ x, y)
    assert np.allclose(rotation(0, quarter) @ y, z)
    assert np.allclose(rotation(1, quarter) @ z, x)
    assert rotation(1, np.zeros(5)).shape == (5, 3, 3)


def test_a_sheet_joins_neighbors_and_closes_around():
    rows = np.arange(18.0).reshape(2, 3, 3)
    assert sheet(rows)[1].tolist() == [[0, 1, 4, 3], [1, 2, 5, 4]]
    assert len(sheet(rows, around=True)[1]) == 3


def test_a_ball_has_its_radius_and_looks_outward():
    points, faces = ball((1, 2, 3), 0.5)
    assert np.allclose(np.linalg.norm(points - [1, 2, 3], axis=1), 0.5)
    facing = (normals(points, faces) * (points - [1, 2, 3])).sum(1)
    assert np.abs(facing).min() > 0.4
    assert len(set(np.sign(facing))) == 1


def test_a_tube_keeps_its_distance_from_its_path():
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    path = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], 1)
    points, faces = tube(path, 0.1, closed=True)
    off = np.hypot(np.hypot(points[:, 0], points[:, 2]) - 1, points[:, 1])
    assert np.allclose(off, 0.1, atol=0.01)
    assert faces.max() < len(points)


def test_solids_are_joined_without_sharing_points():
    one = ball((0, 0, 0), 1.0)
    points, faces = joined([one, one])
    assert len(points) == 2 * len(one[0])
    assert faces[: len(one[1])].max() < len(one[0]) <= faces[len(one[1]) :].min()


def test_a_cube_is_rounded_by_subdivision_as_published():
    matrix, faces = subdivide(SIDES, 8)
    points = matrix @ CUBE
    assert len(points) == 8 + 12 + 6
    assert len(faces) == 24
    assert len(points) - len(edges(faces)) + len(faces) == 2
    # Catmull and Clark: a corner of valence 3 goes to (face points + 2 edge middles) / 3.
    assert np.allclose(points[0], [2 / 9] * 3)
    assert np.allclose(np.asarray(matrix.sum(1)), 1)


def test_a_flat_border_stays_flat_and_in_place():
    points = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0], [1, 1, 0], [2, 1, 0]], float)
    matrix, _ = subdivide(np.array([[0, 1, 4, 3], [1, 2, 5, 4]]), 6)
    finer = matrix @ points
    assert np.allclose(finer[:, 2], 0)
    assert np.allclose(finer[1], [1, 0, 0])
    assert finer.min() >= 0


def test_noise_is_smooth_and_the_same_for_the_same_seed():
    line = np.linspace(0, 1, 200)[:, None] * [1.0, 0.5, 0.2]
    values = noise(line, np.random.default_rng(3), scale=3)
    assert np.array_equal(values, noise(line, np.random.default_rng(3), scale=3))
    assert (values >= 0).all()
    assert (values <= 1).all()
    assert np.abs(np.diff(values)).max() < 0.1
    assert values.std() > 0.02


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_a_step_is_a_half_at_its_edge(value, expected):
    assert step(np.array([value]), 0.5, 0.5)[0] == expected
