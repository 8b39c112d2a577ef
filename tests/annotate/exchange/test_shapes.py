"""Shapes of other tools cover the pixels whose centers are inside them."""

from __future__ import annotations

import timeit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import ExchangeError
from annotate.exchange import read_export, shapes
from segface_hf.labels import CELEBAMASK_HQ
from tests.annotate.exchange.test_import import BRUSH, cvat, labelstudio, photo, region


def full(region, shape):
    """Returns bool (H, W): a region on its photo."""
    height, width = region.inside.shape
    inside = np.zeros(shape, bool)
    inside[region.top : region.top + height, region.left : region.left + width] = region.inside
    return inside


def polygon(corners, shape):
    return full(shapes.polygon(corners, shape), shape)


def box(*sides, degrees, about, shape):
    return full(shapes.box(*sides, degrees=degrees, about=about, shape=shape), shape)


def ellipse(center, radii, *, degrees, shape):
    return full(shapes.ellipse(center, radii, degrees=degrees, shape=shape), shape)


COORDINATE = st.floats(-3, 15) | st.integers(-3, 15)


def test_a_box_covers_whole_pixels_and_its_neighbor_the_next_ones():
    found = box(0, 0, 2, 1, degrees=0, about=(0, 0), shape=(2, 4))
    assert found.tolist() == [[True, True, False, False], [False] * 4]
    following = box(2, 0, 4, 1, degrees=0, about=(0, 0), shape=(2, 4))
    assert (found ^ following)[0].all()


def test_a_turned_box_is_turned_clockwise_about_its_point():
    flat = box(4, 4, 8, 6, degrees=0, about=(4, 4), shape=(12, 12))
    upright = box(4, 4, 8, 6, degrees=90, about=(4, 4), shape=(12, 12))
    assert flat[4:6, 4:8].all()
    assert (upright[4:8, 2:4].all(), flat.sum(), upright.sum()) == (True, 8, 8)


def test_an_ellipse_has_its_area_and_rotates_about_its_center():
    flat = ellipse((50, 40), (30, 10), degrees=0, shape=(80, 100))
    assert flat.sum() == pytest.approx(np.pi * 30 * 10, rel=0.01)
    assert (flat[40, 21], flat[40, 19], flat[31, 50], flat[29, 50]) == (True, False, True, False)
    turned = ellipse((50, 40), (30, 10), degrees=90, shape=(80, 100))
    assert np.array_equal(turned, ellipse((50, 40), (10, 30), degrees=0, shape=(80, 100)))
    slanted = ellipse((50, 40), (30, 10), degrees=45, shape=(80, 100))
    assert (slanted[58, 68], slanted[22, 68]) == (True, False)


@settings(deadline=None)
@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=4, max_size=4))
def test_two_halves_of_a_polygon_give_the_whole_polygon(corners):
    """Whichever way each is drawn: a pixel of the shared edge belongs to one of them."""
    a, b, c, d = corners
    halves = polygon([a, b, c], (12, 12)) ^ polygon([d, c, a], (12, 12))
    assert np.array_equal(halves, polygon(corners, (12, 12)))


@pytest.mark.parametrize("points", [[(0, 0), (3, 3)], [(0, 0), (3, 3), (0, float("inf"))]])
def test_two_corners_and_infinite_coordinates_are_refused(points):
    with pytest.raises(ExchangeError, match=r"has 2 corners|coordinate inf"):
        polygon(points, (4, 4))


def test_the_cost_of_a_shape_follows_its_own_size_and_not_the_photos():
    """100,000 small polygons on one large photo ran past a minute."""

    def seconds(shape):
        def draw():
            shapes.polygon([(10.5, 10.5), (14.5, 10.5), (14.5, 14.5)], shape)
            shapes.ellipse((12, 12), (2, 3), degrees=10, shape=shape)

        return min(timeit.repeat(draw, number=20, repeat=5))

    assert seconds((3000, 4000)) < 10 * seconds((20, 20))


def test_a_polygon_whose_edges_cross_too_many_rows_is_refused():
    corners = [(number, 10_000 * (number % 2)) for number in range(2000)]
    with pytest.raises(
        ExchangeError, match="2,000 corners cross 20,000,000 rows, expected at most"
    ):
        shapes.polygon(corners, (10_000, 2_000))


