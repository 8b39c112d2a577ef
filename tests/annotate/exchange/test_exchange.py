"""Masks leave to other tools and come back with every id intact."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from annotate.errors import ExchangeError
from annotate.exchange import EXPORTS, READERS
from annotate.exchange.coco import coco_segments
from annotate.exchange.labelstudio import SETUP, TASKS
from annotate.exchange.rle import pack_brush, region_of, rle_counts, unpack_brush
from segface_hf.errors import DataError, LabelError
from segface_hf.labels import CELEBAMASK_HQ

REGIONS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(REGIONS, st.sampled_from("FC"))
def test_run_lengths_give_the_region_back(region, order):
    counts = rle_counts(region, order=order)
    assert np.array_equal(region_of(counts, shape=region.shape, order=order), region)


@settings(deadline=None)
@given(REGIONS)
def test_a_brush_gives_the_region_back(region):
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


def read(name, folder):
    """Reads a whole export, and raises what is wrong with one of its photos."""
    for item in READERS[name](folder, CELEBAMASK_HQ):
        if item.trouble:
            raise item.trouble
        yield item.labelled


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
def test_an_export_never_mixes_with_what_is_there(name, drawn, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ExchangeError, match="is not empty: name a new folder"):
        EXPORTS[name]([drawn(1)], tmp_path)


def test_coco_names_every_class_and_codes_every_segment(drawn, tmp_path):
    EXPORTS["coco"]([drawn(1), drawn(2)], tmp_path)
    document = json.loads((tmp_path / "annotations.json").read_text())
    assert [c["name"] for c in document["categories"]] == list(CELEBAMASK_HQ.names[1:])
    assert [(a["id"], a["image_id"], a["category_id"]) for a in document["annotations"]] == [
        (1, 1, 2),
        (2, 1, 16),
        (3, 2, 2),
        (4, 2, 16),
    ]
    hat = document["annotations"][1]
    assert (hat["area"], hat["bbox"]) == (96, [8, 0, 16, 6])
    region = region_of(hat["segmentation"]["counts"], shape=tuple(hat["segmentation"]["size"]))
    assert np.array_equal(region, drawn(1).mask == 16)
    assert coco_segments(np.zeros((2, 2), np.uint8)) == []


def test_label_studio_gets_a_set_up_with_every_class(drawn, tmp_path):
    EXPORTS["labelstudio"]([drawn(1)], tmp_path)
    names = re.findall(r'Label value="(\w+)"', (tmp_path / SETUP).read_text())
    assert names == list(CELEBAMASK_HQ.names[1:])


def test_a_label_studio_address_is_only_a_file_name(drawn, tmp_path):
    EXPORTS["labelstudio"]([drawn(1)], tmp_path)
    tasks = json.loads((tmp_path / TASKS).read_text())
    tasks[0]["data"]["image"] = f"/data/local-files/?d=a%2F{drawn(1).content_id}.png"
    (tmp_path / TASKS).write_text(json.dumps(tasks))
    assert len(list(read("labelstudio", tmp_path))) == 1
    tasks[0]["data"]["image"] = "../../../etc/passwd"
    (tmp_path / TASKS).write_text(json.dumps(tasks))
    with pytest.raises(ExchangeError, match=r"the photo '.*etc/passwd' is neither in"):
        list(read("labelstudio", tmp_path))


def cvat(tmp_path, shapes, size=(4, 3)):
    Image.new("RGB", size).save(tmp_path / "a.png")
    xml = f'<annotations><image name="a.png" width="4" height="3">{shapes}</image></annotations>'
    (tmp_path / "annotations.xml").write_text(xml)
    return next(read("cvat", tmp_path))


def test_cvat_shapes_are_laid_over_each_other_by_z_order(tmp_path):
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
        ('<mask label="mole" rle="0, 4" left="0" top="0" width="2" height="2"/>', "'mole' is no"),
        ('<mask label="skin" rle="0, 4" left="3" top="0" width="2" height="2"/>', "reaches beyond"),
        ('<mask label="skin" rle="0, 5" left="0" top="0" width="2" height="2"/>', "add up to 5"),
        ('<mask label="skin" rle="a" left="0" top="0" width="2" height="2"/>', "is malformed"),
        ('<mask label="skin"/>', "is malformed"),
        ('<polyline label="hair" points="0,0;3,2"/>', "polyline of 'hair' covers no area: draw it"),
        ('<points label="l_eye" points="0,0"/>', "points of 'l_eye' covers no area"),
        ('<skeleton label="face"><points label="1" points="0,0"/></skeleton>', "skeleton of 'fac"),
        ('<polygon label="hair" points="0,0;3,2"/>', "fewer than three corners"),
        ('<polygon label="hair" points="0,0;3,2;nan,1"/>', "a coordinate that is no number"),
        ('<box label="hair" xtl="9" ytl="9" xbr="9" ybr="9"/>', "cover none of its pixels"),
        ("<mask", "is malformed"),
    ],
)
def test_a_wrong_cvat_shape_is_refused(tmp_path, shape, sentence):
    with pytest.raises(ExchangeError, match=sentence):
        cvat(tmp_path, shape)


def test_annotation_files_that_are_missing_or_no_json_are_named(tmp_path):
    with pytest.raises(ExchangeError, match=r"holds no annotations.xml"):
        list(read("cvat", tmp_path))
    with pytest.raises(ExchangeError, match="must hold one JSON file of tasks, found 0"):
        list(read("labelstudio", tmp_path))
    for text in ("{", "[1]", '[{"data": {}}]', "{}x", "{}", "[]"):
        (tmp_path / "tasks.json").write_text(text)
        with pytest.raises(ExchangeError, match=r"is malformed|holds no list of tasks"):
            list(read("labelstudio", tmp_path))


def test_a_folder_with_unknown_ids_is_refused_by_file(drawn, tmp_path):
    EXPORTS["folder"]([drawn(1)], tmp_path)
    path = tmp_path / "masks" / f"{drawn(1).content_id}.png"
    Image.fromarray(np.full((24, 32), 99, np.uint8)).save(path)
    with pytest.raises((DataError, LabelError), match="99"):
        list(read("folder", tmp_path))
