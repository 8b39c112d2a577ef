"""Label Studio's tasks: every way to draw a mask, and every way to name a picture."""

from __future__ import annotations

import base64
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from annotate.exchange import EXPORTS, NEXT_STEPS, read_export
from annotate.exchange.rle import pack_brush
from segface_hf.labels import CELEBAMASK_HQ

SIZE = (24, 32)
SKIN, HAIR = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
SKIN[4:20, 8:24] = True
HAIR[2:8, 8:24] = True
RIGHT = np.where(HAIR, CELEBAMASK_HQ.id_of("hair"), np.where(SKIN, CELEBAMASK_HQ.id_of("skin"), 0))


def result(kind, value, **fields):
    size = {"original_width": 32, "original_height": 24, "image_rotation": 0}
    return {"type": kind, "to_name": "image", **size, "value": value, **fields}


def brush(region):
    return {"format": "rle", "rle": pack_brush(region)}


def bitmask(region):
    """Returns black pixels on a transparent PNG, as an address."""
    pixels = np.zeros((*region.shape, 4), np.uint8)
    pixels[..., 3] = region * 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return {"imageDataURL": f"data:image/png;base64,{encoded}"}


def brushed(region, label, **fields):
    return result("brushlabels", {**brush(region), "brushlabels": [label]}, **fields)


BOTH = [brushed(SKIN, "skin"), brushed(HAIR, "hair")]


@pytest.fixture
def tasks(tmp_path):
    """Writes tasks and the photos `a.png` and `b.png`; returns what they are read as."""

    def write(*found, file="tasks.json"):
        (tmp_path / "images").mkdir(exist_ok=True)
        for name in "ab":
            Image.new("RGB", SIZE[::-1]).save(tmp_path / f"images/{name}.png")
        (tmp_path / file).write_text(json.dumps(found))
        return list(read_export(tmp_path / file, CELEBAMASK_HQ, format="labelstudio"))

    return write


def task(results, **data):
    return {"data": data or {"image": "a.png"}, "annotations": [{"result": results}]}


def separate(shape, value, label, number):
    """A shape and its label in two results of one id; Label Studio repeats the shape in both."""
    found = result(shape, value, id=number)
    return [found, result("labels", {**value, "labels": [label]}, id=number)]


POLYGON = {"points": [[25, 100 / 6], [75, 100 / 6], [75, 500 / 6], [25, 500 / 6]]}


@pytest.mark.parametrize(
    "results",
    [
        BOTH,
        [
            result("bitmasklabels", {**bitmask(SKIN), "bitmasklabels": ["skin"]}, id="skin"),
            result("bitmasklabels", {**bitmask(HAIR), "bitmasklabels": ["hair"]}, id="hair"),
        ],
        separate("brush", brush(SKIN), "skin", 1) + separate("brush", brush(HAIR), "hair", 2),
        separate("bitmask", bitmask(SKIN), "skin", 1)
        + separate("bitmask", bitmask(HAIR), "hair", 2),
        separate("polygon", POLYGON, "skin", 1) + separate("magicwand", brush(HAIR), "hair", 2),
    ],
    ids=["BrushLabels", "BitmaskLabels", "Brush", "Bitmask", "Polygon and MagicWand"],
)
def test_all_mask_tags_give_the_same_mask(tasks, results):
    (found,) = tasks(task(results))
    assert found.error is None
    assert np.array_equal(found.labeled.mask, RIGHT)


@pytest.mark.parametrize(
    "data",
    [
        {"image": "/data/upload/1/a.png"},
        {"img": "/data/upload/1/a.png"},
        {"photo": "s3://faces/a.png", "id": 7, "text": "a face"},
        {"photo": "https://example.org/a.png?token=x", "thumbnail": "b.png", "image": "a.png"},
        {"portrait": ["a.png"]},
    ],
)
def test_the_picture_is_found_under_the_field_that_the_project_chose(tasks, data):
    (found,) = tasks(task(BOTH, **data))
    assert found.name.endswith("a.png")
    assert np.array_equal(found.labeled.mask, RIGHT)


def test_an_uploaded_photo_is_found_by_the_name_that_it_had_before(tasks):
    first, second = tasks(
        task(BOTH, image="/data/upload/3/0badcafe-a.png"), task(BOTH, image="/data/upload/3/b.png")
    )
    assert np.array_equal(first.labeled.mask, RIGHT)
    assert np.array_equal(second.labeled.mask, RIGHT)
    uploads = [
        task(BOTH, image=f"/data/upload/3/{digits}-a.png") for digits in ("0badcafe", "5" * 8)
    ]
    for photo in tasks(*uploads):
        assert "images/a.png also fits the name" in str(photo.error)


