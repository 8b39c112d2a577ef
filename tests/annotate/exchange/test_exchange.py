"""Exports to other tools keep every class id, and wrong shapes are refused."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from annotate.errors import ExchangeError
from annotate.exchange import EXPORTS, READERS, read_export
from annotate.exchange.rle import pack_brush, region_of, rle_counts, unpack_brush
from segface_hf.errors import DataError, LabelError
from segface_hf.labels import CELEBAMASK_HQ

REGIONS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(REGIONS, st.sampled_from("FC"))
def test_run_lengths_decode_to_the_same_region(region, order):
    counts = rle_counts(region, order=order)
    assert np.array_equal(region_of(counts, shape=region.shape, order=order), region)


@settings(deadline=None)
@given(REGIONS)
def test_a_brush_mask_decodes_to_the_same_region(region):
    assert np.array_equal(unpack_brush(pack_brush(region), shape=region.shape), region)


def test_coco_counts_by_column_and_cvat_by_row():
    region = np.array([[False, True], [True, True]])
    assert rle_counts(region) == [1, 3]
    assert rle_counts(np.array([[True, False], [True, True]])) == [0, 2, 1, 1]
    assert rle_counts(np.array([[True, False], [True, True]]), order="C") == [0, 1, 1, 2]
    with pytest.raises(ExchangeError, match="add up to 3, expected 4"):
        region_of([1, 2], shape=(2, 2))


def test_a_brush_of_label_studio_s_own_converter_is_read():
    """Bytes that label-studio-converter 0.0.59 wrote for this region; it reads ours as well."""
    region = np.array([[False, True, True], [False, False, True]])
    theirs = [0, 0, 0, 24, 57, 27, 252, 96, 19, 255, 206, 1, 31, 248]
    assert unpack_brush(theirs, shape=(2, 3)).tolist() == region.tolist()


@pytest.mark.parametrize("packed", [[], [1, 2], [0, 0, 0, 24, 56], [300], ["x"]])
def test_a_damaged_brush_is_refused(packed):
    with pytest.raises(ExchangeError, match="brush"):
        unpack_brush(packed, shape=(2, 3))


@settings(deadline=None)
@given(
    st.binary(max_size=60), st.sampled_from([b"\x00\x00\x00\x18", b"\x00\x00\x00\x18\x39\x1b\xfc"])
)
def test_a_brush_of_random_bytes_is_read_or_refused(data, header):
    try:
        region = unpack_brush([*header, *data], shape=(2, 3))
    except ExchangeError:
        return
    assert region.shape == (2, 3)


def read(name, folder):
    """Reads a whole export, and raises the error of the first photo that has one."""
    for photo in read_export(folder, CELEBAMASK_HQ, format=name):
        if photo.error:
            raise photo.error
        yield photo.labeled


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_dataset_survives_an_export_and_an_import(name, drawn, tmp_path):
    corrections = [drawn(n) for n in range(3)]
    assert EXPORTS[name](iter(corrections), tmp_path / "out") == 3
    back = {item.name: item for item in read(name, tmp_path / "out")}
    assert sorted(back) == sorted(c.content_id for c in corrections)
    for correction in corrections:
        assert np.array_equal(back[correction.content_id].mask, correction.mask)
        assert np.array_equal(back[correction.content_id].image, correction.image)


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_an_export_into_a_folder_with_files_is_refused(name, drawn, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ExchangeError, match="is not empty: name a new folder"):
        EXPORTS[name]([drawn(1)], tmp_path)


def test_cvat_photos_are_named_as_in_images_and_numbered_by_name(drawn, tmp_path):
    """CVAT would otherwise match photos by number, and give them masks of other photos."""
    corrections = [drawn(n) for n in range(5)]
    corrections.sort(key=lambda c: c.content_id, reverse=True)
    EXPORTS["cvat"](corrections, tmp_path)
    images = ElementTree.parse(tmp_path / "annotations.xml").findall("image")
    files = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert [image.get("name") for image in images] == files
    assert [image.get("id") for image in images] == ["0", "1", "2", "3", "4"]


def test_cvat_labels_are_listed_in_a_task_where_datumaro_looks_for_them(drawn, tmp_path):
    EXPORTS["cvat"]([drawn(1)], tmp_path)
    labels = ElementTree.parse(tmp_path / "annotations.xml").findall("meta/task/labels/label/name")
    assert [label.text for label in labels] == list(CELEBAMASK_HQ.names[1:])


def cvat(tmp_path, shapes, size=(4, 3)):
    Image.new("RGB", size).save(tmp_path / "a.png")
    xml = f'<annotations><image name="a.png" width="4" height="3">{shapes}</image></annotations>'
    (tmp_path / "annotations.xml").write_text(xml)
    return next(read("cvat", tmp_path))


def test_cvat_shapes_cover_each_other_by_z_order(tmp_path):
    polygon = '<polygon label="hair" z_order="1" points="0,0;4,0;4,1;0,1"/>'
    mask = '<mask label="skin" z_order="0" rle="0, 4" left="0" top="0" width="2" height="2"/>'
    assert cvat(tmp_path, polygon + mask).mask.tolist() == [
        [14, 14, 14, 14],
        [2, 2, 0, 0],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ('<mask label="mole" rle="0, 4" left="0" top="0" width="2" height="2"/>', "'mole' is not"),
        (
            '<mask label="skin" rle="0, 4" left="3" top="0" width="2" height="2"/>',
            "columns 3 to 5 and rows 0 to 2, beyond",
        ),
        ('<mask label="skin" rle="0, 5" left="0" top="0" width="2" height="2"/>', "add up to 5"),
        ('<mask label="skin" rle="a" left="0" top="0" width="2" height="2"/>', "malformed .*'a'"),
        ('<mask label="skin"/>', "malformed: expected a field 'left', found none"),
        ('<polyline label="hair" points="0,0;3,2"/>', "polyline of 'hair' covers no area: draw it"),
        ("<cuboid/>", "a cuboid of 'None' covers no area: draw it as one of"),
        ('<points label="l_eye" points="0,0"/>', "points of 'l_eye' covers no area"),
        ('<skeleton label="face"><points label="1" points="0,0"/></skeleton>', "skeleton of 'fac"),
        ('<polygon label="hair" points="0,0;3,2"/>', "has 2 corners, expected at least three"),
        (
            '<polygon label="hair" points="0,0;3,2;nan,1"/>',
            "the coordinate nan, expected",
        ),
        (
            '<box label="hair" xtl="9" ytl="9" xbr="9" ybr="9"/>',
            "none of its 1 shapes covers",
        ),
        ("<mask", "isn't complete XML"),
    ],
)
def test_a_wrong_cvat_shape_is_refused(tmp_path, shape, sentence):
    with pytest.raises(ExchangeError, match=sentence):
        cvat(tmp_path, shape)


def test_a_folder_with_unknown_ids_is_refused_by_file(drawn, tmp_path):
    EXPORTS["folder"]([drawn(1)], tmp_path)
    path = tmp_path / "masks" / f"{drawn(1).content_id}.png"
    Image.fromarray(np.full((24, 32), 99, np.uint8)).save(path)
    with pytest.raises((DataError, LabelError), match="99"):
        list(read("folder", tmp_path))