def ids_of(form, tmp_path):
    photo = next(read_export(tmp_path / "src", CELEBAMASK_HQ, format=form))
    if photo.error:
        raise photo.error
    return photo.labeled.mask


def wanted(*parts):
    ids = np.zeros((24, 32), np.uint8)
    for name, rows, columns in parts:
        ids[rows, columns] = CELEBAMASK_HQ.id_of(name)
    return ids


def test_cvat_boxes_and_ellipses_are_drawn(tmp_path):
    photo(tmp_path / "src/images/a.png")
    box_and_dot = (
        '<box label="skin" xtl="4" ytl="2" xbr="8" ybr="4" rotation="90" z_order="0"/>'
        '<ellipse label="nose" cx="20.5" cy="10.5" rx="0.9" ry="0.9" z_order="1"/>'
    )
    cvat(tmp_path, ('name="a.png"', box_and_dot))
    assert np.array_equal(
        ids_of("cvat", tmp_path),
        wanted(("skin", slice(1, 5), slice(5, 7)), ("nose", 10, 20)),
    )


def test_label_studio_shapes_are_percentages_and_later_ones_cover_earlier_ones(tmp_path):
    photo(tmp_path / "src/images/a.png")
    corners = [[12.5, 25], [50, 25], [50, 75], [12.5, 75]]
    hair = region("polygonlabels", {"points": corners, "closed": True}, label="hair")
    hat = region(
        "rectanglelabels", {"x": 25, "y": 25, "width": 25, "height": 25, "rotation": 0}, label="hat"
    )
    dot = {"x": 100 * 20.5 / 32, "y": 100 * 10.5 / 24, "radiusX": 2, "radiusY": 2, "rotation": 5}
    nose = region("ellipselabels", dot, label="nose")
    labelstudio(tmp_path, ("a.png", [{"result": [BRUSH, hair, hat, nose]}]))
    assert np.array_equal(
        ids_of("labelstudio", tmp_path),
        wanted(
            ("skin", slice(None), slice(None)),
            ("hair", slice(6, 18), slice(4, 16)),
            ("hat", slice(6, 12), slice(8, 16)),
            ("nose", 10, 20),
        ),
    )
    labelstudio(tmp_path, ("a.png", [{"result": [hair, BRUSH]}]))
    assert (ids_of("labelstudio", tmp_path) == CELEBAMASK_HQ.id_of("skin")).all()


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            region("keypointlabels", {"x": 1, "y": 1, "width": 1}),
            "type 'keypointlabels' covers no area",
        ),
        (region("polygon", {"points": []}), "type 'polygon' has no class: give it one"),
        (region("polygonlabels", {"points": [], "closed": False}), "was never closed: close it"),
        (region("polygonlabels", {"points": []}), "0 corners, expected at least three"),
        (region("polygonlabels", {}), "malformed: expected a field 'points'"),
        (
            {**BRUSH, "value": {**BRUSH["value"], "brushlabels": []}},
            "has no class: give it one",
        ),
        (
            {**BRUSH, "original_width": 33},
            "annotated at 33 x 24 pixels, but the photo here has 32 x 24",
        ),
        ({**BRUSH, "image_rotation": 180}, "rotated by 180 degrees: rotate it back"),
        (region("brushlabels", {"format": "png"}), "a brush has the format 'png', expected 'rle'"),
    ],
)
def test_a_label_studio_region_that_cannot_become_a_mask_is_refused(tmp_path, result, sentence):
    photo(tmp_path / "src/images/a.png")
    labelstudio(tmp_path, ("a.png", [{"result": [BRUSH, result]}]))
    with pytest.raises(ExchangeError, match=sentence):
        ids_of("labelstudio", tmp_path)


def test_choices_about_a_photo_are_not_shapes(tmp_path):
    photo(tmp_path / "src/images/a.png")
    choice = {"type": "choices", "value": {"choices": ["smiling"]}}
    labelstudio(tmp_path, ("a.png", [{"result": [choice]}, {"result": [choice, BRUSH]}]))
    assert ids_of("labelstudio", tmp_path).any()