def test_several_pictures_of_a_task_become_photos_of_their_own(tasks):
    results = [
        brushed(SKIN, "skin", item_index=1),
        brushed(HAIR, "hair", item_index=0),
        brushed(HAIR, "hair", item_index=1),
    ]
    first, second = tasks(task(results, images=["a.png", "b.png"]))
    assert (first.name, second.name) == ("a.png", "b.png")
    assert np.array_equal(first.labeled.mask > 0, HAIR)
    assert np.array_equal(second.labeled.mask, RIGHT)


def test_pictures_of_two_image_tags_get_distinct_names(tasks):
    results = [brushed(SKIN, "skin", to_name="right"), brushed(HAIR, "hair", to_name="left")]
    left, right = tasks(task(results, left="a.png", right="b.png"))
    assert np.array_equal(left.labeled.mask > 0, HAIR)
    assert np.array_equal(right.labeled.mask > 0, SKIN)


def test_the_annotation_starred_as_ground_truth_is_used(tasks):
    annotations = [
        {"result": [brushed(HAIR, "skin")]},
        {"result": BOTH, "ground_truth": True},
        {"result": [brushed(SKIN, "hair")], "ground_truth": True, "was_cancelled": True},
    ]
    (found,) = tasks({"data": {"image": "a.png"}, "annotations": annotations})
    assert np.array_equal(found.labeled.mask, RIGHT)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (task(BOTH, name="a", id=4), "no field of its data names a picture, found ['id', 'name']"),
        (task(BOTH, one="a.png", two="b.png"), "belongs to 'image', but the pictures are in"),
        (task([brushed(SKIN, "skin", item_index=2)], images=["a.png"]), "belongs to picture 2 of"),
        (task([result("brush", brush(SKIN), id=1)]), "type 'brush' has no class: give it one"),
        (
            task(
                separate("brush", brush(SKIN), "skin", 1)
                + separate("brush", brush(SKIN), "hair", 1)
            ),
            "has the classes ['skin', 'hair']: give it one",
        ),
        (
            task([result("vectorlabels", {"vectorlabels": ["hair"]})]),
            "type 'vectorlabels' covers no area that can be imported: draw it as one of",
        ),
        (
            task([result("bitmasklabels", {"imageDataURL": "x", "bitmasklabels": ["skin"]})]),
            "a bit mask is 'x', expected data:image/png;base64",
        ),
        (
            task([result("bitmasklabels", {**bitmask(SKIN[:9]), "bitmasklabels": ["skin"]})]),
            "a bit mask has 32 x 9 pixels, but its photo has 32 x 24",
        ),
        (
            task([result("bitmask", {"imageDataURL": "data:image/png;base64,AAAA"}, id=1)]),
            "type 'bitmask' has no class",
        ),
        (
            task(separate("bitmask", {"imageDataURL": "data:image/png;base64,AAAA"}, "skin", 1)),
            "a bit mask can't be decoded",
        ),
        ({"data": {"image": "a.png"}, "completions": []}, "found ['completions', 'data']"),
        ({"data": {"image": "a.png"}, "annotations": 5}, "is malformed"),
    ],
)
def test_a_refused_task_says_what_was_found_and_stops_no_other(tasks, wrong, sentence):
    refused, good = tasks(wrong, task(BOTH, image="b.png"))
    assert sentence in str(refused.error)
    assert np.array_equal(good.labeled.mask, RIGHT)


def test_an_export_names_photos_so_that_label_studio_can_serve_them(drawn, tmp_path):
    out = tmp_path / "my faces"
    EXPORTS["labelstudio"]([drawn(1)], out)
    (found,) = json.loads((out / "tasks.json").read_text())
    address = urlsplit(found["data"]["image"])
    assert address.path == "/data/local-files/"
    assert (tmp_path / parse_qs(address.query)["d"][0]).is_file()
    root = re.search(
        r"LOCAL_FILES_DOCUMENT_ROOT='?([^']+?)'? label-studio start", NEXT_STEPS["labelstudio"](out)
    )
    assert root
    assert root[1] == str(tmp_path)
    names = re.findall(r'Label value="(\w+)"', (out / "labeling.xml").read_text())
    assert names == list(CELEBAMASK_HQ.names[1:])


def test_an_address_does_not_lead_out_of_the_export(tasks):
    (found,) = tasks(task(BOTH, image="/data/local-files/?d=..%2F..%2Fetc%2Fpasswd.png"))
    assert "lacks the photo '../../etc/passwd.png'" in str(found.error)
