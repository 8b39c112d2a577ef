"""COCO files: ours are read by pycocotools, and files of other tools are read by us."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from annotate.errors import ExchangeError
from annotate.exchange import EXPORTS, read_export
from annotate.exchange.rle import coco_region, unpack_counts
from annotate.exchange.shapes import polygon
from segface_hf.labels import CELEBAMASK_HQ
from tests.annotate.exchange.test_shapes import full

# numpy 2 warns about the arrays of pycocotools.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

REGIONS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))
SIZE = (24, 32)
SQUARE = [4.0, 2.0, 12.0, 2.0, 12.0, 8.0, 4.0, 8.0]


@pytest.fixture
def coco(tmp_path):
    """Writes a COCO file of one photo, and returns the result of reading it."""

    def write(*annotations, names=("skin", "hair"), image=None, file="annotations.json"):
        path = tmp_path / "images/a.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", SIZE[::-1]).save(path)
        document = {
            "images": [image or {"id": 7, "file_name": "a.png", "width": 32, "height": 24}],
            "categories": [{"id": 40 + i, "name": name} for i, name in enumerate(names)],
            "annotations": [
                {"id": i, "image_id": 7, "category_id": 40, **a} for i, a in enumerate(annotations)
            ],
        }
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps(document))
        return list(read_export(tmp_path, CELEBAMASK_HQ, format="coco"))

    return write


def ids(*parts):
    expected = np.zeros(SIZE, np.uint8)
    for name, rows, columns in parts:
        expected[rows, columns] = CELEBAMASK_HQ.id_of(name)
    return expected


def test_pycocotools_reads_an_export_with_its_info_and_results(drawn, tmp_path, capsys):
    corrections = [drawn(1), drawn(2)]
    EXPORTS["coco"](corrections, tmp_path)
    found = COCO(str(tmp_path / "annotations.json"))
    found.info()
    assert "description: face parts, classes of celebamask_hq" in capsys.readouterr().out
    assert found.loadCats(17)[0]["name"] == "earring"
    for image, correction in zip(found.imgs.values(), corrections, strict=True):
        assert (tmp_path / image["file_name"]).is_file()
        mask = np.zeros(SIZE, np.uint8)
        for segment in found.loadAnns(found.getAnnIds(image["id"])):
            region = found.annToMask(segment)
            assert segment["area"] == region.sum()
            assert segment["bbox"] == coco_masks.toBbox(found.annToRLE(segment)).tolist()
            mask[region == 1] = segment["category_id"]
        assert np.array_equal(mask, correction.mask)
    segment = found.anns[1]
    result = {"image_id": 1, "category_id": 2, "segmentation": found.annToRLE(segment), "score": 1}
    assert len(found.loadRes([result]).anns) == 1


@given(REGIONS)
def test_compressed_run_lengths_of_pycocotools_are_read(region):
    counts = coco_masks.encode(np.asfortranarray(region.astype(np.uint8)))["counts"].decode()
    found = coco_region(unpack_counts(counts), shape=region.shape)
    assert np.array_equal(full(found, region.shape), region)


@given(st.text(st.characters(max_codepoint=130), max_size=20))
def test_random_characters_are_read_or_refused_as_run_lengths(text):
    try:
        region = coco_region(unpack_counts(text), shape=(2, 3))
    except ExchangeError:
        return
    assert region.inside.shape[0] in (0, 2)


@given(st.lists(st.tuples(st.integers(0, 320), st.integers(0, 240)), min_size=3, max_size=6))
def test_a_polygon_covers_what_pycocotools_says_but_for_its_border(corners):
    corners = [(x / 10, y / 10) for x, y in corners]
    ours = full(polygon(corners, SIZE), SIZE)
    flat = [value for corner in corners for value in corner]
    theirs = coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects([flat], *SIZE))) == 1
    perimeter = sum(
        np.hypot(*np.subtract(a, b))
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
    )
    assert (ours ^ theirs).sum() <= 1.5 * perimeter + 4


def test_polygons_and_both_kinds_of_run_lengths_are_imported(coco):
    rows = np.zeros(SIZE, np.uint8)
    rows[20:] = 1
    plain = {"size": [24, 32], "counts": [16, 2, 24 * 32 - 18]}
    packed = coco_masks.encode(np.asfortranarray(rows))
    compressed = {"size": [24, 32], "counts": packed["counts"].decode()}
    (found,) = coco(
        {"segmentation": [SQUARE, [20, 0, 30, 0, 30, 1, 20, 1]]},
        {"segmentation": compressed, "category_id": 41, "iscrowd": 1},
        {"segmentation": plain},
    )
    assert found.error is None
    assert np.array_equal(
        found.labeled.mask,
        ids(
            ("skin", slice(2, 8), slice(4, 12)),
            ("skin", 0, slice(20, 30)),
            ("hair", slice(20, 24), slice(None)),
            ("skin", slice(16, 18), 0),
        ),
    )


def test_categories_are_matched_by_name_whatever_their_ids(coco):
    (found,) = coco({"segmentation": [SQUARE], "category_id": 41}, names=("nose", "hat"))
    assert np.array_equal(found.labeled.mask, ids(("hat", slice(2, 8), slice(4, 12))))


@pytest.mark.parametrize("file", ["annotations/instances_train.json", "result.json"])
def test_files_of_other_tools_are_found(coco, tmp_path, file):
    (found,) = coco({"segmentation": [SQUARE]}, file=file)
    assert found.error is None
    (named,) = read_export(tmp_path / file, CELEBAMASK_HQ, format="coco")
    assert np.array_equal(named.labeled.mask, found.labeled.mask)


@pytest.mark.parametrize(
    ("annotation", "sentence"),
    [
        ({"bbox": [1, 1, 4, 4]}, "annotation 0 has a box alone: expected a segmentation"),
        ({"segmentation": []}, "annotation 0 has neither a segmentation nor a box"),
        ({"segmentation": [[1, 2, 3, 4]]}, "has 2 corners, expected at least three"),
        ({"segmentation": [[1, 2, 3]]}, "malformed"),
        (
            {"segmentation": [SQUARE], "category_id": 255},
            "has the category 255, which",
        ),
        ({"segmentation": {"size": [32, 24], "counts": [768]}}, "annotated at 24 x 32 pixels"),
        ({"segmentation": {"size": [24, 32], "counts": [5]}}, "add up to 5, expected 768"),
        ({"segmentation": {"size": [24, 32], "counts": "P"}}, "breaks off"),
        ({"segmentation": {"size": [24, 32], "counts": "é!"}}, "characters that COCO doesn't use"),
        ({"segmentation": {"size": [24, 32], "counts": [767.5, 0.5]}}, "other than whole numbers"),
        ({"segmentation": {"size": [24, 32]}}, "expected a field 'counts'"),
        ({"segmentation": {"size": [24, 32], "counts": [768]}}, "none of its 1 shapes covers"),
    ],
)
def test_an_annotation_that_cannot_become_a_mask_is_refused(coco, annotation, sentence):
    (found,) = coco(annotation)
    assert isinstance(found.error, ExchangeError)
    assert sentence in str(found.error)


def test_classes_that_mean_unlabeled_pixels_are_refused_by_name(coco):
    (found,) = coco({"segmentation": [SQUARE]}, names=("unlabeled",))
    assert "'unlabeled' is not a class of 'celebamask_hq': rename it" in str(found.error)


def test_images_without_annotations_and_annotations_without_image_are_reported_separately(coco):
    empty, lost = coco({"segmentation": [SQUARE], "image_id": 9})
    assert (empty.name, empty.labeled, empty.error) == ("a.png", None, None)
    assert lost.name == "image 9"
    assert "1 annotations belong to an image that 'images' doesn't list" in str(lost.error)


def test_a_photo_of_another_size_than_the_file_says_is_refused(coco):
    image = {"id": 7, "file_name": "a.png", "width": 64, "height": 48}
    (found,) = coco({"segmentation": [SQUARE]}, image=image)
    assert "annotated at 64 x 48 pixels, but the photo here has 32 x 24" in str(found.error)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "expected the fields images, annotations and categories, found list"),
        ({"images": []}, r"found \['images'\]"),
        ({"images": [], "annotations": [], "categories": []}, "lists 0 images"),
        ({"images": [{"id": 1}], "annotations": [], "categories": []}, "'file_name'"),
        ({"images": [[]], "annotations": [], "categories": []}, "lacks a field"),
        (
            {"images": [{"id": 1, "file_name": "a"}] * 2, "annotations": [], "categories": []},
            "lists 2 images with 1 different ids",
        ),
    ],
)
def test_a_file_of_another_format_is_refused_as_a_whole(tmp_path, document, sentence):
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    with pytest.raises(ExchangeError, match=sentence):
        list(read_export(tmp_path, CELEBAMASK_HQ, format="coco"))
